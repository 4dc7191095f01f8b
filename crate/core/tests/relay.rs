//! A relay on a real device: the packets that it carries and counts, and the faults that it survives.

#[path = "support/inner.rs"]
mod inner;
#[path = "support/inside.rs"]
mod inside;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/running.rs"]
mod running;
#[path = "support/threads.rs"]
mod threads;

use namespace::{eventually, in_namespace, ip, loopback_socket};
use running::{finish, start};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{Accept, OffloadConfig, Relay, RelayConfig};

/// Returns a packet from behind the peer.
fn packet(payload: &[u8]) -> Vec<u8> {
    inner::udp_packet(2, payload)
}

fn config(peer: SocketAddr) -> RelayConfig {
    RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0)
}

#[test]
fn packets_become_datagrams_and_datagrams_packets() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config(peer.local_addr().unwrap()));
        assert_eq!(relay.info().mtu, 1_500);
        let inside = inside::socket();
        peer.send_to(&packet(b"in"), relay.info().local).unwrap();
        let mut buffer = [0; 2_000];
        let (len, source) = inside.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], source), (&b"in"[..], "10.9.0.2:7".parse().unwrap()));
        inside.send_to(b"out", "10.9.0.2:7").unwrap();
        let (len, source) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!(source, relay.info().local, "datagrams leave from the receive port");
        assert_eq!(&buffer[28..len], b"out");
        let stats = finish(&relay);
        assert_eq!(stats.outbound.datagrams_sent, 1, "nothing but what was sent: {stats:?}");
        assert_eq!(stats.inbound.packets_written, 1);
    });
}

#[test]
fn hostile_datagrams_are_counted_by_cause_and_disturb_no_other_packet() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config(peer.local_addr().unwrap()));
        let to = relay.info().local;
        let inside = inside::socket();
        let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
        stranger.send_to(&packet(b"foreign"), to).unwrap();
        for hostile in [&b""[..], b"\x00", b"\x55", b"\x45", b"\x60", b"\xff\xff\xff\xff"] {
            peer.send_to(hostile, to).unwrap();
        }
        peer.send_to(&packet(&[1; 65_507 - 28]), to).unwrap();
        peer.send_to(&packet(b"last"), to).unwrap();
        let mut buffer = vec![0; 70_000];
        assert_eq!(inside.recv(&mut buffer).unwrap(), 65_507 - 28, "longer than the MTU");
        assert_eq!(inside.recv(&mut buffer).unwrap(), 4);
        let inbound = finish(&relay).inbound;
        assert_eq!(inbound.datagrams_received, 9);
        assert_eq!((inbound.foreign_source, inbound.empty, inbound.not_ip), (1, 1, 3));
        assert_eq!(inbound.packets_written + inbound.rejected, 4, "{inbound:?}");
    });
}

#[test]
fn with_accept_any_datagrams_of_every_sender_are_accepted() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay =
            start(RelayConfig { accept: Accept::Any, ..config(peer.local_addr().unwrap()) });
        let inside = inside::socket();
        let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
        stranger.send_to(&packet(b"hello"), relay.info().local).unwrap();
        assert_eq!(inside.recv(&mut [0; 100]).unwrap(), 5);
        assert_eq!(finish(&relay).inbound.foreign_source, 0);
    });
}

#[test]
fn refusals_of_a_peer_that_has_not_started_are_counted_and_no_packet_is_lost() {
    in_namespace(|| {
        let address = loopback_socket().local_addr().unwrap();
        let relay = start(config(address));
        let inside = inside::socket();
        // One at a time, because the kernel refuses all packets of a batch at once.
        for count in 1..=10 {
            inside.send_to(b"anybody there?", "10.9.0.2:7").unwrap();
            let is_refused = || relay.stats().outbound.refused_by_peer == count;
            eventually("the refusal is counted", is_refused);
        }
        let peer = UdpSocket::bind(address).unwrap();
        inside.send_to(b"now", "10.9.0.2:7").unwrap();
        assert_eq!(peer.recv(&mut [0; 100]).unwrap(), 28 + 3);
        let stats = finish(&relay);
        assert_eq!(stats.outbound.datagrams_sent, 11, "{stats:?}");
    });
}

#[test]
fn while_a_link_is_down_packets_are_counted_as_lost_and_later_ones_arrive() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config(peer.local_addr().unwrap()));
        let name = relay.info().interface_name.clone();
        let inside = inside::socket();
        ip(&format!("link set {name} down"));
        peer.send_to(&packet(b"lost"), relay.info().local).unwrap();
        eventually("the loss is counted", || relay.stats().inbound.interface_down == 1);
        ip(&format!("link set {name} up"));
        peer.send_to(&packet(b"kept"), relay.info().local).unwrap();
        assert_eq!(inside.recv(&mut [0; 100]).unwrap(), 4);
        inside.send_to(b"out", "10.9.0.2:7").unwrap();
        assert_eq!(peer.recv(&mut [0; 100]).unwrap(), 28 + 3);
        finish(&relay);
    });
}

#[test]
fn a_relay_without_traffic_sleeps() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config(peer.local_addr().unwrap()));
        let inside = inside::socket();
        // Both sources had a packet, and are empty now.
        inside.send_to(b"out", "10.9.0.2:7").unwrap();
        peer.recv(&mut [0; 100]).unwrap();
        peer.send_to(&packet(b"in"), relay.info().local).unwrap();
        inside.recv(&mut [0; 100]).unwrap();
        let found = threads::in_this_namespace("tun2udp-relay");
        let [thread] = found.as_slice() else { panic!("threads: {found:?}") };
        let before = threads::ticks(thread);
        std::thread::sleep(std::time::Duration::from_secs(1));
        let used = threads::ticks(thread) - before;
        assert!(used < 10, "{used} of 100 ticks of a CPU in a second of rest");
        finish(&relay);
    });
}

#[test]
fn a_deleted_interface_ends_the_relay_with_the_reason() {
    in_namespace(|| {
        let relay = start(config("127.0.0.1:9".parse().unwrap()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        ip(&format!("link delete {}", relay.info().interface_name));
        let error = runtime.block_on(relay.closed()).expect_err("a failure");
        assert_eq!(error.code(), ErrorCode::DeviceDeleted, "{error}");
        assert!(error.to_string().contains(&relay.info().interface_name), "{error}");
    });
}

#[test]
fn gso_batches_longer_than_the_path_are_sent_singly_and_segmentation_stays_on() {
    in_namespace(|| {
        ip("link set lo mtu 1300");
        let peer = loopback_socket();
        let relay = start(config(peer.local_addr().unwrap()));
        let inside = inside::socket();
        let mut buffer = [0; 2_000];
        // Bursts that the peer's default buffer holds, each long enough to make a GSO batch.
        for burst in 0..10_u8 {
            for number in 0..20_u8 {
                let mut payload = vec![7; 1_400];
                payload[..2].copy_from_slice(&[burst, number]);
                inside.send_to(&payload, "10.9.0.2:7").unwrap();
            }
            for number in 0..20_u8 {
                assert_eq!(peer.recv(&mut buffer).unwrap(), 28 + 1_400);
                assert_eq!(buffer[28..30], [burst, number]);
            }
        }
        let stats = finish(&relay);
        assert_eq!(stats.outbound.dropped(), 0, "{stats:?}");
    });
}

#[test]
fn offloads_that_the_kernel_accepts_cause_no_event() {
    in_namespace(|| {
        let peer = loopback_socket();
        let events = Arc::new(Mutex::new(Vec::new()));
        for offload in [OffloadConfig::ALL, OffloadConfig::NONE] {
            let seen = Arc::clone(&events);
            let config = RelayConfig { offload, ..config(peer.local_addr().unwrap()) };
            let relay = Relay::start(config, move |event| seen.lock().unwrap().push(event));
            let relay = relay.unwrap();
            let inside = inside::socket();
            for _ in 0..100 {
                inside.send_to(&[1; 500], "10.9.0.2:7").unwrap();
            }
            for _ in 0..100 {
                assert_eq!(peer.recv(&mut [0; 1_000]).unwrap(), 528);
            }
            finish(&relay);
        }
        assert!(events.lock().unwrap().is_empty());
    });
}
