//! Settings that only the relay before wanted are removed, and no others.

use crate::namespace::{in_namespace, ip, loopback_socket};
use crate::running::start;
use crate::{config, inherit, passed};
use ipnet::IpNet;
use std::fs;
use tun2udp_core::relay::{Relay, RelayConfig};

fn network(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// Starts a relay, changes its interface, and continues it with another configuration.
fn replace(old: RelayConfig, new: RelayConfig, change: impl FnOnce()) -> Relay {
    let first = start(old);
    change();
    let inheritance = passed(&first, false);
    first.pause().unwrap();
    first.release().unwrap();
    first.join();
    inherit(new, inheritance).unwrap()
}

/// Returns the IPv4 addresses of the interface, sorted.
fn addresses(name: &str) -> Vec<String> {
    let shown = ip(&format!("-4 -oneline address show dev {name}"));
    let mut addresses: Vec<_> =
        shown.lines().filter_map(|line| Some(line.split_whitespace().nth(3)?.to_owned())).collect();
    addresses.sort();
    addresses
}

#[test]
fn addresses_of_one_network_are_removed_with_and_without_the_kernel() {
    in_namespace(|| {
        // If off, the kernel deletes the secondary addresses of a network with the primary one.
        for promotes in ["0", "1"] {
            fs::write("/proc/sys/net/ipv4/conf/all/promote_secondaries", promotes).unwrap();
            let peer = loopback_socket();
            for wanted in [None, Some("10.9.1.2/24"), Some("10.9.1.3/24")] {
                let mut old = config("alike0", &peer, 1);
                let networks = ["10.9.1.1/24", "10.9.1.2/24", "10.9.1.3/24"];
                old.addresses.extend(networks.map(network));
                let mut new = config("alike0", &peer, 0);
                new.addresses.extend(wanted.map(network));
                let relay = replace(old, new, || assert_eq!(addresses("alike0").len(), 4));
                let expected: Vec<_> = ["10.9.0.1/24"].into_iter().chain(wanted).collect();
                assert_eq!(addresses("alike0"), expected, "promotes: {promotes}");
                drop(relay);
            }
        }
    });
}

#[test]
fn a_route_that_was_given_twice_is_deleted_once() {
    in_namespace(|| {
        let peer = loopback_socket();
        let mut old = config("double0", &peer, 1);
        // The default route is two halves, of which this is one.
        old.routes = ["0.0.0.0/0", "0.0.0.0/1"].map(network).into();
        let relay = replace(old, config("double0", &peer, 0), || {
            ip("route add 0.0.0.0/1 dev double0 metric 5 proto static");
            assert_eq!(ip("route show dev double0").matches("/1 ").count(), 3);
        });
        let routes = ip("route show dev double0");
        assert_eq!(routes.matches("/1 ").count(), 1, "{routes}");
        assert!(routes.contains("0.0.0.0/1 proto static scope link metric 5"), "{routes}");
        drop(relay);
    });
}
