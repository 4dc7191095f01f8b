//! Peers that cannot be reached when the relay starts or while it runs, and addresses that do not belong to
//! one host.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;

use namespace::{eventually, in_namespace, ip};
use std::net::UdpSocket;
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{Relay, RelayConfig, Stats};

/// A remote address that the test gives the loopback interface, so that it can be reached.
const PEER: &str = "203.0.113.1:9";
const PEER_V6: &str = "[2001:db8::1]:9";

fn config(peer: &str) -> RelayConfig {
    RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer.parse().unwrap(), 0)
}

fn start(config: RelayConfig) -> Relay {
    Relay::start(config, |event| panic!("unexpected event: {event:?}")).unwrap()
}

/// Sends bursts of one and of several packets into the interface, and waits until each is counted as unreachable.
fn assert_unreachable(relay: &Relay) {
    let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
    for burst in [1, 20, 20, 20, 20] {
        let before = relay.stats().outbound;
        for _ in 0..burst {
            inside.send_to(&[7; 500], "10.9.0.2:7").unwrap();
        }
        let read = || relay.stats().outbound.packets_read == before.packets_read + burst;
        eventually("the packets are read", read);
        eventually("they are counted", || {
            relay.stats().outbound.dropped() == before.dropped() + burst
        });
        let Stats { outbound, offload, .. } = relay.stats();
        assert_eq!(outbound.unreachable, before.unreachable + burst, "{outbound:?}");
        assert!(offload.gso, "{outbound:?}");
    }
}

#[test]
fn a_route_that_forbids_the_peer_is_as_none() {
    in_namespace(|| {
        for kind in ["blackhole", "prohibit", "unreachable", "throw"] {
            for (peer, family, host) in
                [(PEER, "-4", "203.0.113.1/32"), (PEER_V6, "-6", "2001:db8::1/128")]
            {
                for mtu in [None, Some(1_400)] {
                    ip(&format!("{family} route add {kind} default metric 4000000000"));
                    let relay = start(RelayConfig { mtu, ..config(peer) });
                    assert_eq!(
                        relay.info().mtu,
                        mtu.unwrap_or(if family == "-4" { 1_472 } else { 1_452 })
                    );
                    assert_unreachable(&relay);
                    // A route is added.
                    let nodad = if family == "-6" { " nodad" } else { "" };
                    ip(&format!("{family} address add {host} dev lo{nodad}"));
                    let socket = UdpSocket::bind(peer).unwrap();
                    socket.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
                    let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
                    let is_received = || {
                        inside.send_to(b"now", "10.9.0.2:7").unwrap();
                        matches!(socket.recv(&mut [0; 100]), Ok(31))
                    };
                    eventually(&format!("{kind} {peer}: a packet arrives"), is_received);
                    drop(relay);
                    ip(&format!("{family} address delete {host} dev lo"));
                    ip(&format!("{family} route delete {kind} default metric 4000000000"));
                }
            }
        }
    });
}

#[test]
fn a_route_that_forbids_the_peer_of_a_running_relay_is_counted_as_unreachable() {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        ip("address add 192.0.2.1/24 dev v0");
        ip("link set v0 up");
        ip("link set v1 up");
        ip("neighbor add 192.0.2.2 lladdr 02:00:00:00:00:02 nud permanent dev v0");
        ip("route add 203.0.113.0/24 via 192.0.2.2");
        let relay = start(config(PEER));
        for kind in ["blackhole", "prohibit", "unreachable", "throw"] {
            ip(&format!("route add {kind} 203.0.113.1/32"));
            // A route of this type leaves the packet to other routes.
            if kind == "throw" {
                ip("route delete 203.0.113.0/24");
            }
            assert_unreachable(&relay);
            if kind == "throw" {
                ip("route add 203.0.113.0/24 via 192.0.2.2");
            }
            ip(&format!("route delete {kind} 203.0.113.1/32"));
            let before = relay.stats().outbound.datagrams_sent;
            UdpSocket::bind("10.9.0.1:0").unwrap().send_to(b"now", "10.9.0.2:7").unwrap();
            eventually("it is sent", || relay.stats().outbound.datagrams_sent == before + 1);
        }
    });
}

#[test]
fn an_address_that_is_not_of_one_host_is_refused() {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        ip("address add 192.0.2.1/24 broadcast 192.0.2.255 dev v0");
        ip("link set v0 up");
        for (peer, reason) in [
            ("192.0.2.255", "broadcast"),
            ("127.255.255.255", "broadcast"),
            ("255.255.255.255", "broadcast"),
            ("0.0.0.0", "unspecified"),
            ("224.0.0.5", "multicast"),
            ("[::]", "unspecified"),
            ("[ff02::1]", "multicast"),
        ] {
            let error = Relay::start(config(&format!("{peer}:9")), |_| {}).map(drop).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
            assert!(error.to_string().contains(reason), "{peer}: {error}");
        }
        assert_eq!(start(config("192.0.2.254:9")).info().mtu, 1_472);
    });
}
