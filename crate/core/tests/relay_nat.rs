//! A peer behind a NAT of nftables, whose mapping gets another port.

#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/other_host.rs"]
mod other_host;

use namespace::{eventually, in_namespace, ip, skip};
use other_host::OtherHost;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tun2udp_core::relay::{FollowPort, PeerConfig, Relay, RelayConfig};

const HUB: [u8; 4] = [192, 0, 2, 1];
const NAT: [u8; 4] = [192, 0, 2, 2];
/// The port of the spoke behind the NAT.
const INNER_PORT: u16 = 5_001;

/// Returns a command without the folders that npm adds to the search path: a package there has a program `nft` too.
fn system(tool: &str) -> Command {
    let mut command = Command::new(tool);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_of_system = |folder: &PathBuf| !folder.ends_with("node_modules/.bin");
    let folders = std::env::split_paths(&path).filter(is_of_system);
    command.env("PATH", std::env::join_paths(folders).unwrap());
    command
}

fn nft(arguments: &str) {
    let output = system("nft").arg(arguments).output().expect("nft starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "nft {arguments}: {errors}");
}

fn missing() -> Option<&'static str> {
    let is_missing = |tool: &str| system(tool).arg("--version").output().is_err();
    if is_missing("nft") {
        return Some("needs nft of nftables");
    }
    is_missing("conntrack").then_some("needs conntrack of conntrack-tools")
}

fn inside_socket(address: &str, port: u16) -> UdpSocket {
    let socket = UdpSocket::bind((address, port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// Receives a packet, which passes the NAT. A wait with a time limit may be interrupted (signal(7)), and is repeated.
fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> (usize, SocketAddr) {
    loop {
        match socket.recv_from(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            received => return received.expect("it passes the NAT"),
        }
    }
}

/// Replaces the port of the mapping. The NAT forgets the mappings of before.
fn map_to(host: &OtherHost, port: u16) {
    host.run(move || {
        let [a, b, c, d] = NAT;
        // One transaction: no packet passes between both.
        nft(&format!(
            "flush chain ip nat out; \
             add rule ip nat out udp sport {INNER_PORT} snat to {a}.{b}.{c}.{d}:{port}"
        ));
        let flushed = system("conntrack").arg("-F").output().expect("conntrack starts");
        assert!(flushed.status.success(), "{flushed:?}");
    });
}

/// A hub, and a spoke on another host that is also its NAT.
struct Network {
    hub: Relay,
    spoke: Relay,
    host: OtherHost,
    hub_inside: UdpSocket,
    spoke_inside: UdpSocket,
}

impl Network {
    fn start(keepalive: Option<Duration>) -> Self {
        let host = OtherHost::connected("near", "far");
        ip("address add 192.0.2.1/24 dev near");
        host.ip("address add 192.0.2.2/24 dev far");
        host.run(|| {
            nft("add table ip nat");
            nft("add chain ip nat out { type nat hook postrouting priority srcnat; }");
        });
        // The kernel sends packets of its own into the tunnel, which must not have a mapping of another port.
        map_to(&host, 40_001);
        let network = "10.9.0.2/32".parse().unwrap();
        let endpoint = SocketAddr::from((NAT, 40_001));
        let peer = PeerConfig {
            follow_port: FollowPort::Known,
            ..PeerConfig::new(endpoint, vec![network])
        };
        let config = RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), vec![peer], 0);
        let hub = Relay::start(config.unwrap(), |_| {}).unwrap();
        let to_hub = SocketAddr::from((HUB, hub.info().local.port()));
        let (spoke, spoke_inside) = host.run(move || {
            let config = RelayConfig::new("10.9.0.2/24".parse().unwrap(), to_hub, INNER_PORT);
            let spoke = Relay::start(RelayConfig { keepalive, ..config }, |_| {}).unwrap();
            (spoke, inside_socket("10.9.0.2", 7))
        });
        let hub_inside = inside_socket("10.9.0.1", 9);
        Self { hub, spoke, host, hub_inside, spoke_inside }
    }

    fn map_to(&self, port: u16) {
        map_to(&self.host, port);
    }

    fn endpoint(&self) -> SocketAddr {
        self.hub.peer_stats()[0].endpoint
    }

    /// Sends a packet from behind the NAT, and the reply to it.
    fn round_trip(&self) {
        let mut buffer = [0; 100];
        self.spoke_inside.send_to(b"request", "10.9.0.1:9").unwrap();
        let (len, from) = receive(&self.hub_inside, &mut buffer);
        assert_eq!((&buffer[..len], from), (&b"request"[..], ([10, 9, 0, 2], 7).into()));
        self.hub_inside.send_to(b"reply", from).unwrap();
        let (len, _) = receive(&self.spoke_inside, &mut buffer);
        assert_eq!(&buffer[..len], b"reply");
    }
}

#[test]
fn traffic_recovers_with_the_first_packet_from_inside() {
    if skip::because(missing()) {
        return;
    }
    in_namespace(|| {
        let network = Network::start(None);
        network.round_trip();
        // Also if nothing ever came from the port, and back to an earlier one.
        for port in [40_002, 40_003, 50_001, 40_002] {
            network.map_to(port);
            network.round_trip();
            assert_eq!(network.endpoint(), (NAT, port).into());
        }
        assert_eq!(network.spoke.stats().outbound.keepalives_sent, 0);
    });
}

#[test]
fn traffic_recovers_from_outside_with_a_keepalive() {
    if skip::because(missing()) {
        return;
    }
    in_namespace(|| {
        let network = Network::start(Some(Duration::from_millis(200)));
        network.round_trip();
        for port in [40_002, 40_003] {
            network.map_to(port);
            // Nothing is sent from inside.
            eventually("the keepalive is followed", || network.endpoint() == (NAT, port).into());
            network.hub_inside.send_to(b"outside", "10.9.0.2:7").unwrap();
            let mut buffer = [0; 100];
            let (len, _) = receive(&network.spoke_inside, &mut buffer);
            assert_eq!(&buffer[..len], b"outside");
        }
        assert_eq!(network.spoke.stats().outbound.datagrams_sent, 1);
        assert_eq!(network.hub.stats().inbound.packets_written, 1);
    });
}
