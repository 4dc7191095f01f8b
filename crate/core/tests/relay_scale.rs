//! Many peers: they are added and removed one by one under traffic, prefixes move between peers, and the counts of peers
//! add up.
#![allow(clippy::print_stdout, reason = "the times are information, not a condition")]

#[path = "support/inner.rs"]
mod inner;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/running.rs"]
mod running;

use namespace::{eventually, in_namespace, ip, loopback_socket};
use running::{finish, start};
use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tun2udp_core::relay::{PeerConfig, PeerTraffic, Relay, RelayConfig};

/// Peers that come and go. A build without optimizations is slow.
const PEERS: usize = if cfg!(debug_assertions) { 150 } else { 1_000 };
/// Packets of each direction that are in flight at a time.
const WINDOW: usize = 64;
/// Headers of an inner packet: IPv4 and UDP.
const HEADERS: usize = 28;

fn peer(socket: &UdpSocket, prefixes: &[&str]) -> PeerConfig {
    let prefixes = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
    PeerConfig::new(socket.local_addr().unwrap(), prefixes)
}

/// A peer that sends nothing, with prefixes of both families.
fn silent_peer(number: usize) -> PeerConfig {
    let [high, low] = (number as u16).to_be_bytes();
    let prefixes = [format!("10.128.{high}.{low}/32"), format!("fd10:0:0:{number:x}::/64")];
    let endpoint = SocketAddr::from(([127, 1, high, low], 9));
    PeerConfig::new(endpoint, prefixes.map(|prefix| prefix.parse().unwrap()).to_vec())
}

fn config(peers: Vec<PeerConfig>) -> RelayConfig {
    let mut config = RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), peers, 0).unwrap();
    config.routes.push("10.20.0.0/14".parse().unwrap());
    config
}

/// Traffic of one peer in both directions, each packet with a number.
struct Stream<'a> {
    relay: &'a Relay,
    peer: &'a UdpSocket,
    inside: UdpSocket,
    /// Its inner addresses: the one that it sends from, and the one that is sent to.
    addresses: ([u8; 4], SocketAddr),
}

impl Stream<'_> {
    /// Sends windows of packets in both directions until `is_done`. Fails if one is lost. Returns their number per
    /// direction.
    fn run(&self, is_done: &AtomicBool) -> usize {
        let mut sent = 0;
        while !is_done.load(Ordering::Relaxed) {
            for number in sent..sent + WINDOW {
                let number = (number as u32).to_be_bytes();
                self.inside.send_to(&number, self.addresses.1).unwrap();
                let packet = inner::udp_packet(self.addresses.0[3], &number);
                self.peer.send_to(&packet, self.relay.info().local).unwrap();
            }
            for (socket, header) in [(self.peer, HEADERS), (&self.inside, 0)] {
                let numbers: BTreeSet<u32> = (0..WINDOW).map(|_| number(socket, header)).collect();
                let expected: BTreeSet<u32> = (sent..sent + WINDOW).map(|n| n as u32).collect();
                assert_eq!(numbers, expected, "a window without a lost packet");
            }
            sent += WINDOW;
        }
        sent
    }
}

/// Receives one packet; returns its number.
fn number(socket: &UdpSocket, header: usize) -> u32 {
    let mut buffer = [0; 100];
    let len = socket.recv(&mut buffer).expect("no packet is lost");
    u32::from_be_bytes(buffer[header..len].try_into().unwrap())
}

fn inside_socket(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind(("10.9.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    socket
}

/// Resident memory of this process, KiB.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Fails unless the counts of all peers, of removed ones, and of no peer add up to the relay's own.
fn assert_total(relay: &Relay) {
    let (stats, sum) = (relay.stats(), relay.peer_totals().sum());
    let (out, inbound) = (stats.outbound, stats.inbound);
    let expected = PeerTraffic {
        datagrams_sent: out.datagrams_sent,
        bytes_sent: out.bytes_sent,
        outbound_dropped: out.dropped(),
        datagrams_received: inbound.datagrams_received,
        bytes_received: inbound.bytes_received,
        inbound_dropped: inbound.dropped(),
        foreign_prefix: inbound.foreign_prefix,
        silent_for: None,
    };
    assert_eq!(sum, expected, "{:?}", relay.peer_totals().removed);
}

#[test]
fn peers_come_and_go_one_by_one_without_a_lost_packet() {
    in_namespace(|| {
        let socket = loopback_socket();
        let first = peer(&socket, &["10.20.0.0/16", "10.9.0.5/32"]);
        let relay = start(config(vec![first.clone()]));
        let stream = Stream {
            relay: &relay,
            peer: &socket,
            inside: inside_socket(9),
            addresses: ([10, 9, 0, 5], "10.20.0.1:7".parse().unwrap()),
        };
        let is_done = AtomicBool::new(false);
        let before = resident_kib();
        let packets = std::thread::scope(|scope| {
            let traffic = scope.spawn(|| stream.run(&is_done));
            let mut peers = vec![first];
            let begin = Instant::now();
            for number in 0..PEERS {
                peers.push(silent_peer(number));
                relay.set_peers(&peers).unwrap();
            }
            let added = begin.elapsed();
            let resident = resident_kib().saturating_sub(before);
            assert_eq!(relay.peer_stats().len(), 1 + PEERS);
            let begin = Instant::now();
            while peers.len() > 1 {
                // From the middle, so that the numbers of others change.
                peers.remove(1 + peers.len() / 3);
                relay.set_peers(&peers).unwrap();
            }
            let removed = begin.elapsed();
            println!("{PEERS} peers: added {added:?}, removed {removed:?}, {resident} KiB");
            is_done.store(true, Ordering::Relaxed);
            traffic.join().unwrap()
        });
        assert!(packets > 0);
        let stats = finish(&relay);
        assert_eq!((stats.outbound.dropped(), stats.inbound.dropped()), (0, 0), "{stats:?}");
        assert_eq!(stats.outbound.datagrams_sent, packets as u64);
        assert_total(&relay);
    });
}

#[test]
fn a_prefix_that_moves_between_peers_loses_no_packet_of_other_prefixes() {
    in_namespace(|| {
        let (first, second, third) = (loopback_socket(), loopback_socket(), loopback_socket());
        // These move: a prefix inside the one of the third peer, and an inner source.
        let moving = ["10.20.7.0/24", "10.9.0.9/32"];
        let table = |number: usize| {
            let of = |at: usize| if number % 2 == at { &moving[..] } else { &[] };
            let third = peer(&third, &["10.20.0.0/16", "10.9.0.0/28"]);
            vec![peer(&first, of(0)), third, peer(&second, of(1))]
        };
        let relay = start(config(table(0)));
        let stream = Stream {
            relay: &relay,
            peer: &third,
            inside: inside_socket(9),
            addresses: ([10, 9, 0, 5], "10.20.0.1:7".parse().unwrap()),
        };
        let (is_done, moved) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (packets, moves, followed) = std::thread::scope(|scope| {
            let traffic = scope.spawn(|| stream.run(&is_done));
            let mover = scope.spawn(|| {
                let mut moves = 0;
                while !is_done.load(Ordering::Relaxed) {
                    moves += 1;
                    relay.set_peers(&table(moves)).unwrap();
                    std::thread::yield_now();
                }
                moves
            });
            // Packets to the prefix that moves reach one of both peers, each once.
            let other = inside_socket(0);
            let collect = |socket: &UdpSocket| {
                socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
                let mut numbers = Vec::new();
                while !is_done.load(Ordering::Relaxed) {
                    let mut buffer = [0; 100];
                    let Ok(len) = socket.recv(&mut buffer) else { continue };
                    numbers.push(u32::from_be_bytes(buffer[HEADERS..len].try_into().unwrap()));
                    moved.fetch_add(1, Ordering::Relaxed);
                }
                numbers
            };
            let collectors = [&first, &second].map(|socket| scope.spawn(move || collect(socket)));
            let raise = RaiseOnDrop(&is_done);
            for number in 0..400_usize {
                other.send_to(&(number as u32).to_be_bytes(), "10.20.7.1:7").unwrap();
                eventually("it arrives", || moved.load(Ordering::Relaxed) > number);
            }
            drop(raise);
            let followed = collectors.map(|collector| collector.join().unwrap());
            (traffic.join().unwrap(), mover.join().unwrap(), followed)
        });
        let all: BTreeSet<u32> = followed.iter().flatten().copied().collect();
        assert_eq!(all.len(), 400, "each packet arrives once");
        assert!(followed.iter().all(|numbers| !numbers.is_empty()), "{moves} moves");
        let stats = finish(&relay);
        assert_eq!((stats.outbound.dropped(), stats.inbound.dropped()), (0, 0), "{stats:?}");
        assert_eq!(stats.inbound.packets_written, packets as u64);
        assert_total(&relay);
    });
}

/// Sets a flag when it is dropped, also by a panic.
struct RaiseOnDrop<'a>(&'a AtomicBool);

impl Drop for RaiseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn the_counts_of_all_peers_are_those_of_the_relay_whatever_happens() {
    in_namespace(|| {
        let sockets = [0; 3].map(|_| loopback_socket());
        // The route to the last peer is a blackhole: the kernel refuses its datagrams.
        ip("route add blackhole 198.51.100.0/24");
        let refused = PeerConfig::new(
            "198.51.100.1:9".parse().unwrap(),
            vec!["10.22.0.0/16".parse().unwrap()],
        );
        let table = |present: &[usize]| -> Vec<PeerConfig> {
            let prefixes = [["10.20.0.0/16", "10.9.0.5/32"], ["10.21.0.0/16", "10.9.0.6/32"]];
            let peers = present.iter().map(|at| peer(&sockets[*at], &prefixes[*at]));
            peers.chain([refused.clone()]).collect()
        };
        let relay = start(RelayConfig { queues: 2, ..config(table(&[0, 1])) });
        let inside = inside_socket(9);
        let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
        for round in 0..20 {
            // A peer that is removed and added again starts at 0. The sum of the removed peers has its earlier counts.
            let present: &[usize] = [&[0, 1][..], &[1], &[1, 0], &[0]][round % 4];
            relay.set_peers(&table(present)).unwrap();
            let read = relay.stats().outbound.packets_read;
            for to in ["10.20.0.1:7", "10.21.0.1:7", "10.22.0.1:7", "10.23.0.1:7"] {
                inside.send_to(&vec![0; 100 + round], to).unwrap();
            }
            let received = relay.stats().inbound.datagrams_received;
            for socket in &sockets {
                for source in [5, 6, 7] {
                    let packet = inner::udp_packet(source, &vec![0; 50 + round]);
                    socket.send_to(&packet, relay.info().local).unwrap();
                }
                socket.send_to(&[0x10; 9], relay.info().local).unwrap();
                socket.send_to(b"", relay.info().local).unwrap();
            }
            stranger.send_to(&vec![0x45; 30 + round], relay.info().local).unwrap();
            eventually("everything is handled", || {
                let stats = relay.stats();
                stats.outbound.packets_read == read + 4
                    && stats.inbound.datagrams_received == received + 16
            });
        }
        ip(&format!("link set {} down", relay.info().interface_name));
        sockets[0].send_to(&inner::udp_packet(5, b"down"), relay.info().local).unwrap();
        eventually("it is refused", || relay.stats().inbound.interface_down == 1);
        let stats = finish(&relay);
        assert!(stats.outbound.no_peer > 0 && stats.outbound.unreachable > 0, "{stats:?}");
        assert!(
            stats.inbound.foreign_prefix > 0 && stats.inbound.foreign_source == 20,
            "{stats:?}"
        );
        assert!(relay.peer_totals().removed.datagrams_received > 0);
        assert_total(&relay);
    });
}
