//! The number of queues of a relay, and the order of packets that arrive through several of them.

#[path = "support/inner.rs"]
mod inner;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/os.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod os;
#[path = "support/running.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod running;

use namespace::{in_namespace, ip, loopback_socket};
use running::start;
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{Relay, RelayConfig};

fn config(peer: SocketAddr) -> RelayConfig {
    RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0)
}

fn named(name: &str, queues: usize) -> RelayConfig {
    let name = Some(name.to_owned());
    RelayConfig { name, queues, ..config("127.0.0.1:9".parse().unwrap()) }
}

/// Default number of queues for a loopback peer.
fn auto_queues() -> usize {
    (std::thread::available_parallelism().unwrap().get() + 1).min(8)
}

/// Describes the device as ip(8) prints it.
fn describe(name: &str) -> String {
    ip(&format!("-details link show dev {name}"))
}

#[test]
fn a_loopback_peer_is_met_with_several_queues() {
    in_namespace(|| {
        let relay = start(named("many0", 0));
        let queues = auto_queues();
        assert_eq!(relay.info().queues, queues);
        assert!(describe("many0").contains(&format!("multi_queue numqueues {queues} ")));
    });
}

#[test]
fn a_peer_elsewhere_is_met_with_one_queue() {
    in_namespace(|| {
        let relay = start(config("192.0.2.1:9".parse().unwrap()));
        assert_eq!(relay.info().queues, 1);
        assert!(!describe(&relay.info().interface_name).contains("multi_queue"));
    });
}

#[test]
fn a_persistent_device_keeps_its_form() {
    in_namespace(|| {
        ip("tuntap add dev one0 mode tun");
        ip("tuntap add dev many0 mode tun multi_queue");
        // With and without one of our programs on it.
        for _ in 0..2 {
            assert_eq!(start(named("one0", 0)).info().queues, 1);
            assert_eq!(start(named("many0", 0)).info().queues, auto_queues());
            let elsewhere =
                RelayConfig { peer: "192.0.2.1:9".parse().unwrap(), ..named("many0", 0) };
            assert_eq!(start(elsewhere).info().queues, 1);
        }
        for (name, queues) in [("one0", 2), ("many0", 1)] {
            let error = Relay::start(named(name, queues), |_| {}).map(drop).unwrap_err();
            assert_eq!(error.code(), ErrorCode::DeviceMismatch, "{error}");
        }
    });
}

#[test]
fn a_device_of_several_queues_is_not_shared() {
    in_namespace(|| {
        ip("tuntap add dev kept0 mode tun multi_queue");
        for name in ["own0", "kept0"] {
            let relay = start(named(name, 3));
            let before = describe(name);
            for queues in [0, 3] {
                let error = Relay::start(named(name, queues), |_| {}).map(drop).unwrap_err();
                assert_eq!(error.code(), ErrorCode::Busy, "{error}");
                let holder = format!("process {} ", std::process::id());
                assert!(error.to_string().contains(&holder), "{error}");
            }
            assert_eq!(describe(name), before);
            drop(relay);
        }
    });
}

/// Sends a packet of each of the flows in one GSO batch (`UDP_SEGMENT`).
fn send_gso_batch(socket: &UdpSocket, flows: &[u8], number: u16, to: SocketAddr) {
    let batch: Vec<u8> =
        flows.iter().flat_map(|flow| inner::udp_packet(*flow, &number.to_be_bytes())).collect();
    socket.send_to(&batch, to).unwrap();
}

#[test]
fn gso_batches_of_several_flows_are_left_to_one_queue() {
    in_namespace(|| {
        let peer = loopback_socket();
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let config = RelayConfig { queues: 4, ..config(peer.local_addr().unwrap()) };
        let relay = Relay::start(config, move |event| seen.lock().unwrap().push(event)).unwrap();
        let to = relay.info().local;
        let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
        inside.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        let flows: Vec<u8> = (2..12).collect();
        let mut latest = HashMap::new();
        let mut receive = |count: usize| {
            for _ in 0..count {
                let mut payload = [0; 2];
                let (_, source) = inside.recv_from(&mut payload).unwrap();
                let number = u16::from_be_bytes(payload);
                let before = latest.insert(source, number);
                assert!(before.is_none_or(|before| before < number), "{source}: {number}");
            }
        };
        // GSO batches of one flow each, of any kind, are not reported.
        os::set_option(&peer, libc::SOL_UDP, libc::UDP_SEGMENT, 30).unwrap();
        for flow in &flows {
            send_gso_batch(&peer, &[*flow; 1], 1, to);
            receive(1);
        }
        assert!(events.lock().unwrap().is_empty());
        // The first GSO batch of several flows shows that the peer mixes flows.
        send_gso_batch(&peer, &flows, 2, to);
        receive(flows.len());
        namespace::eventually("it is said", || !events.lock().unwrap().is_empty());
        // Each batch begins with another flow, so that four queues would have received them.
        for number in 1..=200_u16 {
            let mut turned = flows.clone();
            turned.rotate_left(usize::from(number) % flows.len());
            send_gso_batch(&peer, &turned, 2 + number, to);
            if number % 8 == 0 {
                receive(8 * flows.len());
            }
        }
        let said: Vec<_> = events.lock().unwrap().iter().map(|event| event.kind).collect();
        assert_eq!(said, ["one-receiver"]);
        relay.close();
        relay.join();
        let inbound = relay.stats().inbound;
        assert_eq!(inbound.datagrams_received, inbound.packets_written + inbound.dropped());
    });
}
