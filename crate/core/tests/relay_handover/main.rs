//! A relay that passes its device and sockets on to another one.

mod former;
#[path = "../support/inner.rs"]
mod inner;
#[path = "../support/namespace.rs"]
mod namespace;
#[path = "../support/os.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod os;
mod refused;
#[path = "../support/running.rs"]
mod running;
mod steering;

use namespace::{eventually, in_namespace, ip, loopback_socket};
use running::{assert_balanced, finish, start};
use std::fs;
use std::net::UdpSocket;
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{Inheritance, OffloadConfig, Relay, RelayConfig, RelayState};

fn config(name: &str, peer: &UdpSocket, queues: usize) -> RelayConfig {
    let name = Some(name.to_owned());
    let address = "10.9.0.1/24".parse().unwrap();
    let queues_of = RelayConfig::new(address, peer.local_addr().unwrap(), 0);
    RelayConfig { name, queues, ..queues_of }
}

fn inherit(config: RelayConfig, inheritance: Inheritance) -> tun2udp_core::Result<Relay> {
    Relay::inherit(config, inheritance, |event| {
        assert!(["foreign-source", "mtu-above-path"].contains(&event.kind), "{event:?}");
    })
}

/// Returns what another process would inherit from the relay.
fn passed(relay: &Relay, is_paused: bool) -> Inheritance {
    // Another version and another process get JSON.
    let state = serde_json::to_string(&relay.state()).unwrap();
    let state: RelayState = serde_json::from_str(&state).unwrap();
    Inheritance { queues: relay.descriptors().unwrap(), state: Some(state), is_paused }
}

/// Sends a packet through the relay in each direction.
fn assert_works(relay: &Relay, peer: &UdpSocket) {
    let local = relay.info().local;
    let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
    let before = relay.stats();
    inside.send_to(b"out", "10.9.0.2:9").unwrap();
    let mut buffer = [0; 2_000];
    let (_, from) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!(from.port(), local.port());
    peer.send_to(&inner::udp_packet(2, b"in"), local).unwrap();
    eventually("the packet was written", || {
        relay.stats().inbound.packets_written > before.inbound.packets_written
    });
}

fn carrier_changes(name: &str) -> String {
    fs::read_to_string(format!("/sys/class/net/{name}/carrier_changes")).unwrap_or_else(|_| {
        // The namespace of the thread is not that of the mount.
        ip(&format!("-details -statistics link show dev {name}"))
            .lines()
            .find(|line| line.contains("carrier"))
            .unwrap_or_default()
            .to_owned()
    })
}

#[test]
fn another_relay_continues_with_the_descriptors_and_the_state() {
    in_namespace(|| {
        for queues in [1, 3] {
            let peer = loopback_socket();
            let first = start(config("next0", &peer, queues));
            assert_works(&first, &peer);
            let (index, local) = (first.info().interface_index, first.info().local);
            let carrier = carrier_changes("next0");
            let second = inherit(config("next0", &peer, 0), passed(&first, true)).unwrap();
            assert_eq!(second.info().queues, queues);
            assert_works(&first, &peer);
            let state = first.pause().unwrap();
            second.resume(&state).unwrap();
            first.release().unwrap();
            first.join();
            assert_balanced(&first.stats());
            assert_eq!(second.stats().outbound, first.stats().outbound);
            assert_eq!((second.info().interface_index, second.info().local), (index, local));
            assert_works(&second, &peer);
            assert_eq!(carrier_changes("next0"), carrier);
            let stats = finish(&second);
            assert!(stats.outbound.packets_read >= 3, "{stats:?}");
            assert!(first.descriptors().is_err_and(|error| error.code() == ErrorCode::Closed));
            eventually("the interface is gone", || !ip("link show").contains("next0"));
        }
    });
}

#[test]
fn a_relay_goes_on_if_the_other_one_ends_before_it_took_over() {
    in_namespace(|| {
        let peer = loopback_socket();
        let first = start(config("back0", &peer, 2));
        for is_paused in [false, true] {
            let plain = RelayConfig { offload: OffloadConfig::NONE, ..config("back0", &peer, 0) };
            let second = inherit(plain, passed(&first, true)).unwrap();
            if is_paused {
                first.pause().unwrap();
            }
            drop(second);
            first.reclaim().unwrap();
            assert_works(&first, &peer);
        }
        assert_balanced(&finish(&first));
    });
}

#[test]
fn settings_that_the_other_relay_does_not_want_are_replaced() {
    in_namespace(|| {
        let peer = loopback_socket();
        let mut old = config("new0", &peer, 1);
        old.addresses.push("10.9.1.1/24".parse().unwrap());
        old.routes = vec!["10.77.0.0/16".parse().unwrap(), "10.78.0.0/16".parse().unwrap()];
        let first = start(old.clone());
        let mut new = config("new%d", &peer, 0);
        (new.mtu, new.tx_queue_length) = (Some(1_400), Some(77));
        new.routes = vec![old.routes[1], "10.79.0.0/16".parse().unwrap()];
        let inheritance = passed(&first, false);
        first.pause().unwrap();
        first.release().unwrap();
        let second = inherit(new, inheritance).unwrap();
        assert_eq!(second.info().mtu, 1_400);
        let link = ip("address show dev new0");
        assert!(link.contains("mtu 1400") && link.contains("qlen 77"), "{link}");
        assert!(link.contains("10.9.0.1/24") && !link.contains("10.9.1.1/24"), "{link}");
        let routes = ip("route show dev new0");
        assert!(!routes.contains("10.77.") && routes.contains("10.78."), "{routes}");
        assert!(routes.contains("10.79."), "{routes}");
        assert_works(&second, &peer);
    });
}

#[test]
fn settings_are_restored_if_the_other_relay_dies_before_it_took_over() {
    in_namespace(|| {
        let peer = loopback_socket();
        let mut old = RelayConfig { mtu: Some(1_300), ..config("undo0", &peer, 1) };
        old.addresses.push("fd00::1/64".parse().unwrap());
        old.routes = vec!["10.77.0.0/16".parse().unwrap(), "fd77::/64".parse().unwrap()];
        let first = start(old);
        ip("address add 10.9.3.1/24 dev undo0");
        let described = || {
            let routes = ["-4 route show dev undo0", "-6 route show dev undo0"].map(ip);
            (ip("address show dev undo0"), routes)
        };
        let before = described();
        for is_paused in [false, true] {
            let mut new = config("undo0", &peer, 0);
            new.addresses = vec!["10.8.0.1/24".parse().unwrap()];
            (new.mtu, new.tx_queue_length) = (Some(1_400), Some(77));
            new.routes = vec!["10.79.0.0/16".parse().unwrap()];
            let state = first.offer();
            let second =
                inherit(new, Inheritance { state: Some(state), ..passed(&first, true) }).unwrap();
            if is_paused {
                first.pause().unwrap();
            }
            let changed = ip("address show dev undo0");
            assert!(changed.contains("mtu 1400") && !changed.contains("10.9.0.1"), "{changed}");
            // As a process that is killed, it restores nothing.
            second.pause().unwrap();
            second.release().unwrap();
            second.join();
            first.reclaim().unwrap();
            assert_eq!(described(), before);
            assert_works(&first, &peer);
        }
        assert_balanced(&finish(&first));
    });
}

#[test]
fn packets_that_the_interface_dropped_stay_counted() {
    in_namespace(|| {
        let peer = loopback_socket();
        let small = || RelayConfig { tx_queue_length: Some(2), ..config("miss0", &peer, 1) };
        let mut relay = start(small());
        let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
        let mut expected = 0;
        for _ in 0..3 {
            let next = inherit(small(), passed(&relay, true)).unwrap();
            let state = relay.pause().unwrap();
            // No process reads, so the queue overflows.
            for _ in 0..20 {
                inside.send_to(b"lost", "10.9.0.2:9").unwrap();
            }
            next.resume(&state).unwrap();
            relay.release().unwrap();
            relay.join();
            relay = next;
            expected += 18;
            eventually("the packets are counted once", || {
                relay.stats().outbound.packets_missed >= expected
            });
            assert_eq!(relay.stats().outbound.packets_missed, expected);
        }
        assert_balanced(&finish(&relay));
    });
}

#[test]
fn a_persistent_interface_is_restored_by_the_last_relay() {
    in_namespace(|| {
        ip("tuntap add dev keep0 mode tun multi_queue");
        // The kernel keeps the queueing discipline of a link that was up.
        let described = || ip("address show dev keep0").replace("qdisc mq", "qdisc noop");
        let before = described();
        let peer = loopback_socket();
        let first = start(RelayConfig { mtu: Some(1_300), ..config("keep0", &peer, 2) });
        let second = inherit(config("keep0", &peer, 0), passed(&first, true)).unwrap();
        let state = first.pause().unwrap();
        second.resume(&state).unwrap();
        first.release().unwrap();
        first.join();
        assert!(ip("address show dev keep0").contains("10.9.0.1/24"));
        assert_works(&second, &peer);
        finish(&second);
        assert_eq!(described(), before);
    });
}
