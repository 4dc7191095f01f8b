//! A link-local peer: the relay follows its interface by name.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/inner.rs"]
mod inner;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;

use namespace::{eventually, in_namespace, ip};
use std::net::{SocketAddr, SocketAddrV6, UdpSocket};
use std::time::Duration;
use tun2udp_core::relay::{Accept, Relay, RelayConfig};
use tun2udp_core::sys::interface;

const NEAR: &str = "fe80::1";
const FAR: &str = "fe80::2";

/// Creates both ends of a link in this namespace. Returns the index of the near end, which is called `name`.
fn make_link(name: &str, index: u32) -> u32 {
    ip(&format!("link add name {name} index {index} type veth peer name far"));
    for (link, address) in [(name, NEAR), ("far", FAR)] {
        ip(&format!("link set dev {link} addrgenmode none"));
        ip(&format!("address add {address}/64 dev {link} nodad"));
        ip(&format!("link set dev {link} up"));
    }
    interface::index_of(name).unwrap()
}

/// Opens the socket of the peer, at the far end.
fn far_socket(port: u16) -> UdpSocket {
    let scope_id = interface::index_of("far").unwrap();
    let socket =
        UdpSocket::bind(SocketAddrV6::new(FAR.parse().unwrap(), port, 0, scope_id)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket
}

fn config(zone: &str, port: u16, accept: Accept) -> RelayConfig {
    let peer = SocketAddr::new(FAR.parse().unwrap(), port);
    let config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0);
    RelayConfig { peer_zone: Some(zone.to_owned()), accept, ..config }
}

/// Sends packets in both directions until one arrives. `sends_first`: into the interface first.
fn exchange(relay: &Relay, far: &UdpSocket, sends_first: bool) {
    let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
    inside.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let scope_id = interface::index_of("far").unwrap();
    let to = SocketAddrV6::new(NEAR.parse().unwrap(), relay.info().local.port(), 0, scope_id);
    let outbound = || {
        eventually("a packet arrives at the peer", || {
            inside.send_to(b"out", "10.9.0.2:7").unwrap();
            matches!(far.recv(&mut [0; 100]), Ok(31))
        });
    };
    let inbound = || {
        eventually("a packet of the peer arrives", || {
            far.send_to(&inner::udp_packet(2, b"in"), to).unwrap();
            matches!(inside.recv(&mut [0; 100]), Ok(2))
        });
    };
    if sends_first {
        (outbound(), inbound())
    } else {
        (inbound(), outbound())
    };
}

#[test]
fn a_link_that_is_deleted_and_made_again_is_followed() {
    in_namespace(|| {
        for (name, accept) in [
            ("va", Accept::Peer),
            ("br_lan", Accept::Peer),
            ("a.b", Accept::Any),
            ("wg-0", Accept::Peer),
        ] {
            let mut index = make_link(name, 1_000);
            let mut far = far_socket(0);
            let port = far.local_addr().unwrap().port();
            for by_index in [false, true] {
                let zone = if by_index { index.to_string() } else { name.to_owned() };
                let relay = Relay::start(config(&zone, port, accept), |event| panic!("{event:?}"));
                let relay = relay.unwrap();
                exchange(&relay, &far, true);
                for (round, sends_first) in [(1, true), (2, false)] {
                    drop(far);
                    ip(&format!("link delete {name}"));
                    // While it does not exist, there are only losses.
                    let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
                    let before = relay.stats().outbound.unreachable;
                    inside.send_to(b"lost", "10.9.0.2:7").unwrap();
                    eventually("it is counted", || relay.stats().outbound.unreachable > before);
                    drop(inside);
                    index = make_link(name, index + round);
                    far = far_socket(port);
                    exchange(&relay, &far, sends_first);
                }
            }
            ip(&format!("link delete {name}"));
        }
    });
}
