//! Starts on machines with rules of policy routing: the kernel decides whether the datagrams would enter the tunnel.

#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/settled.rs"]
mod settled;

use namespace::{eventually, in_namespace, ip};
use settled::settled;
use std::net::UdpSocket;
use std::time::Duration;
use tun2udp_core::relay::{Relay, RelayConfig};
use tun2udp_core::{ErrorCode, Result};

/// One address family: its option of ip(8), and the addresses of the host, its gateway and the peer.
struct Family {
    option: &'static str,
    local: &'static str,
    gateway: &'static str,
    peer: &'static str,
}

const FAMILIES: [Family; 2] = [
    Family { option: "-4", local: "192.0.2.1", gateway: "192.0.2.2", peer: "203.0.113.1:9" },
    Family {
        option: "-6",
        local: "2001:db8::1",
        gateway: "2001:db8::2",
        peer: "[2001:db8:f::1]:9",
    },
];

/// A host whose only route to the peers is the default route.
fn with_host(body: impl FnOnce()) {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        ip("link set v0 up");
        ip("link set v1 up");
        for Family { option, local, gateway, .. } in FAMILIES {
            let suffix = if option == "-4" { "/24" } else { "/64 nodad" };
            ip(&format!("{option} address add {local}{suffix} dev v0"));
            ip(&format!(
                "{option} neighbor add {gateway} lladdr 02:00:00:00:00:02 nud permanent dev v0"
            ));
            ip(&format!("{option} route add default via {gateway}"));
            ip(&format!("{option} route add default via {gateway} table 100"));
        }
        body();
    });
}

/// A relay that takes every route.
fn config(family: &Family) -> RelayConfig {
    RelayConfig {
        routes: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
        receive_port: 5_001,
        mtu: Some(1_400),
        ..RelayConfig::new("10.9.0.1/24".parse().unwrap(), family.peer.parse().unwrap(), 0)
    }
}

/// Starts a relay. Waits while its port is in use: a process that another test starts has a copy of each descriptor
/// until its exec(2).
fn start(config: &RelayConfig) -> Result<Relay> {
    for _ in 0..1_000 {
        match Relay::start(config.clone(), |event| panic!("{event:?}")) {
            Err(error) if error.code() == ErrorCode::AddressInUse => {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
    panic!("the port stays in use");
}

#[test]
fn datagrams_that_a_rule_leads_past_the_tunnel_are_no_loop() {
    with_host(|| {
        for family in &FAMILIES {
            let Family { option, local, .. } = family;
            let user = tun2udp_core::sys::process::effective_user();
            let rules = [
                format!("from {local}"),
                format!("uidrange {user}-{user}"),
                "ipproto udp dport 9".to_owned(),
                "ipproto udp sport 5001".to_owned(),
            ];
            for rule in rules {
                ip(&format!("{option} rule add pref 90 {rule} lookup 100"));
                let mut config = config(family);
                config.listen = rule.starts_with("from").then(|| local.parse().unwrap());
                let relay =
                    start(&config).unwrap_or_else(|error| panic!("{option} {rule}: {error}"));
                // The rule about the user applies to the packets inside too.
                let interface = &relay.info().interface_name;
                ip(&format!("route add 10.9.0.0/24 dev {interface} table 100"));
                let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
                inside.send_to(b"out", "10.9.0.2:7").unwrap();
                eventually("it is sent", || relay.stats().outbound.datagrams_sent == 1);
                // A datagram that entered the tunnel would be read again.
                inside.send_to(b"out", "10.9.0.2:7").unwrap();
                eventually("it is sent", || relay.stats().outbound.datagrams_sent == 2);
                assert_eq!(relay.stats().outbound.packets_read, 2, "{option} {rule}");
                drop(relay);
                ip(&format!("{option} rule delete pref 90"));
                let error = start(&config).map(drop).unwrap_err();
                assert_eq!(error.code(), ErrorCode::RouteLoop, "{option} {rule}: {error}");
            }
        }
    });
}

#[test]
fn a_rule_that_leads_datagrams_into_the_tunnel_is_refused_and_nothing_stays() {
    with_host(|| {
        for family in &FAMILIES {
            let Family { option, .. } = family;
            // The table of the rule has no route to the peer yet, and main is consulted next.
            ip(&format!("{option} rule add pref 90 ipproto udp dport 9 lookup 101"));
            let before = (ip("-o link"), ip("route"), ip("-6 route"));
            let error = start(&config(family)).map(drop).unwrap_err();
            assert_eq!(error.code(), ErrorCode::RouteLoop, "{option}: {error}");
            assert_eq!((ip("-o link"), ip("route"), ip("-6 route")), before, "{option}");
            ip(&format!("{option} rule delete pref 90"));
            // Without a route, the kernel decides once the interface is configured.
            ip(&format!("{option} route delete default"));
            let error = start(&config(family)).map(drop).unwrap_err();
            assert_eq!(error.code(), ErrorCode::RouteLoop, "{option}: {error}");
            assert!(error.to_string().contains("add the route"), "{option}: {error}");
        }
    });
}

#[test]
fn a_route_of_a_persistent_interface_that_contains_the_peer_is_refused() {
    with_host(|| {
        ip("tuntap add dev keep0 mode tun");
        ip("link set keep0 up");
        ip("route add 203.0.113.0/24 dev keep0");
        let peer = "203.0.113.1:9".parse().unwrap();
        let config = RelayConfig {
            name: Some("keep0".to_owned()),
            ..RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0)
        };
        let state = || settled(&(ip("-o -4 address show dev keep0") + &ip("route")));
        let before = state();
        let error = Relay::start(config.clone(), |_| {}).map(drop).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RouteLoop, "{error}");
        assert!(error.to_string().contains("203.0.113.1"), "{error}");
        assert_eq!(state(), before, "nothing was changed");
        ip("route delete 203.0.113.0/24 dev keep0");
        drop(Relay::start(config, |_| {}).unwrap());
    });
}
