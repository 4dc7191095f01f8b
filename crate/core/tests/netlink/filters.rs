//! Filtered tables on a kernel that checks dumps strictly, and on one that does not.

use crate::namespace::{in_namespace, ip, skip};
use crate::refusal::{self, Call, Verdict};
use crate::session::Caller;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `SOL_NETLINK`, `NETLINK_GET_STRICT_CHK` (linux/netlink.h).
const STRICT_CHECK: [u64; 2] = [270, 12];

/// Two pairs of links, each end with addresses, routes and neighbors.
fn prepare() {
    for command in [
        "link add v0 type veth peer name v1",
        "link add b0 type veth peer name b1",
        "link set v0 up",
        "link set v1 up",
        "link set b0 up",
        "link set b1 up",
        "address add 10.0.0.1/24 dev v0",
        "address add 10.1.0.1/24 dev b0",
        "-6 address add fd00::1/64 dev v0 nodad",
        "-6 address add fd01::1/64 dev b0 nodad",
        "route add 10.2.0.0/16 via 10.0.0.2 proto static",
        "route add 10.3.0.0/16 via 10.1.0.2 proto 77",
        "route add 10.4.0.0/16 nexthop via 10.0.0.2 nexthop via 10.1.0.2",
        "route add 10.5.0.0/16 via 10.1.0.2 table 99",
        "route add blackhole 10.6.0.0/16",
        "neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev v0",
        "neighbour add 10.1.0.2 lladdr 02:00:00:00:00:03 dev b0",
        "neighbour add proxy 10.0.0.3 dev v0",
    ] {
        ip(command);
    }
    // A master requires a kind of link that has members; not every kernel has one.
    let _ = std::process::Command::new("ip").args(["link", "add", "m0", "type", "bridge"]).output();
    let _ = std::process::Command::new("ip").args(["link", "set", "b1", "master", "m0"]).output();
}

/// Filters, each with the property that all results must have, as `(pointer, value)`.
fn cases() -> Vec<(&'static str, Value, &'static str, Value)> {
    let shown: Vec<Value> = serde_json::from_str(&ip("-j link show dev v0")).expect("JSON");
    let v0 = shown[0]["ifindex"].clone();
    vec![
        ("addresses", json!({ "link": "v0" }), "/ifIndex", v0.clone()),
        ("addresses", json!({ "link": "v0", "family": 6 }), "/family", json!(6)),
        ("addresses", json!({ "family": 4 }), "/family", json!(4)),
        ("neighbors", json!({ "link": "v0" }), "/ifIndex", v0),
        ("neighbors", json!({ "proxy": true }), "/proxy", json!(true)),
        ("neighbors", json!({ "family": 4 }), "/family", json!(4)),
        ("routes", json!({ "table": 99 }), "/table", json!(99)),
        ("routes", json!({ "protocol": 77 }), "/protocol", json!(77)),
        ("routes", json!({ "type": "blackhole" }), "/type", json!("blackhole")),
        ("routes", json!({ "family": 6 }), "/family", json!(6)),
        ("rules", json!({ "family": 6 }), "/family", json!(6)),
        ("links", json!({ "kind": "veth" }), "/kind", json!("veth")),
    ]
}

/// Lists with each filter, and compares the results with the objects that `prepare` created.
fn check() {
    let caller = Caller::new();
    for (table, filter, pointer, wanted) in cases() {
        let found = caller.list(table, &filter);
        assert!(!found.is_empty(), "{table} {filter}");
        for object in &found {
            assert_eq!(object.pointer(pointer), Some(&wanted), "{table} {filter}");
        }
    }
    let destinations = |filter: &Value| {
        let mut all: Vec<String> = caller.list("routes", filter).iter().map(destination).collect();
        all.sort();
        all
    };
    let wanted = ["10.0.0.0/24", "10.2.0.0/16", "10.4.0.0/16"];
    assert_eq!(destinations(&json!({ "link": "v0", "table": "main", "family": 4 })), wanted);
    assert!(caller.list("addresses", &json!({})).len() > 2);
    let masters = caller.list("links", &json!({ "master": "v1" }));
    assert_eq!(masters, Vec::<Value>::new());
    if let Some(bridge) = caller.list("links", &json!({ "kind": "bridge" })).first() {
        let members = caller.list("links", &json!({ "master": "m0" }));
        let names: Vec<&Value> = members.iter().map(|link| &link["name"]).collect();
        assert_eq!((bridge["name"].as_str(), names), (Some("m0"), vec![&json!("b1")]));
    }
}

fn destination(route: &Value) -> String {
    route["destination"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_filter_lists_only_what_it_includes() {
    in_namespace(|| {
        prepare();
        check();
    });
}

#[test]
fn a_filter_lists_only_what_it_includes_where_the_kernel_ignores_it() {
    if skip::because(refusal::missing()) {
        return;
    }
    in_namespace(|| {
        prepare();
        let refused = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&refused);
        let judge = move |call: &Call| {
            if call.arguments[1..3] == STRICT_CHECK {
                count.fetch_add(1, Ordering::Relaxed);
                return Verdict::Refuse(libc::ENOPROTOOPT);
            }
            Verdict::Pass
        };
        refusal::under(&[libc::SYS_setsockopt], judge, check);
        assert!(refused.load(Ordering::Relaxed) >= 2, "the option was not asked for");
    });
}
