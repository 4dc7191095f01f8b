//! A delete removes the one object that it identifies, and is refused otherwise.

use crate::namespace::{in_namespace, ip};
use crate::session::Caller;
use crate::settled::settled;
use serde_json::{Value, json};
use tun2udp_core::ErrorCode;

fn rule(mut spec: Value) -> Value {
    spec["family"] = json!(4);
    json!({ "op": "deleteRule", "spec": spec })
}

fn route(spec: &Value) -> Value {
    json!({ "op": "deleteRoute", "spec": spec })
}

/// A pair of links, up, with addresses.
fn prepare() {
    for command in [
        "link add v0 type veth peer name v1",
        // Otherwise the kernel adds addresses and routes a moment later.
        "link set v0 addrgenmode none",
        "link set v1 addrgenmode none",
        "link set v0 up",
        "link set v1 up",
        "address add 10.0.0.1/24 dev v0",
        "-6 address add fd00::1/64 dev v0 nodad",
    ] {
        ip(command);
    }
}

#[test]
fn a_rule_is_deleted_only_if_it_alone_has_all_properties() {
    in_namespace(|| {
        for command in [
            "rule add priority 100 from 10.0.0.0/8 table 7",
            "rule add priority 100 from 10.0.0.0/8 to 10.1.0.0/16 table 7",
            "rule add priority 200 not from 10.0.0.0/8 table 7",
            "rule add priority 300 from 10.2.0.0/16 tun_id 8 table 7",
            "rule add priority 300 from 10.2.0.0/16 tun_id 9 table 7",
        ] {
            ip(command);
        }
        let caller = Caller::new();
        let before = ip("rule show");
        for spec in [
            json!({}),
            json!({ "invert": false, "l3mdev": false }),
            json!({ "priority": 100 }),
            json!({ "from": "10.0.0.0/8" }),
            json!({ "priority": 300, "table": 7 }),
            json!({ "action": "table" }),
        ] {
            let (code, message) = caller.refused(&rule(spec.clone()));
            assert_eq!(code, ErrorCode::InvalidArgument, "{spec}: {message}");
            assert_eq!(ip("rule show"), before, "{spec}");
        }
        let no_family = json!({ "op": "deleteRule", "spec": { "priority": 200 } });
        assert_eq!(caller.refused(&no_family).0, ErrorCode::InvalidArgument);
        let absent = caller.refused(&rule(json!({ "priority": 5 })));
        let text = "delete the rule IPv4 priority 5: no rule has all of these properties; \
                    list the rules";
        assert_eq!(absent, (ErrorCode::NotFound, text.to_owned()));
        // A listed route is deleted with all its attributes, also those that are not interpreted.
        let listed = caller.list("rules", &json!({ "family": 4 }));
        let last = listed.iter().rfind(|rule| rule["priority"] == 300).expect("the rule");
        assert_eq!(last["otherAttributes"][0]["type"], 12);
        caller.run_one(&rule(last.clone())).expect("deleted");
        assert!(ip("rule show").contains("tun_id 8") && !ip("rule show").contains("tun_id 9"));
        caller.run_one(&rule(json!({ "priority": 100, "to": "10.1.0.0/16" }))).expect("deleted");
        caller.run_one(&rule(json!({ "priority": 100 }))).expect("only one has the priority now");
        caller.run_one(&rule(json!({ "priority": 200 }))).expect("deleted");
        caller.run_one(&rule(json!({ "priority": 0 }))).expect("the local rule, named");
        assert_eq!(ip("rule show").lines().count(), 3, "{}", ip("rule show"));
    });
}

#[test]
fn a_route_is_deleted_only_if_it_alone_has_all_properties() {
    in_namespace(|| {
        prepare();
        for command in [
            "route add 10.9.0.0/16 via 10.0.0.2 metric 10",
            "route add 10.9.0.0/16 via 10.0.0.3 metric 20",
            "route append 10.9.0.0/16 via 10.0.0.4 metric 20",
            "route add 10.9.0.0/16 dev v0 tos 0x10 metric 10",
            "route add 10.9.0.0/16 dev v0 table 9",
            "-6 route add fd09::/32 via fd00::2 metric 10",
            "-6 route add fd09::/32 via fd00::3 metric 20",
            "-6 route add fd0a::/32 nexthop via fd00::2 nexthop via fd00::3",
        ] {
            ip(command);
        }
        let caller = Caller::new();
        let shown = || settled(&(ip("route show table all") + &ip("-6 route show table all")));
        let before = shown();
        let to = |destination: &str, mut spec: Value| {
            spec["destination"] = json!(destination);
            route(&spec)
        };
        for (destination, spec) in [
            ("10.9.0.0/16", json!({})),
            ("10.9.0.0/16", json!({ "metric": 10 })),
            ("10.9.0.0/16", json!({ "metric": 20 })),
            ("10.9.0.0/16", json!({ "link": "v0" })),
            ("fd09::/32", json!({})),
            ("fd0a::/32", json!({ "link": "v0" })),
            ("10.9.0.0/16", json!({ "link": 0, "gateway": "10.0.0.2" })),
        ] {
            let (code, message) = caller.refused(&to(destination, spec.clone()));
            assert_eq!(code, ErrorCode::InvalidArgument, "{destination} {spec}: {message}");
            assert_eq!(shown(), before, "{destination} {spec}");
        }
        let absent = to("10.9.0.0/16", json!({ "metric": 30 }));
        assert_eq!(caller.refused(&absent).0, ErrorCode::NotFound);
        let deleted = |destination: &str, spec: Value, gone: &str| {
            assert!(shown().contains(gone), "{gone}: {}", shown());
            caller.run_one(&to(destination, spec)).expect(gone);
            assert!(!shown().contains(gone), "{gone}: {}", shown());
        };
        deleted("10.9.0.0/16", json!({ "gateway": "10.0.0.4" }), "via 10.0.0.4");
        deleted("10.9.0.0/16", json!({ "metric": 20 }), "via 10.0.0.3");
        deleted("10.9.0.0/16", json!({ "metric": 10, "tos": 16 }), " tos ");
        deleted("10.9.0.0/16", json!({ "table": 9 }), "table 9");
        deleted("10.9.0.0/16", json!({}), "10.9.0.0/16 via");
        deleted("fd09::/32", json!({ "metric": 20 }), "fd09::/32 via fd00::3");
        deleted("fd0a::/32", json!({ "gateway": "fd00::2" }), "nexthop");
        deleted("fd0a::/32", json!({}), "fd0a::/32");
    });
}

#[test]
fn many_deletes_of_one_batch_follow_one_another() {
    in_namespace(|| {
        prepare();
        let caller = Caller::new();
        let spec = |metric: u32| json!({ "destination": "10.9.0.0/16", "gateway": "10.0.0.2", "metric": metric });
        let add = |metric| json!({ "op": "addRoute", "spec": spec(metric) });
        let any = route(&json!({ "destination": "10.9.0.0/16" }));
        let results = caller.run(&json!([
            add(1),
            add(2),
            any,
            route(&spec(1)),
            route(&spec(1)),
            any,
            any,
            add(3),
            any
        ]));
        let codes: Vec<Option<ErrorCode>> =
            results.iter().map(|result| result.as_ref().err().map(|error| error.code())).collect();
        let (ambiguous, absent) = (Some(ErrorCode::InvalidArgument), Some(ErrorCode::NotFound));
        let wanted = [None, None, ambiguous, None, absent, None, absent, None, None];
        assert_eq!(codes, wanted, "{results:?}");
        assert!(!ip("route show").contains("10.9.0.0"));
    });
}

#[test]
fn an_address_is_deleted_only_with_the_peer_that_it_has() {
    in_namespace(|| {
        prepare();
        ip("address add 10.5.0.1 peer 10.6.0.1/24 dev v0");
        ip("-6 address add fd05::1 peer fd06::1/64 dev v0 nodad");
        let caller = Caller::new();
        let delete = |address: &str, peer: &str| json!({ "op": "deleteAddress", "link": "v0", "spec": { "address": address, "peer": peer } });
        let before = settled(&ip("address show dev v0"));
        for (address, peer) in [("10.5.0.1/24", "10.6.0.2"), ("fd05::1/64", "fd06::2")] {
            let (code, message) = caller.refused(&delete(address, peer));
            assert_eq!(code, ErrorCode::AddressNotAvailable, "{message}");
            assert_eq!(settled(&ip("address show dev v0")), before);
        }
        caller.run_one(&delete("10.5.0.1/24", "10.6.0.1")).expect("deleted");
        caller.run_one(&delete("fd05::1/64", "fd06::1")).expect("deleted");
        assert!(!ip("address show dev v0").contains("peer"));
    });
}

#[test]
fn no_operation_is_on_the_link_of_index_0() {
    in_namespace(|| {
        prepare();
        let caller = Caller::new();
        let shown =
            || ["link show", "address show", "neighbour show"].map(|what| settled(&ip(what)));
        let before = shown();
        let address = json!({ "address": "10.0.0.1/24" });
        for operation in [
            json!({ "op": "deleteLink", "link": 0 }),
            json!({ "op": "setLink", "link": 0, "change": { "up": false, "group": 0 } }),
            json!({ "op": "deleteAltNames", "link": 0, "names": ["x"] }),
            json!({ "op": "deleteAddress", "link": 0, "spec": address }),
            json!({ "op": "deleteNeighbor", "link": 0, "spec": { "address": "10.0.0.2" } }),
        ] {
            let (code, message) = caller.refused(&operation);
            assert_eq!(code, ErrorCode::InvalidArgument, "{operation}: {message}");
        }
        assert_eq!(shown(), before);
    });
}
