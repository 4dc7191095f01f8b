//! The prefixes of peers: the packets that a peer may send, and those that are sent to it.

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
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tun2udp_core::ErrorCode;
use tun2udp_core::packet::checksum::{Sum, pseudo_header};
use tun2udp_core::relay::{OffloadConfig, PeerConfig, Relay, RelayConfig};

fn peer(socket: &UdpSocket, prefixes: &[&str]) -> PeerConfig {
    let prefixes = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
    PeerConfig::new(socket.local_addr().unwrap(), prefixes)
}

fn config(peers: Vec<PeerConfig>) -> RelayConfig {
    let mut config = RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), peers, 0).unwrap();
    config.addresses.push("fd09::1/64".parse().unwrap());
    // With several, one receives all after the first GSO batch with packets of several flows, which is an event.
    config.queues = 1;
    config
}

/// Opens a socket on the interface, with a time limit on its waits.
fn inside_socket(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind((address, 9)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// Returns a UDP packet with `payload` from port 7 of fd09::`source` to port 9 of fd09::1.
fn udp_packet_v6(source: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap();
    let mut bytes = vec![0x60, 0, 0, 0, 0, 0, 17, 64];
    bytes[4..6].copy_from_slice(&len.to_be_bytes());
    bytes.extend(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, source).octets());
    bytes.extend("fd09::1".parse::<Ipv6Addr>().unwrap().octets());
    bytes.extend([0, 7, 0, 9]);
    bytes.extend(len.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    let sum = pseudo_header(17, usize::from(len)).and(Sum::of(&bytes[8..])).checksum();
    bytes[46..48].copy_from_slice(&sum);
    bytes
}

/// Returns a packet from the inner address with this last number, which is its content too.
fn packet(is_v6: bool, source: u8) -> Vec<u8> {
    if is_v6 {
        udp_packet_v6(u16::from(source), &[source; 4])
    } else {
        inner::udp_packet(source, &[source; 4])
    }
}

/// Sends packets from these inner addresses through `socket`, as single datagrams or as one GSO batch, and waits until
/// all of them are received.
fn send_from(relay: &Relay, socket: &UdpSocket, is_batch: bool, packets: &[Vec<u8>]) {
    let before = relay.stats().inbound.datagrams_received;
    if is_batch {
        let len = i32::try_from(packets[0].len()).unwrap();
        os::set_option(socket, libc::SOL_UDP, libc::UDP_SEGMENT, len).unwrap();
        socket.send_to(&packets.concat(), relay.info().local).unwrap();
        os::set_option(socket, libc::SOL_UDP, libc::UDP_SEGMENT, 0).unwrap();
    } else {
        for packet in packets {
            socket.send_to(packet, relay.info().local).unwrap();
        }
    }
    let all = before + packets.len() as u64;
    eventually("all are received", || relay.stats().inbound.datagrams_received == all);
}

/// Receives packets inside; returns their sources, sorted.
fn sources_inside(inside: &UdpSocket, count: usize) -> Vec<u8> {
    let mut sources: Vec<u8> = (0..count)
        .map(|_| {
            let mut buffer = [0; 10];
            assert_eq!(inside.recv(&mut buffer).unwrap(), 4);
            buffer[0]
        })
        .collect();
    sources.sort_unstable();
    sources
}

#[test]
fn a_peer_cannot_send_from_the_prefix_of_another() {
    in_namespace(|| {
        let (first, second) = (loopback_socket(), loopback_socket());
        let peers = vec![
            peer(&first, &["10.9.0.16/28", "fd09::10/124"]),
            peer(&second, &["10.9.0.17/32", "10.9.0.33/32", "fd09::11/128", "fd09::21/128"]),
        ];
        for (offload, is_batch, is_v6) in [
            (OffloadConfig::ALL, true, false),
            (OffloadConfig::ALL, true, true),
            (OffloadConfig::ALL, false, false),
            (OffloadConfig::NONE, false, true),
        ] {
            let relay = start(RelayConfig { offload, ..config(peers.clone()) });
            let inside = inside_socket(if is_v6 { "fd09::1" } else { "10.9.0.1" });
            let from = |socket: &UdpSocket, sources: &[u8]| {
                let packets: Vec<_> = sources.iter().map(|source| packet(is_v6, *source)).collect();
                send_from(&relay, socket, is_batch, &packets);
            };
            // 17 is in the longer prefix of the second peer; no peer may send from 40.
            from(&first, &[16, 17, 17, 18, 33, 40, 16]);
            from(&second, &[16, 17, 33, 40]);
            assert_eq!(sources_inside(&inside, 5), [16, 16, 17, 18, 33]);
            let foreign = |at: usize| relay.peer_stats()[at].traffic.unwrap().foreign_prefix;
            eventually("all are counted", || (foreign(0), foreign(1)) == (4, 2));
            // A prefix moves to the other peer.
            let moved = if is_v6 { "fd09::11/128" } else { "10.9.0.17/32" };
            relay.set_peers(&[peer(&first, &[moved]), peer(&second, &[])]).unwrap();
            from(&second, &[17, 17]);
            from(&first, &[17, 16]);
            assert_eq!(sources_inside(&inside, 1), [17]);
            eventually("all are counted", || (foreign(0), foreign(1)) == (5, 4));
            let inbound = finish(&relay).inbound;
            assert_eq!((inbound.foreign_prefix, inbound.packets_written), (9, 6));
        }
    });
}

#[test]
fn what_is_no_packet_keeps_its_cause() {
    in_namespace(|| {
        let socket = loopback_socket();
        let relay = start(config(vec![peer(&socket, &["10.9.0.2/32"])]));
        let inside = inside_socket("10.9.0.1");
        let packets = [&[0x50; 40][..], b"", &[0x45; 10], &packet(false, 3), &packet(false, 2)];
        for bytes in packets {
            socket.send_to(bytes, relay.info().local).unwrap();
        }
        assert_eq!(sources_inside(&inside, 1), [2]);
        eventually("all are received", || relay.stats().inbound.datagrams_received == 5);
        let inbound = finish(&relay).inbound;
        // A packet that ends within its header has no source, so it is not one of the peer.
        assert_eq!((inbound.not_ip, inbound.empty, inbound.foreign_prefix), (1, 1, 2));
        let traffic = relay.peer_stats()[0].traffic.unwrap();
        assert_eq!((traffic.inbound_dropped, traffic.foreign_prefix), (4, 2));
    });
}

#[test]
fn a_single_peer_is_limited_to_its_prefixes_in_both_directions() {
    in_namespace(|| {
        let socket = loopback_socket();
        for (prefixes, is_v6, expected) in [
            (&[][..], false, &[2, 3, 4][..]),
            (&["10.9.0.2/31"], false, &[2, 3]),
            (&["10.9.0.2/31", "10.9.0.4/32"], false, &[2, 3, 4]),
            (&["::/0"], false, &[]),
            (&["fd09::2/127"], true, &[2, 3]),
            // An IPv4-mapped prefix is the IPv4 prefix.
            (&["::ffff:10.9.0.4/128"], false, &[4]),
        ] {
            let address = if is_v6 { "fd09::1/64" } else { "10.9.0.1/24" };
            let peer = socket.local_addr().unwrap();
            let mut config = RelayConfig::new(address.parse().unwrap(), peer, 0);
            config.allowed_prefixes =
                prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
            let relay = start(config);
            let inside = inside_socket(if is_v6 { "fd09::1" } else { "10.9.0.1" });
            let (level, option) = match is_v6 {
                true => (libc::SOL_IPV6, libc::IPV6_RECVERR),
                false => (libc::SOL_IP, libc::IP_RECVERR),
            };
            os::set_option(&inside, level, option, 1).unwrap();
            let packets: Vec<_> = [2, 3, 4].map(|source| packet(is_v6, source)).to_vec();
            send_from(&relay, &socket, false, &packets);
            assert_eq!(sources_inside(&inside, expected.len()), expected);
            for last in [2, 3, 4] {
                let host =
                    if is_v6 { format!("[fd09::{last}]:7") } else { format!("10.9.0.{last}:7") };
                inside.send_to(b"out", &host).unwrap();
                if expected.contains(&last) {
                    let header = if is_v6 { 48 } else { 28 };
                    assert_eq!(socket.recv(&mut [0; 100]).unwrap(), header + 3);
                } else {
                    let error = inside.recv(&mut [0; 10]).unwrap_err();
                    let errno = if is_v6 { libc::ENETUNREACH } else { libc::EHOSTUNREACH };
                    assert_eq!(error.raw_os_error(), Some(errno), "{host}: {error}");
                }
            }
            let stats = finish(&relay);
            let dropped = 3 - expected.len() as u64;
            assert_eq!((stats.inbound.foreign_prefix, stats.outbound.no_peer), (dropped, dropped));
            assert_eq!(stats.outbound.replies_written, dropped);
        }
    });
}

#[test]
fn a_super_packet_without_a_peer_is_one_loss_per_packet_and_one_error() {
    in_namespace(|| {
        let socket = loopback_socket();
        for offload in [OffloadConfig::ALL, OffloadConfig::NONE] {
            let relay = start(RelayConfig { offload, ..config(vec![peer(&socket, &[])]) });
            let inside = inside_socket("10.9.0.1");
            os::set_option(&inside, libc::SOL_UDP, libc::UDP_SEGMENT, 100).unwrap();
            os::set_option(&inside, libc::SOL_IP, libc::IP_RECVERR, 1).unwrap();
            inside.send_to(&[7; 1_000], "10.9.0.2:7").unwrap();
            eventually("the losses are counted", || relay.stats().outbound.no_peer == 10);
            let error = inside.recv(&mut [0; 10]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EHOSTUNREACH), "{error}");
            // Multicast is dropped without an error.
            let multicast = UdpSocket::bind("10.9.0.1:0").unwrap();
            os::set_option(&multicast, libc::SOL_IP, libc::IP_RECVERR, 1).unwrap();
            let before = relay.stats().outbound;
            let interface = std::net::Ipv4Addr::new(10, 9, 0, 1);
            let interface = i32::from_ne_bytes(interface.octets());
            os::set_option(&multicast, libc::SOL_IP, libc::IP_MULTICAST_IF, interface).unwrap();
            multicast.send_to(b"all", SocketAddr::from(([239, 1, 2, 3], 7))).unwrap();
            eventually("it is counted", || relay.stats().outbound.no_peer == 11);
            assert_eq!(finish(&relay).outbound.replies_written, before.replies_written);
        }
    });
}

#[test]
fn prefixes_of_the_single_peer_and_several_peers_contradict_each_other() {
    in_namespace(|| {
        let socket = loopback_socket();
        let mut config = config(vec![peer(&socket, &["10.20.0.0/16"])]);
        config.allowed_prefixes.push("10.21.0.0/16".parse().unwrap());
        let error = Relay::start(config, |_| {}).map(drop).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(error.to_string().contains("10.21.0.0/16"), "{error}");
    });
}
