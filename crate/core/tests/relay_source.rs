//! Source addresses: answers leave from the address that the peer sends to.

#[path = "support/inner.rs"]
mod inner;
#[path = "support/inside.rs"]
mod inside;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/other_host.rs"]
mod other_host;
#[path = "support/running.rs"]
mod running;

use namespace::{eventually, in_namespace, ip, loopback_socket};
use other_host::OtherHost;
use running::{finish, start};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tun2udp_core::relay::{PeerConfig, Relay, RelayConfig};

/// A host, and the sockets of it that are bound to addresses.
fn far(addresses: &[&str]) -> (OtherHost, Vec<UdpSocket>) {
    let host = OtherHost::connected("left0", "right0");
    for last in ["1", "11"] {
        ip(&format!("address add 192.0.2.{last}/24 dev left0"));
        ip(&format!("address add 2001:db8::{last}/64 dev left0 nodad"));
    }
    for last in ["2", "3"] {
        host.ip(&format!("address add 192.0.2.{last}/24 dev right0"));
        host.ip(&format!("address add 2001:db8::{last}/64 dev right0 nodad"));
    }
    let bind = |address: &&str| {
        let address: IpAddr = address.parse().unwrap();
        let socket = host.run(move || UdpSocket::bind((address, 0)).unwrap());
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    };
    let sockets = addresses.iter().map(bind).collect();
    (host, sockets)
}

fn config(peer: &UdpSocket) -> RelayConfig {
    RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer.local_addr().unwrap(), 0)
}

/// Sends a packet from the peer to a local address of the relay, and waits until it has passed.
fn ask(relay: &Relay, peer: &UdpSocket, local: IpAddr) {
    ask_at(peer, SocketAddr::new(local, relay.info().local.port()), 2);
}

/// Sends the packet from the inner address 10.9.0.`source`.
fn ask_at(peer: &UdpSocket, to: SocketAddr, source: u8) {
    let inside = inside::socket();
    inside.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    // The first datagrams to an address that came back may be lost, until the peer has found its neighbor again.
    let mut buffer = [0; 10];
    let mut lost = 0;
    while let Err(error) = {
        peer.send_to(&inner::udp_packet(source, b"question"), to).unwrap();
        inside.recv(&mut buffer)
    } {
        lost += 1;
        assert!(lost < 20, "{error}");
    }
    assert_eq!(&buffer[..8], b"question");
    while lost > 0 && inside.recv(&mut buffer).is_ok() {}
}

/// Sends a packet out of the interface; returns the source address that the peer sees.
fn answer_of(peer: &UdpSocket, to: &str) -> IpAddr {
    let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
    inside.send_to(b"answer", to).unwrap();
    let mut buffer = [0; 100];
    let (len, source) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[28..len], b"answer");
    source.ip()
}

#[test]
fn answers_leave_from_the_address_that_was_asked() {
    in_namespace(|| {
        let (_host, peers) = far(&["192.0.2.2", "2001:db8::2"]);
        for (peer, locals) in [
            (&peers[0], ["192.0.2.11", "192.0.2.1", "192.0.2.11"]),
            (&peers[1], ["2001:db8::11", "2001:db8::1", "2001:db8::11"]),
        ] {
            let relay = start(config(peer));
            for local in locals {
                let local = local.parse().unwrap();
                ask(&relay, peer, local);
                assert_eq!(answer_of(peer, "10.9.0.2:7"), local);
            }
            // Several packets that wait together.
            let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
            for number in 0..40_u8 {
                inside.send_to(&[number; 300], "10.9.0.2:7").unwrap();
            }
            for number in 0..40_u8 {
                let mut buffer = [0; 400];
                let (len, source) = peer.recv_from(&mut buffer).unwrap();
                assert_eq!((len, buffer[28]), (328, number));
                assert_eq!(source.ip(), locals[2].parse::<IpAddr>().unwrap());
            }
            assert_eq!(finish(&relay).outbound.sources_lost, 0);
        }
    });
}

#[test]
fn an_address_that_is_removed_is_forgotten_and_one_that_comes_back_is_used() {
    in_namespace(|| {
        let (_host, peers) = far(&["192.0.2.2", "2001:db8::2"]);
        for (peer, asked, other, length) in [
            (&peers[0], "192.0.2.11", "192.0.2.1", "24"),
            (&peers[1], "2001:db8::11", "2001:db8::1", "64"),
        ] {
            let nodad = if length == "64" { " nodad" } else { "" };
            let (local, other): (IpAddr, IpAddr) = (asked.parse().unwrap(), other.parse().unwrap());
            let relay = start(config(peer));
            ask(&relay, peer, local);
            assert_eq!(answer_of(peer, "10.9.0.2:7"), local);
            ip(&format!("address delete {asked}/{length} dev left0"));
            for _ in 0..3 {
                assert_eq!(answer_of(peer, "10.9.0.2:7"), other);
            }
            let outbound = relay.stats().outbound;
            assert_eq!((outbound.sources_lost, outbound.dropped()), (1, 0), "{outbound:?}");
            ip(&format!("address add {asked}/{length} dev left0{nodad}"));
            ask(&relay, peer, local);
            assert_eq!(answer_of(peer, "10.9.0.2:7"), local);
            // A route that refuses every packet is not the fault of the address.
            let network = if length == "64" { "2001:db8::2/128" } else { "192.0.2.2/32" };
            ip(&format!("route add blackhole {network}"));
            let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
            for count in 1..=3 {
                inside.send_to(b"lost", "10.9.0.2:7").unwrap();
                eventually("it is counted", || relay.stats().outbound.unreachable == count);
            }
            ip(&format!("route delete blackhole {network}"));
            assert_eq!(answer_of(peer, "10.9.0.2:7"), local);
            assert_eq!(finish(&relay).outbound.sources_lost, 1);
        }
    });
}

#[test]
fn each_peer_has_its_own_address() {
    in_namespace(|| {
        let (_host, sockets) = far(&["192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::3"]);
        let networks = ["10.20.0.0/16", "10.21.0.0/16", "10.22.0.0/16", "10.23.0.0/16"];
        let peers = sockets.iter().zip(networks).zip(10..).map(|((socket, network), source)| {
            let prefixes = [network.to_owned(), format!("10.9.0.{source}/32")];
            let prefixes = prefixes.map(|prefix| prefix.parse().unwrap()).to_vec();
            PeerConfig::new(socket.local_addr().unwrap(), prefixes)
        });
        let address = "10.9.0.1/24".parse().unwrap();
        let mut config = RelayConfig::with_peers(address, peers.collect(), 0).unwrap();
        config.routes.push("10.20.0.0/14".parse().unwrap());
        let relay = start(config);
        let locals = ["192.0.2.11", "192.0.2.1", "2001:db8::11", "2001:db8::1"];
        let locals = locals.map(|local| local.parse::<IpAddr>().unwrap());
        for ((peer, local), source) in sockets.iter().zip(locals).zip(10..) {
            ask_at(peer, SocketAddr::new(local, relay.info().local.port()), source);
        }
        for ((peer, local), second) in sockets.iter().zip(locals).zip(20..) {
            assert_eq!(answer_of(peer, &format!("10.{second}.0.1:7")), local);
        }
        finish(&relay);
    });
}

#[test]
fn a_wildcard_on_loopback_answers_from_the_address_that_was_asked() {
    in_namespace(|| {
        let peer = loopback_socket();
        for queues in [1, 3] {
            let listen = Some("0.0.0.0".parse().unwrap());
            let relay = start(RelayConfig { listen, queues, ..config(&peer) });
            let local = "127.0.0.5".parse().unwrap();
            ask(&relay, &peer, local);
            assert_eq!(answer_of(&peer, "10.9.0.2:7"), local);
            finish(&relay);
        }
        // A socket with an address of its own always has that.
        let listen: IpAddr = "127.0.0.9".parse().unwrap();
        let relay = start(RelayConfig { listen: Some(listen), ..config(&peer) });
        ask(&relay, &peer, listen);
        assert_eq!(answer_of(&peer, "10.9.0.2:7"), listen);
        finish(&relay);
    });
}

#[test]
fn link_local_addresses_are_answered_from_too() {
    in_namespace(|| {
        let (host, _) = far(&[]);
        ip("address add fe80::11/64 dev left0 nodad");
        ip("address add fe80::12/64 dev left0 nodad");
        host.ip("address add fe80::2/64 dev right0 nodad");
        let peer = host.run(|| {
            let index = tun2udp_core::sys::interface::index_of("right0").unwrap();
            let address: Ipv6Addr = "fe80::2".parse().unwrap();
            let socket =
                UdpSocket::bind(std::net::SocketAddrV6::new(address, 0, 0, index)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            (socket, index)
        });
        let (peer, index) = peer;
        let port = peer.local_addr().unwrap().port();
        let mut config = config(&peer);
        config.peer = SocketAddr::new("fe80::2".parse().unwrap(), port);
        config.peer_zone = Some("left0".to_owned());
        let relay = start(config);
        for local in ["fe80::12", "fe80::11"] {
            let address: Ipv6Addr = local.parse().unwrap();
            let to = std::net::SocketAddrV6::new(address, relay.info().local.port(), 0, index);
            ask_at(&peer, to.into(), 2);
            assert_eq!(answer_of(&peer, "10.9.0.2:7"), IpAddr::V6(address));
        }
        assert_eq!(finish(&relay).outbound.sources_lost, 0);
    });
}
