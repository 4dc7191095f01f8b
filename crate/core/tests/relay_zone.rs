//! A link-local peer: the relay follows its interface by name.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/inner.rs"]
mod inner;
#[path = "support/inside.rs"]
mod inside;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;

use namespace::{eventually, in_namespace, ip};
use std::net::{SocketAddr, SocketAddrV6, UdpSocket};
use std::time::Duration;
use tun2udp_core::relay::{Accept, PeerConfig, Relay, RelayConfig};
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
    let inside = inside::socket();
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
                let expected = (accept == Accept::Any).then_some("open-to-any");
                let relay = Relay::start(config(&zone, port, accept), move |event| {
                    assert_eq!(Some(event.kind), expected, "{event:?}");
                });
                let relay = relay.unwrap();
                exchange(&relay, &far, true);
                for (round, sends_first) in [(1, true), (2, false)] {
                    drop(far);
                    ip(&format!("link delete {name}"));
                    // While it does not exist, there are only losses.
                    let inside = inside::socket();
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

/// Creates a link of this number, whose far end has the address fe80::2 in this namespace. Returns the index of the near
/// end.
fn make_numbered(number: u32, index: u32) -> u32 {
    ip(&format!("link add name va{number} index {index} type veth peer name vb{number}"));
    for (link, address) in [("va", NEAR), ("vb", FAR)] {
        ip(&format!("link set dev {link}{number} addrgenmode none"));
        ip(&format!("address add {address}/64 dev {link}{number} nodad"));
        ip(&format!("link set dev {link}{number} up"));
    }
    index
}

fn numbered_socket(number: u32, port: u16) -> UdpSocket {
    let scope_id = interface::index_of(&format!("vb{number}")).unwrap();
    let socket =
        UdpSocket::bind(SocketAddrV6::new(FAR.parse().unwrap(), port, 0, scope_id)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket
}

/// The endpoint of the peer at the far end of a link, as seen from its near end of this index.
fn peer(number: u8, index: u32, port: u16) -> PeerConfig {
    let endpoint = SocketAddrV6::new(FAR.parse().unwrap(), port, 0, index).into();
    // Packets go to the network of the peer, and come from an address of the interface's own.
    let prefixes = [format!("10.9.{number}.0/24"), format!("10.9.0.{}/32", 10 + number)];
    PeerConfig::new(endpoint, prefixes.map(|prefix| prefix.parse().unwrap()).to_vec())
}

/// Sends packets into the interface until one arrives at the peer of this number.
fn reaches(number: u8, far: &UdpSocket) {
    let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
    eventually("a packet arrives at the peer", || {
        inside.send_to(b"out", format!("10.9.{number}.2:7")).unwrap();
        matches!(far.recv(&mut [0; 100]), Ok(31))
    });
}

/// Sends packets from the peer of this number until one arrives.
fn is_reached_from(number: u32, far: &UdpSocket, relay: &Relay) {
    let inside = inside::socket();
    inside.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let scope_id = interface::index_of(&format!("vb{number}")).unwrap();
    let to = SocketAddrV6::new(NEAR.parse().unwrap(), relay.info().local.port(), 0, scope_id);
    eventually("a packet of the peer arrives", || {
        far.send_to(&inner::udp_packet(10 + number as u8, b"in"), to).unwrap();
        matches!(inside.recv(&mut [0; 100]), Ok(2))
    });
}

#[test]
fn each_of_several_peers_is_followed_by_the_name_of_its_interface() {
    in_namespace(|| {
        let indices = [make_numbered(1, 1_000), make_numbered(2, 2_000)];
        let mut far = [numbered_socket(1, 0), numbered_socket(2, 0)];
        let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
        let ports = [port(&far[0]), port(&far[1])];
        let peers = vec![peer(1, indices[0], ports[0]), peer(2, indices[1], ports[1])];
        let config =
            RelayConfig::with_peers("10.9.0.1/16".parse().unwrap(), peers.clone(), 0).unwrap();
        let relay = Relay::start(config, |event| panic!("{event:?}")).unwrap();
        let sent = |number: usize| relay.peer_stats()[number].traffic.unwrap().datagrams_sent;
        for (number, socket) in (1..).zip(&far) {
            reaches(number, socket);
            is_reached_from(u32::from(number), socket, &relay);
        }
        // Once the relay sends first, once the peer.
        for (round, sends_first) in [(1, true), (2, false)] {
            let before = sent(0);
            far[0] = far[1].try_clone().unwrap();
            ip("link delete va1");
            make_numbered(1, 1_000 + round);
            far[0] = numbered_socket(1, ports[0]);
            if sends_first {
                reaches(1, &far[0]);
            }
            is_reached_from(1, &far[0], &relay);
            reaches(1, &far[0]);
            reaches(2, &far[1]);
            assert!(sent(0) > before, "the counters are those of another peer");
            let SocketAddr::V6(endpoint) = relay.peer_stats()[0].endpoint else { panic!("IPv4") };
            assert_eq!(endpoint.scope_id(), 1_000 + round);
        }
        // The caller's list has the index of the start, which no interface has any more.
        let before = sent(0);
        relay.set_peers(&peers).unwrap();
        assert_eq!(sent(0), before);
        reaches(1, &far[0]);
        drop(far);
        ip("link delete va1");
        ip("link delete va2");
        make_numbered(1, 3_000);
        make_numbered(2, 3_001);
        let far = [numbered_socket(1, ports[0]), numbered_socket(2, ports[1])];
        for (number, socket) in (1..).zip(&far) {
            reaches(number, socket);
            is_reached_from(u32::from(number), socket, &relay);
        }
    });
}

#[test]
fn a_peer_on_an_interface_that_does_not_exist_is_refused() {
    in_namespace(|| {
        let address = "10.9.0.1/16".parse().unwrap();
        let config = RelayConfig::with_peers(address, vec![peer(1, 99_999, 5)], 0).unwrap();
        let error = Relay::start(config, |event| panic!("{event:?}")).unwrap_err();
        assert!(error.to_string().contains("fe80::2%99999"), "{error}");
        assert!(error.to_string().contains("\"ip link\""), "{error}");
    });
}
