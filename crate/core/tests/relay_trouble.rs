//! Trouble on the outside that passes: local addresses that are removed, full queues, links that go down.

#[path = "support/elsewhere.rs"]
mod elsewhere;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/running.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod running;

use elsewhere::Elsewhere;
use namespace::{eventually, in_namespace, ip, skip};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tun2udp_core::relay::{Relay, RelayConfig, Stats};
use tun2udp_core::sys::netns;

const BURST: u64 = 20;

/// A relay whose peer is a socket in another namespace, behind a link.
struct Outside {
    far: Elsewhere,
    relay: Relay,
    peer: UdpSocket,
}

impl Outside {
    fn start(local: &str, far_address: &str) -> Self {
        let far = Elsewhere::new();
        let thread = far.path.split('/').rfind(|part| part.parse::<u32>().is_ok());
        ip("link add v0 type veth peer name v1");
        ip(&format!("link set v1 netns {}", thread.unwrap()));
        ip("link set v0 up");
        far.ip("link set v1 up");
        add_addresses(local);
        far.ip(&format!("address add {far_address}{}", suffix(far_address, "v1")));
        let peer = far.socket(SocketAddr::new(far_address.parse().unwrap(), 0));
        let config = RelayConfig {
            listen: Some(local.parse().unwrap()),
            ..RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer.local_addr().unwrap(), 0)
        };
        let relay = Relay::start(config, |event| panic!("{event:?}")).unwrap();
        Self { far, relay, peer }
    }

    /// Sends packets into the tunnel, and waits until each is sent or lost.
    fn send(&self) {
        let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
        let before = self.stats().outbound.packets_read;
        for _ in 0..BURST {
            inside.send_to(&[7; 500], "10.9.0.2:7").unwrap();
        }
        eventually("each packet is sent or lost", || {
            let outbound = self.stats().outbound;
            outbound.packets_read >= before + BURST
                && outbound.packets_read == outbound.datagrams_sent + outbound.dropped()
        });
    }

    fn stats(&self) -> Stats {
        self.relay.stats()
    }

    /// Asserts that packets pass in both directions.
    fn assert_passes(&self, case: &str) {
        eventually(&format!("{case}: a packet goes out"), || {
            self.send();
            let mut buffer = [0; 2_000];
            let mut received = 0;
            while self.peer.recv(&mut buffer).is_ok() {
                received += 1;
            }
            received > 0
        });
        let before = self.stats().inbound.packets_written;
        eventually(&format!("{case}: a packet comes in"), || {
            self.peer.send_to(&[0x45; 40], self.relay.info().local).unwrap();
            self.stats().inbound.packets_written + self.stats().inbound.rejected > before
        });
        eventually(&format!("{case}: GSO is in use"), || {
            self.send();
            self.stats().offload.gso
        });
    }

    /// Sends packets that are lost. Returns how many of them were not counted as `dropped`.
    fn assert_lost(&self, case: &str, dropped: fn(&Stats) -> u64) {
        let before = self.stats();
        self.send();
        eventually(&format!("{case}: each is counted"), || {
            dropped(&self.stats()) == dropped(&before) + BURST
        });
        assert_eq!(self.stats().outbound.datagrams_sent, before.outbound.datagrams_sent, "{case}");
    }
}

impl Elsewhere {
    /// Binds a socket in this namespace. Its receives have a short time limit.
    fn socket(&self, address: SocketAddr) -> UdpSocket {
        let path = &self.path;
        let inside = || {
            netns::enter(netns::open(Path::new(path)).unwrap().as_fd()).unwrap();
            let socket = UdpSocket::bind(address).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            socket
        };
        std::thread::scope(|scope| scope.spawn(inside).join()).unwrap()
    }
}

/// The prefix and the device for ip(8).
fn suffix(address: &str, device: &str) -> String {
    if address.contains(':') {
        format!("/64 dev {device} nodad")
    } else {
        format!("/24 dev {device}")
    }
}

/// Adds the address that the relay listens on, and another one, whose network stays.
fn add_addresses(local: &str) {
    let other = if local.contains(':') { "2001:db8::99" } else { "192.0.2.99" };
    for address in [other, local] {
        ip(&format!("address add {address}{}", suffix(address, "v0")));
    }
}

const ENDS: [(&str, &str); 2] = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")];

#[test]
fn a_local_address_that_is_removed_and_added_again_is_survived() {
    for (local, far) in ENDS {
        in_namespace(|| {
            let outside = Outside::start(local, far);
            for round in ["first", "second"] {
                outside.assert_passes(round);
                ip(&format!("address delete {local}{}", suffix(local, "v0").replace(" nodad", "")));
                let before = outside.stats().outbound;
                outside.send();
                // Over IPv6 the kernel sends from the missing address.
                eventually("each is sent or counted as lost", || {
                    let now = outside.stats().outbound;
                    now.packets_read == before.packets_read + BURST
                        && now.datagrams_sent + now.unreachable
                            == before.datagrams_sent + before.unreachable + BURST
                });
                ip(&format!("address add {local}{}", suffix(local, "v0")));
            }
            outside.assert_passes("at the end");
            running::finish(&outside.relay);
        });
    }
}

#[test]
fn a_full_queue_of_the_link_is_survived() {
    in_namespace(|| {
        let has_tc = Command::new("tc").arg("-V").output().is_ok();
        if skip::because((!has_tc).then_some("needs tc of iproute2")) {
            return;
        }
        let tc = |arguments: &str| {
            let status = Command::new("tc").args(arguments.split(' ')).status().unwrap();
            assert!(status.success(), "tc {arguments}");
        };
        let (local, far) = ENDS[0];
        let outside = Outside::start(local, far);
        for round in ["first", "second"] {
            outside.assert_passes(round);
            // A queue without room.
            tc("qdisc add dev v0 root pfifo limit 0");
            for _ in 0..5 {
                outside.assert_lost(round, |stats| stats.outbound.no_buffers);
            }
            assert!(outside.stats().offload.gso, "single datagrams are refused too");
            tc("qdisc delete dev v0 root");
        }
        outside.assert_passes("at the end");
        running::finish(&outside.relay);
    });
}

#[test]
fn routes_that_forbid_the_peer_and_links_that_are_down_are_survived() {
    for (local, far) in ENDS {
        in_namespace(|| {
            let outside = Outside::start(local, far);
            let host = format!("{far}/{}", if far.contains(':') { 128 } else { 32 });
            for kind in ["blackhole", "prohibit", "unreachable"] {
                outside.assert_passes(kind);
                ip(&format!("route add {kind} {host}"));
                for _ in 0..5 {
                    outside.assert_lost(kind, |stats| stats.outbound.unreachable);
                }
                ip(&format!("route delete {kind} {host}"));
            }
            outside.assert_passes("link up");
            ip("link set v0 down");
            outside.assert_lost("down", |stats| stats.outbound.unreachable);
            ip("link set v0 up");
            if far.contains(':') {
                // The kernel removes IPv6 addresses of a link that goes down.
                add_addresses(local);
            }
            outside.assert_passes("link up again");
            running::finish(&outside.relay);
            drop(outside.far);
        });
    }
}
