//! A relay with several peers: the destinations of packets, and changes of the peers at run time.

#[path = "support/inner.rs"]
mod inner;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/os.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod os;
#[path = "support/running.rs"]
mod running;

use namespace::{eventually, in_namespace, loopback_socket};
use running::{finish, start};
use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tun2udp_core::ErrorCode;
use tun2udp_core::packet::flow::hash;
use tun2udp_core::relay::{OffloadConfig, PeerConfig, PeerStats, PeerTraffic, Relay, RelayConfig};

/// Headers of an inner packet: IPv4 and UDP.
const HEADERS: usize = 28;

fn peer(socket: &UdpSocket, networks: &[&str]) -> PeerConfig {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    PeerConfig::new(socket.local_addr().unwrap(), networks)
}

fn config(peers: Vec<PeerConfig>) -> RelayConfig {
    let mut config = RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), peers, 0).unwrap();
    config.addresses.push("10.9.0.2/24".parse().unwrap());
    config.routes.push("10.20.0.0/14".parse().unwrap());
    config
}

/// Opens a socket on the interface, with a time limit on its waits.
fn inside_socket(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind((address, 9)).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    socket
}

/// Sets a flag when it is dropped, also by a panic.
struct RaiseOnDrop<'a>(&'a AtomicBool);

impl Drop for RaiseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Receives one datagram; returns its inner destination and payload.
fn receive(peer: &UdpSocket) -> ([u8; 4], Vec<u8>) {
    let mut buffer = [0; 2_000];
    let len = peer.recv(&mut buffer).unwrap();
    (buffer[16..20].try_into().unwrap(), buffer[HEADERS..len].to_vec())
}

#[test]
fn packets_go_to_the_peer_with_the_longest_prefix() {
    in_namespace(|| {
        let (wide, narrow) = (loopback_socket(), loopback_socket());
        let peers = vec![
            peer(&wide, &["10.20.0.0/16", "10.9.0.10/32"]),
            peer(&narrow, &["10.20.7.0/24", "10.9.0.11/32"]),
        ];
        let relay = start(config(peers));
        let inside = inside_socket("10.9.0.1");
        os::set_option(&inside, libc::SOL_IP, libc::IP_RECVERR, 1).unwrap();
        for (to, receiver) in
            [([10, 20, 0, 1], &wide), ([10, 20, 7, 1], &narrow), ([10, 20, 8, 1], &wide)]
        {
            inside.send_to(b"out", SocketAddr::from((to, 7))).unwrap();
            assert_eq!(receive(receiver), (to, b"out".to_vec()));
        }
        inside.send_to(b"nowhere", "10.21.0.1:7").unwrap();
        eventually("the loss is counted", || relay.stats().outbound.no_peer == 1);
        // The sender is informed by ICMP.
        let error = inside.recv(&mut [0; 10]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EHOSTUNREACH), "{error}");
        // Both are accepted, each with its own source; a third one is not.
        let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
        for (number, socket) in [&wide, &narrow, &stranger].into_iter().enumerate() {
            let packet = inner::udp_packet(10 + number as u8, &[number as u8]);
            socket.send_to(&packet, relay.info().local).unwrap();
        }
        let mut buffer = [0; 10];
        let received: BTreeSet<u8> = (0..2)
            .map(|_| {
                assert_eq!(inside.recv(&mut buffer).unwrap(), 1);
                buffer[0]
            })
            .collect();
        assert_eq!(received, BTreeSet::from([0, 1]));
        eventually("the stranger is counted", || relay.stats().inbound.foreign_source == 1);
        let counts = |stats: &PeerStats| {
            let PeerTraffic {
                datagrams_sent, bytes_sent, datagrams_received, bytes_received, ..
            } = stats.traffic.unwrap();
            (datagrams_sent, bytes_sent, datagrams_received, bytes_received)
        };
        // A datagram may arrive before it is counted.
        eventually("each is counted", || {
            let counts: Vec<_> = relay.peer_stats().iter().map(counts).collect();
            counts == [(2, 62, 1, 29), (1, 31, 1, 29)]
        });
        let peers = relay.peer_stats();
        assert_eq!(peers[1].endpoint, narrow.local_addr().unwrap());
        assert!(peers.iter().all(|peer| peer.traffic.unwrap().silent_for.is_some()));
        // A peer keeps its counts if its number changes.
        relay.set_peers(&[peer(&narrow, &["10.20.0.0/16"])]).unwrap();
        assert_eq!(relay.peer_stats().iter().map(counts).collect::<Vec<_>>(), [(1, 31, 1, 29)]);
        let stats = finish(&relay);
        assert_eq!((stats.outbound.datagrams_sent, stats.outbound.no_peer), (3, 1));
    });
}

/// Two flows with the same number, whose packets are sent to two peers.
const TWINS: [(&str, [u8; 4]); 2] = [("10.9.0.1", [10, 20, 0, 2]), ("10.9.0.2", [10, 20, 0, 1])];

#[test]
fn a_gso_batch_never_holds_two_destinations() {
    in_namespace(|| {
        let numbers = TWINS.map(|(source, to)| {
            let mut packet = inner::udp_packet(1, b"x");
            let source: std::net::Ipv4Addr = source.parse().unwrap();
            packet[12..16].copy_from_slice(&source.octets());
            packet[16..20].copy_from_slice(&to);
            hash(&packet)
        });
        assert_eq!(numbers[0], numbers[1]);
        let sockets = [loopback_socket(), loopback_socket()];
        let peers =
            vec![peer(&sockets[0], &["10.20.0.2/32"]), peer(&sockets[1], &["10.20.0.0/16"])];
        for offload in [OffloadConfig::ALL, OffloadConfig { uso: false, ..OffloadConfig::ALL }] {
            let relay = start(RelayConfig { offload, queues: 1, ..config(peers.clone()) });
            let inside = TWINS.map(|(source, _)| inside_socket(source));
            // Each call sends a super-packet of ten packets.
            for socket in &inside {
                os::set_option(socket, libc::SOL_UDP, libc::UDP_SEGMENT, 100).unwrap();
            }
            for round in 0..50_u8 {
                for number in 0..4_u8 {
                    for (socket, (_, to)) in inside.iter().zip(TWINS) {
                        let payload = [[round, number].as_slice(), &[0; 998]].concat();
                        socket.send_to(&payload, SocketAddr::from((to, 7))).unwrap();
                    }
                }
                for (socket, (_, to)) in sockets.iter().zip(TWINS) {
                    for count in 0..40_u8 {
                        let (found, payload) = receive(socket);
                        assert_eq!((found, payload.len()), (to, 100), "{round}, {count}");
                        let expected = if count % 10 == 0 { [round, count / 10] } else { [0, 0] };
                        assert_eq!(payload[..2], expected, "{round}, {count}");
                    }
                }
            }
            let stats = finish(&relay);
            assert_eq!(stats.outbound.datagrams_sent, 50 * 80, "{stats:?}");
            let sent = relay
                .peer_stats()
                .iter()
                .map(|peer| peer.traffic.unwrap().datagrams_sent)
                .collect::<Vec<_>>();
            assert_eq!(sent, [50 * 40, 50 * 40]);
        }
    });
}

#[test]
fn the_table_is_swapped_under_traffic_without_a_lost_packet() {
    const PACKETS: usize = 20_000;
    const WINDOW: usize = 64;
    in_namespace(|| {
        let sockets = [loopback_socket(), loopback_socket()];
        let table = |first: usize| {
            let networks = [["10.20.0.0/16"].as_slice(), &[]];
            let peer = |at: usize| peer(&sockets[at], networks[(at + first) % 2]);
            // The numbers of the peers change as well.
            vec![peer(first), peer(1 - first)]
        };
        let relay = start(config(table(0)));
        let (received, is_done) = (AtomicUsize::new(0), AtomicBool::new(false));
        let inside = inside_socket("10.9.0.1");
        let collect = |socket: &UdpSocket| {
            let poll = std::time::Duration::from_millis(20);
            socket.set_read_timeout(Some(poll)).unwrap();
            let (mut numbers, mut buffer) = (Vec::new(), [0; 100]);
            while !is_done.load(Ordering::Relaxed) {
                let Ok(len) = socket.recv(&mut buffer) else { continue };
                numbers.push(u32::from_be_bytes(buffer[HEADERS..len].try_into().unwrap()));
                received.fetch_add(1, Ordering::Relaxed);
            }
            numbers
        };
        let [first, second] = std::thread::scope(|scope| {
            let done = RaiseOnDrop(&is_done);
            let collectors = sockets.each_ref().map(|socket| scope.spawn(|| collect(socket)));
            let swapper = scope.spawn(|| {
                let mut swaps = 0;
                while !is_done.load(Ordering::Relaxed) {
                    swaps += 1;
                    relay.set_peers(&table(swaps % 2)).unwrap();
                    std::thread::yield_now();
                }
                swaps
            });
            for number in 0..PACKETS {
                // There are several flows, so that each queue has some.
                let to = SocketAddr::from(([10, 20, 0, (number % 8) as u8], 7));
                inside.send_to(&(number as u32).to_be_bytes(), to).unwrap();
                if number % WINDOW == WINDOW - 1 {
                    eventually("the window is received", || {
                        received.load(Ordering::Relaxed) > number.saturating_sub(WINDOW / 2)
                    });
                }
            }
            eventually("everything is received", || received.load(Ordering::Relaxed) == PACKETS);
            drop(done);
            let swaps = swapper.join().unwrap();
            assert!(swaps > 100, "{swaps} swaps");
            collectors.map(|collector| collector.join().unwrap())
        });
        assert!(!first.is_empty() && !second.is_empty(), "{} and {}", first.len(), second.len());
        let all: BTreeSet<u32> = first.iter().chain(&second).copied().collect();
        assert_eq!(all.len(), PACKETS, "each packet arrives once");
        let stats = finish(&relay);
        assert_eq!(stats.outbound.datagrams_sent, PACKETS as u64, "{stats:?}");
        assert_eq!(stats.outbound.dropped(), 0, "{stats:?}");
    });
}

#[test]
fn the_sender_of_a_packet_without_a_route_is_told_over_ipv6_too() {
    in_namespace(|| {
        let socket = loopback_socket();
        let mut config = config(vec![peer(&socket, &["fd20::/64"])]);
        config.addresses.push("fd09::1/64".parse().unwrap());
        config.routes.push("fd20::/16".parse().unwrap());
        for offload in [OffloadConfig::ALL, OffloadConfig::NONE] {
            let relay = start(RelayConfig { offload, ..config.clone() });
            let inside = inside_socket("fd09::1");
            os::set_option(&inside, libc::SOL_IPV6, libc::IPV6_RECVERR, 1).unwrap();
            inside.send_to(b"out", "[fd20::1]:7").unwrap();
            assert_eq!(socket.recv(&mut [0; 100]).unwrap(), 48 + 3);
            inside.send_to(b"nowhere", "[fd20:1::1]:7").unwrap();
            let error = inside.recv(&mut [0; 10]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENETUNREACH), "{error}");
            let outbound = finish(&relay).outbound;
            assert_eq!((outbound.no_peer, outbound.unreachable), (1, 0));
            assert_eq!((outbound.replies_written, outbound.replies_dropped), (1, 0));
        }
    });
}

#[test]
fn contradictory_peers_are_refused() {
    in_namespace(|| {
        let (first, second) = (loopback_socket(), loopback_socket());
        let refused = |config: RelayConfig, named: &str| {
            let error = Relay::start(config, |_| {}).map(drop).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
            assert!(error.to_string().contains(named), "{error}");
        };
        let both =
            |networks: [&[&str]; 2]| vec![peer(&first, networks[0]), peer(&second, networks[1])];
        refused(config(both([&["10.20.0.0/16"], &["10.20.0.0/16"]])), "10.20.0.0/16");
        refused(config(vec![peer(&first, &[]), peer(&first, &[])]), "endpoint");
        let other = second.local_addr().unwrap();
        refused(RelayConfig { peer: other, ..config(both([&[], &[]])) }, &other.to_string());
        let error = RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), Vec::new(), 0);
        assert_eq!(error.unwrap_err().code(), ErrorCode::InvalidArgument);
        // It is also refused at run time, and then nothing changes.
        let relay = start(config(both([&["10.20.0.0/16"], &[]])));
        let twice = both([&["10.20.0.0/16"], &["10.20.0.0/16"]]);
        assert_eq!(relay.set_peers(&twice).unwrap_err().code(), ErrorCode::InvalidArgument);
        let inside = inside_socket("10.9.0.1");
        inside.send_to(b"out", "10.20.0.1:7").unwrap();
        assert_eq!(receive(&first).1, b"out");
        finish(&relay);
    });
}
