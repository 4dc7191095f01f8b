//! Packets that the interface drops before the relay reads them are counted, and the count never falls.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/namespace.rs"]
mod namespace;

use namespace::{eventually, in_namespace, ip, loopback_socket};
use std::net::UdpSocket;
use tun2udp_core::relay::{Inheritance, Relay, RelayConfig, RelayInfo};

/// More packets at once than a queue of one packet holds while the relay reads.
const BURST: u64 = 20_000;

/// Returns the packets that an interface dropped, as the namespace of this thread shows them.
fn dropped(name: &str) -> u64 {
    let devices = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = devices.lines().find_map(|line| line.trim().strip_prefix(&format!("{name}:")));
    // Eight numbers are those of received packets; the fourth of the others is that of dropped ones.
    line.unwrap().split_whitespace().nth(11).unwrap().parse().unwrap()
}

fn config(name: &str) -> RelayConfig {
    let peer = loopback_socket().local_addr().unwrap();
    RelayConfig {
        name: Some(name.to_owned()),
        tx_queue_length: Some(1),
        ..RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0)
    }
}

/// Sends bursts until the interface dropped packets.
fn overflow(name: &str) {
    let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
    let before = dropped(name);
    eventually("packets are dropped", || {
        for _ in 0..BURST {
            let _ = inside.send_to(&[7], "10.9.0.2:7");
        }
        dropped(name) > before
    });
}

fn assert_counted(relay: &Relay, name: &str, before: u64) {
    eventually("the relay counts them all", || {
        relay.stats().outbound.packets_missed == dropped(name) - before
    });
}

/// Waits until the relay knows the state of its interface.
fn assert_interface(relay: &Relay, name: &str, is_up: bool) {
    let RelayInfo { mtu, .. } = *relay.info();
    eventually("the state of the interface is known", || {
        relay
            .interface()
            .is_some_and(|state| state.name == name && state.is_up == is_up && state.mtu == mtu)
    });
}

#[test]
fn packets_that_the_queue_of_the_interface_drops_are_counted() {
    in_namespace(|| {
        for queues in [1, 3] {
            let relay = Relay::start(RelayConfig { queues, ..config("missed0") }, |_| {}).unwrap();
            assert_eq!(relay.stats().outbound.packets_missed, dropped("missed0"));
            overflow("missed0");
            assert_counted(&relay, "missed0", 0);
            assert_interface(&relay, "missed0", true);
            ip("link set missed0 down");
            assert_interface(&relay, "missed0", false);
            ip("link set missed0 name missed1");
            ip("link set missed1 up");
            overflow("missed1");
            assert_counted(&relay, "missed1", 0);
            let before_close = dropped("missed1");
            relay.close();
            relay.join();
            let last = relay.stats().outbound;
            assert!(last.packets_missed >= before_close, "{last:?}");
            assert_eq!(last.packets_read, last.datagrams_sent + last.dropped());
        }
    });
}

#[test]
fn of_a_persistent_interface_only_those_of_the_relays_time_are_counted() {
    in_namespace(|| {
        ip("tuntap add kept0 mode tun");
        ip("address add 10.9.0.1/24 dev kept0");
        let mut counted = 0;
        for _ in 0..3 {
            let before = dropped("kept0");
            assert!(before >= counted);
            let relay = Relay::start(config("kept0"), |_| {}).unwrap();
            overflow("kept0");
            assert_counted(&relay, "kept0", before);
            drop(relay);
            counted = dropped("kept0");
        }
    });
}

#[test]
fn the_end_and_a_deleted_interface_keep_the_count() {
    in_namespace(|| {
        let relay = Relay::start(config("gone0"), |_| {}).unwrap();
        overflow("gone0");
        assert_counted(&relay, "gone0", 0);
        let before = relay.stats().outbound.packets_missed;
        ip("link delete gone0");
        relay.join();
        assert!(before > 0 && relay.stats().outbound.packets_missed == before);
        // Another interface with its name is not the relay's.
        ip("tuntap add gone0 mode tun");
        assert_eq!(relay.stats().outbound.packets_missed, before);
    });
}

#[test]
fn a_relay_that_takes_over_continues_the_count() {
    in_namespace(|| {
        let first = Relay::start(config("missed4"), |_| {}).unwrap();
        overflow("missed4");
        assert_counted(&first, "missed4", 0);
        let queues = first.descriptors().unwrap();
        let state = Some(first.state());
        let inheritance = Inheritance { queues, state, is_paused: true };
        let port = first.info().local.port();
        let again = RelayConfig { receive_port: port, ..config("missed4") };
        let second = Relay::inherit(again, inheritance, |_| {}).unwrap();
        // Both may count these.
        overflow("missed4");
        let _ = second.stats();
        let state = first.pause().unwrap();
        second.resume(&state).unwrap();
        first.release().unwrap();
        first.join();
        assert_counted(&second, "missed4", 0);
        let last = second.stats().outbound.packets_missed;
        let queues = second.descriptors().unwrap();
        let state = Some(second.pause().unwrap());
        second.release().unwrap();
        second.join();
        let inheritance = Inheritance { queues, state, is_paused: false };
        let again = RelayConfig { receive_port: port, ..config("missed4") };
        let third = Relay::inherit(again, inheritance, |_| {}).unwrap();
        assert!(third.stats().outbound.packets_missed >= last);
        overflow("missed4");
        assert_counted(&third, "missed4", 0);
    });
}
