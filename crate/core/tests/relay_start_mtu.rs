//! The MTU of a new interface: from every next hop of the routes to the peers, and at least what IPv6 needs.

#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;

use namespace::{in_namespace, ip, skip};
use std::fs;
use std::sync::{Arc, Mutex};
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{Relay, RelayConfig};

const PEER_V4: &str = "203.0.113.1:9";
const PEER_V6: &str = "[2001:db8:f::1]:9";

fn config(peer: &str) -> RelayConfig {
    RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer.parse().unwrap(), 0)
}

/// Returns the MTU of the interface of a new relay, and the kinds of the events of its start.
fn start(config: RelayConfig) -> (u32, Vec<&'static str>) {
    let events = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&events);
    let relay = Relay::start(config, move |event| seen.lock().unwrap().push(event.kind)).unwrap();
    let mtu = relay.info().mtu;
    drop(relay);
    let events = events.lock().unwrap().clone();
    (mtu, events)
}

fn mtu_to(peer: &str) -> u32 {
    let (mtu, events) = start(config(peer));
    assert_eq!(events, [""; 0]);
    mtu
}

/// Connects the namespace with two networks, whose links have these MTUs.
fn with_links(first: u32, second: u32) {
    for (number, mtu) in [(1, first), (2, second)] {
        ip(&format!("link add v{number} type veth peer name w{number}"));
        ip(&format!("link set v{number} mtu {mtu} up"));
        ip(&format!("link set w{number} mtu {mtu} up"));
        ip(&format!("address add 192.0.{number}.1/24 dev v{number}"));
        ip(&format!("address add 2001:db8:{number}::1/64 dev v{number} nodad"));
    }
}

#[test]
fn of_several_next_hops_the_least_mtu_counts() {
    in_namespace(|| {
        with_links(1_500, 1_400);
        ip("route add 203.0.113.0/24 nexthop via 192.0.1.2 nexthop via 192.0.2.2 weight 9");
        ip("-6 route add 2001:db8:f::/64 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2");
        assert_eq!((mtu_to(PEER_V4), mtu_to(PEER_V6)), (1_372, 1_352));
        // The link of a dead next hop may come back.
        ip("link set w2 down");
        assert_eq!(mtu_to(PEER_V4), 1_372);
    });
}

#[test]
fn of_nexthop_objects_the_least_mtu_counts() {
    in_namespace(|| {
        with_links(1_500, 1_400);
        let compat_mode = "/proc/sys/net/ipv4/nexthop_compat_mode";
        if skip::because((!fs::exists(compat_mode).unwrap()).then_some("needs Linux 5.8")) {
            return;
        }
        for (family, first, second) in
            [("", "192.0.1.2", "192.0.2.2"), ("-6 ", "2001:db8:1::2", "2001:db8:2::2")]
        {
            let base = if family.is_empty() { 10 } else { 20 };
            ip(&format!("nexthop add id {} via {first} dev v1", base + 1));
            ip(&format!("nexthop add id {} via {second} dev v2", base + 2));
            ip(&format!("nexthop add id {base} group {}/{}", base + 1, base + 2));
            let (network, peer, headers) = match base {
                10 => ("203.0.113.0/24", PEER_V4, 28),
                _ => ("2001:db8:f::/64", PEER_V6, 48),
            };
            for compat in ["1", "0"] {
                fs::write(compat_mode, compat).unwrap();
                for (id, mtu) in [(base, 1_400), (base + 1, 1_500), (base + 2, 1_400)] {
                    ip(&format!("{family}route replace {network} nhid {id}"));
                    let case = format!("object {id}, compat mode {compat}");
                    assert_eq!(mtu_to(peer), mtu - headers, "{case}");
                    if base == 20 {
                        ip(&format!("-6 route delete {network}"));
                    }
                }
            }
        }
    });
}

#[test]
fn the_least_of_the_mtus_of_the_route_and_of_the_link_counts() {
    in_namespace(|| {
        with_links(1_500, 1_500);
        for (metric, outer) in [("1300", 1_300), ("lock 1300", 1_300), ("9000", 1_500)] {
            ip(&format!("route replace 203.0.113.0/24 via 192.0.1.2 mtu {metric}"));
            ip(&format!("-6 route replace 2001:db8:f::/64 via 2001:db8:1::2 mtu {metric}"));
            assert_eq!((mtu_to(PEER_V4), mtu_to(PEER_V6)), (outer - 28, outer - 48), "{metric}");
        }
        ip("-6 route replace 2001:db8:f::/64 via 2001:db8:1::2");
        // /proc/sys/net shows the namespace of the thread that opens it.
        fs::write("/proc/sys/net/ipv6/conf/v1/mtu", "1450").unwrap();
        ip("route replace 203.0.113.0/24 via 192.0.1.2");
        assert_eq!((mtu_to(PEER_V4), mtu_to(PEER_V6)), (1_472, 1_402), "the link's IPv6 MTU");
    });
}

#[test]
fn ipv6_inside_of_a_narrow_path_gets_1280_and_an_event_says_so() {
    in_namespace(|| {
        with_links(1_300, 1_500);
        ip("route add 203.0.113.0/24 via 192.0.1.2");
        ip("-6 route add 2001:db8:f::/64 via 2001:db8:1::2");
        let with = |address: &str, route: Option<&str>, peer: &str| RelayConfig {
            addresses: vec![address.parse().unwrap()],
            routes: route.into_iter().map(|route| route.parse().unwrap()).collect(),
            ..config(peer)
        };
        for peer in [PEER_V4, PEER_V6] {
            for (address, route) in [
                ("fd09::1/64", None),
                ("10.9.0.1/24", Some("fd08::/16")),
                ("10.9.0.1/24", Some("::/0")),
            ] {
                let (mtu, events) = start(with(address, route, peer));
                assert_eq!((mtu, events), (1_280, vec!["outer-fragments"]), "{address} {peer}");
            }
            let without = start(with("10.9.0.1/24", None, peer));
            assert_eq!(without, (if peer == PEER_V4 { 1_272 } else { 1_252 }, Vec::new()));
            let explicit = RelayConfig { mtu: Some(1_280), ..with("fd09::1/64", None, peer) };
            assert_eq!(start(explicit), (1_280, vec!["outer-fragments"]));
            let long = RelayConfig { mtu: Some(1_400), ..with("fd09::1/64", None, peer) };
            assert_eq!(start(long), (1_400, vec!["mtu-above-path"]));
            let short = RelayConfig { mtu: Some(1_279), ..with("fd09::1/64", None, peer) };
            let error = Relay::start(short, |_| {}).map(drop).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        }
    });
}
