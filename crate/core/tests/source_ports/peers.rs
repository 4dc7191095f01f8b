//! Plain peers, several peers, and the life of the sockets.

use crate::inner;
use crate::namespace::{eventually, in_namespace, ip, loopback_socket};
use crate::running::{finish, start};
use crate::sample::{
    behind, config, connected, endpoint, ports_of_flows, receive, silence, socket,
};
use crate::side::{FAR, NEAR};
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{PeerConfig, Relay, RelayConfig};

#[test]
fn a_plain_peer_receives_from_all_ports_and_may_answer_to_each() {
    in_namespace(|| {
        let side = connected();
        for (family, ports, queues) in [(0, 4, 1), (1, 3, 2), (0, 2, 5), (0, 64, 1), (0, 1, 1)] {
            let peer = side.run(move || socket(FAR[family].parse::<IpAddr>().unwrap(), 0));
            let relay = start(config("10.9.0.1", peer.local_addr().unwrap(), ports, queues));
            assert_eq!(relay.info().source_ports, ports);
            let local = socket([10, 9, 0, 1], 9);
            let used: BTreeSet<u16> = ports_of_flows(&local, &peer).into_values().collect();
            assert!(used.contains(&relay.info().local.port()) || ports == 64, "{used:?}");
            // With few flows per port, some ports have none.
            assert!(if ports == 64 { used.len() > 20 } else { used.len() == ports }, "{used:?}");
            for (number, port) in (2..).zip(&used) {
                let packet = inner::udp_packet(number, b"an answer");
                peer.send_to(&packet, (NEAR[family].parse::<IpAddr>().unwrap(), *port)).unwrap();
                let (len, source) = receive(&local, &mut [0; 20]);
                assert_eq!((len, source), (9, SocketAddr::from(([10, 9, 0, number], 7))));
            }
            let stats = finish(&relay);
            assert_eq!(stats.inbound.packets_written, used.len() as u64, "{stats:?}");
        }
    });
}

#[test]
fn a_queue_that_is_busy_reads_its_further_ports_too() {
    in_namespace(|| {
        let side = connected();
        let peer = side.run(|| socket([192, 0, 2, 2], 0));
        let relay = start(config("10.9.0.1", peer.local_addr().unwrap(), 2, 1));
        let main = relay.info().local.port();
        let local = socket([10, 9, 0, 1], 9);
        let ports: BTreeSet<u16> = ports_of_flows(&local, &peer).into_values().collect();
        let further = *ports.iter().find(|port| **port != main).unwrap();
        let (flood, is_over) = (peer.try_clone().unwrap(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&is_over);
        let flooding = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let _ = flood.send_to(&[0; 100], ("192.0.2.1", main));
            }
        });
        for number in 2..100 {
            peer.send_to(&inner::udp_packet(number, b"x"), ("192.0.2.1", further)).unwrap();
            let (_, source) = receive(&local, &mut [0; 20]);
            assert_eq!(source.ip(), Ipv4Addr::new(10, 9, 0, number));
        }
        is_over.store(true, Ordering::Relaxed);
        flooding.join().unwrap();
    });
}

#[test]
fn the_ports_are_free_again_after_the_end_and_after_a_failed_start() {
    in_namespace(|| {
        let before = open_descriptors();
        let peer = endpoint("192.0.2.1", 9);
        let relay = start(config("10.9.0.1", peer, 5, 2));
        assert!(open_descriptors() > before);
        finish(&relay);
        drop(relay);
        assert_eq!(open_descriptors(), before);
        let name = Some("not a name".to_owned());
        let config = RelayConfig { name, ..config("10.9.0.1", peer, 5, 2) };
        Relay::start(config, |_| {}).map(drop).unwrap_err();
        assert_eq!(open_descriptors(), before);
    });
}

/// The UDP sockets of the calling thread's namespace.
fn open_descriptors() -> usize {
    let lines = |file: &str| fs::read_to_string(file).unwrap().lines().count();
    lines("/proc/thread-self/net/udp") + lines("/proc/thread-self/net/udp6")
}

#[test]
fn a_device_with_one_queue_keeps_all_ports() {
    in_namespace(|| {
        silence();
        ip("tuntap add dev one0 mode tun");
        let peer = loopback_socket();
        let config = RelayConfig {
            name: Some("one0".to_owned()),
            routes: vec!["10.9.0.0/16".parse().unwrap()],
            ..config("10.9.0.1", peer.local_addr().unwrap(), 4, 0)
        };
        let relay = start(config);
        assert_eq!((relay.info().queues, relay.info().source_ports), (1, 4));
        let local = socket([10, 9, 0, 1], 9);
        let ports: BTreeSet<u16> = ports_of_flows(&local, &peer).into_values().collect();
        assert_eq!(ports.len(), 4);
    });
}

#[test]
fn both_families_have_as_many_ports_and_an_error_queue_of_each() {
    in_namespace(|| {
        silence();
        let v6 = socket(Ipv6Addr::LOCALHOST, 0);
        let sockets = [loopback_socket(), v6];
        let peers = sockets.iter().zip(["10.9.128.0/25", "10.9.128.128/25"]);
        let peers = peers.map(|(socket, network)| {
            PeerConfig::new(socket.local_addr().unwrap(), vec![network.parse().unwrap()])
        });
        let address = "10.9.0.1/16".parse().unwrap();
        let config = RelayConfig::with_peers(address, peers.collect(), 0).unwrap();
        let relay =
            Relay::start(RelayConfig { source_ports: 3, queues: 2, ..config }, |_| {}).unwrap();
        let local = socket([10, 9, 0, 1], 9);
        for (socket, first) in sockets.iter().zip([0, 128]) {
            let mut ports = BTreeSet::new();
            for flow in 0..32 {
                local.send_to(&[flow], (behind(first + flow), 7)).unwrap();
                ports.insert(receive(socket, &mut [0; 100]).1.port());
            }
            assert_eq!(ports.len(), 3, "{ports:?}");
        }
        // No process receives any more: the kernel reports each datagram to the socket that sent it.
        drop(sockets);
        for (sent, flow) in (1..).zip((0..16).chain(128..144)) {
            local.send_to(&[flow], (behind(flow), 7)).unwrap();
            eventually("it is counted", || relay.stats().outbound.refused_by_peer == sent);
        }
        finish(&relay);
    });
}

#[test]
fn datagrams_of_further_ports_are_of_the_first_peer_at_an_address() {
    in_namespace(|| {
        let side = connected();
        let peers = side.run(|| [0; 3].map(|_| socket([192, 0, 2, 2], 0)));
        let prefixes = [["10.9.0.2/32", "10.9.0.4/32"].as_slice(), &["10.9.0.3/32"]];
        let configs = peers[..2].iter().zip(prefixes).map(|(socket, prefixes)| {
            let prefixes = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
            PeerConfig::new(socket.local_addr().unwrap(), prefixes)
        });
        let address = "10.9.0.1/16".parse().unwrap();
        let config = RelayConfig::with_peers(address, configs.collect(), 0).unwrap();
        let relay = start(config);
        let local = socket([10, 9, 0, 1], 9);
        for (number, peer) in (2..).zip(&peers) {
            let to = (NEAR[0], relay.info().local.port());
            peer.send_to(&inner::udp_packet(number, b"x"), to).unwrap();
            assert_eq!(receive(&local, &mut [0; 9]).1.ip(), Ipv4Addr::new(10, 9, 0, number));
        }
        let received = relay.peer_stats().into_iter().map(|peer| peer.traffic.unwrap());
        let received: Vec<u64> = received.map(|traffic| traffic.datagrams_received).collect();
        assert_eq!(received, [2, 1], "the third port is of neither endpoint");
    });
}

#[test]
fn more_ports_than_possible_are_refused() {
    in_namespace(|| {
        let config = config("10.9.0.1", endpoint("192.0.2.1", 9), 65, 1);
        let error = Relay::start(config, |_| {}).map(drop).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(error.to_string().contains("at most 64 source ports"), "{error}");
    });
}
