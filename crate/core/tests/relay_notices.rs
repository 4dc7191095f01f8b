//! Events about what is probably not meant: itself as the peer, a host without a network, an MTU above the path's,
//! datagrams from a foreign address.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/namespace.rs"]
mod namespace;

use namespace::{eventually, in_namespace, ip, loopback_socket};
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use tun2udp_core::relay::{Accept, Event, Relay, RelayConfig};

fn config(address: &str, peer: &str) -> RelayConfig {
    RelayConfig::new(address.parse().unwrap(), peer.parse().unwrap(), 0)
}

fn start(config: RelayConfig) -> (Relay, Arc<Mutex<Vec<Event>>>) {
    let events = Arc::<Mutex<Vec<Event>>>::default();
    let seen = Arc::clone(&events);
    let relay = Relay::start(config, move |event| seen.lock().unwrap().push(event));
    (relay.unwrap(), events)
}

fn kinds(config: RelayConfig) -> Vec<&'static str> {
    let (relay, events) = start(config);
    relay.close();
    relay.join();
    let events = events.lock().unwrap();
    events.iter().map(|event| event.kind).collect()
}

/// A port of the loopback interface that was free a moment ago.
fn free_port() -> u16 {
    loopback_socket().local_addr().unwrap().port()
}

#[test]
fn a_relay_that_sends_to_itself_says_so() {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        ip("address add 192.0.2.1/24 dev v0");
        ip("link set v0 up");
        for (peer, listen, is_self) in [
            ("127.0.0.1", None, true),
            ("[::1]", None, true),
            ("192.0.2.1", None, true),
            ("192.0.2.1", Some("192.0.2.1"), true),
            ("127.0.0.2", None, false),
            ("127.0.0.1", Some("127.0.0.2"), false),
            ("192.0.2.2", None, false),
        ] {
            let port = free_port();
            let mut config = config("10.9.0.1/24", &format!("{peer}:{port}"));
            config.listen = listen.map(|listen| listen.parse().unwrap());
            let other_port = RelayConfig { receive_port: 0, ..config.clone() };
            config.receive_port = port;
            let expected: &[&str] = if is_self { &["self-peer"] } else { &[] };
            assert_eq!(kinds(config), expected, "{peer} {listen:?}");
            assert_eq!(kinds(other_port), [""; 0], "{peer} {listen:?}, another port");
        }
    });
}

#[test]
fn an_interface_without_a_network_is_reported_if_it_is_new() {
    in_namespace(|| {
        let peer = "127.0.0.1:9";
        assert_eq!(kinds(config("10.9.0.1/32", peer)), ["no-network"]);
        assert_eq!(kinds(config("10.9.0.1/24", peer)), [""; 0]);
        let mut routed = config("10.9.0.1/32", peer);
        routed.routes.push("10.8.0.0/16".parse().unwrap());
        assert_eq!(kinds(routed), [""; 0]);
        ip("tuntap add dev keep0 mode tun");
        let name = Some("keep0".to_owned());
        assert_eq!(kinds(RelayConfig { name, ..config("10.9.0.1/32", peer) }), [""; 0]);
    });
}

#[test]
fn an_mtu_above_what_the_path_leaves_is_reported() {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        ip("address add 192.0.2.1/24 dev v0");
        ip("link set v0 up");
        for (mtu, expected) in
            [(None, &[][..]), (Some(1_472), &[]), (Some(1_473), &["mtu-above-path"])]
        {
            let config = RelayConfig { mtu, ..config("10.9.0.1/24", "192.0.2.2:9") };
            assert_eq!(kinds(config), expected, "{mtu:?}");
        }
        // There is no route, so nothing is known of the path; and a peer on this machine has none.
        for peer in ["203.0.113.1:9", "192.0.2.1:9", "127.0.0.1:9"] {
            assert_eq!(
                kinds(RelayConfig { mtu: Some(9_000), ..config("10.9.0.1/24", peer) }),
                [""; 0]
            );
        }
    });
}

#[test]
fn a_relay_that_accepts_any_source_on_all_addresses_is_reported() {
    in_namespace(|| {
        for (peer, listen, expected) in [
            ("127.0.0.1:9", None, &[][..]),
            ("127.0.0.1:9", Some("0.0.0.0"), &["open-to-any"]),
            ("[::1]:9", Some("::"), &["open-to-any"]),
            ("192.0.2.2:9", None, &["open-to-any"]),
            ("192.0.2.2:9", Some("127.0.0.5"), &[]),
        ] {
            for accept in [Accept::Any, Accept::Peer] {
                let mut config = RelayConfig { accept, ..config("10.9.0.1/24", peer) };
                config.listen = listen.map(|listen| listen.parse().unwrap());
                let expected = if accept == Accept::Any { expected } else { &[] };
                assert_eq!(kinds(config), expected, "{peer} {listen:?} {accept:?}");
            }
        }
    });
}

#[test]
fn a_foreign_address_is_named_once() {
    in_namespace(|| {
        let peer = loopback_socket().local_addr().unwrap().to_string();
        let (relay, events) = start(config("10.9.0.1/24", &peer));
        let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
        for count in 1..=20 {
            stranger.send_to(b"\x45", relay.info().local).unwrap();
            eventually("it is counted", || relay.stats().inbound.foreign_source == count);
        }
        let events = events.lock().unwrap();
        let [event] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(
            (event.kind, event.address),
            ("foreign-source", Some(IpAddr::from([127, 0, 0, 2])))
        );
        assert!(
            event.message.contains("127.0.0.2") && event.message.contains("127.0.0.1"),
            "{event:?}"
        );
        let any = RelayConfig { accept: Accept::Any, ..config("10.9.0.1/24", &peer) };
        let (relay, events) = start(any);
        stranger.send_to(b"", relay.info().local).unwrap();
        eventually("it is counted", || relay.stats().inbound.empty == 1);
        assert!(events.lock().unwrap().is_empty());
    });
}
