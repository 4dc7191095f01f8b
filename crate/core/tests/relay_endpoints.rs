//! Peers whose endpoint is replaced while the relay runs, also by one of the other address family.

#[path = "support/inner.rs"]
mod inner;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/running.rs"]
mod running;

use namespace::{eventually, in_namespace, loopback_socket};
use running::{finish, start};
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{PeerConfig, Relay, RelayConfig};

fn socket_v6() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("IPv6 on the loopback interface");
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn inside_socket() -> UdpSocket {
    let socket = UdpSocket::bind("10.9.0.1:9").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn address_of(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().unwrap()
}

/// Sends a packet to `peer` and one back. `peer` is behind the network of 10.9.0.2 and 10.20.0.0/16.
fn exchange(relay: &Relay, inside: &UdpSocket, peer: &UdpSocket, to: [u8; 4]) {
    inside.send_to(b"out", SocketAddr::from((to, 7))).unwrap();
    let mut buffer = [0; 100];
    let (len, from) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!(buffer[28..len], *b"out");
    assert_eq!(from.port(), relay.info().local.port());
    peer.send_to(&inner::udp_packet(2, b"in"), from).unwrap();
    let len = inside.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..len], *b"in");
}

#[test]
fn a_single_peer_changes_its_address_family() {
    in_namespace(|| {
        let (first, v6, last) = (loopback_socket(), socket_v6(), loopback_socket());
        let inner = "10.9.0.1/24".parse().unwrap();
        for queues in [1, 3] {
            let config = RelayConfig {
                both_families: true,
                queues,
                ..RelayConfig::new(inner, address_of(&first), 0)
            };
            let relay = start(config);
            let inside = inside_socket();
            exchange(&relay, &inside, &first, [10, 9, 0, 2]);
            for socket in [&v6, &last, &v6, &first] {
                relay.set_endpoint(address_of(socket)).unwrap();
                assert_eq!(relay.peer_stats()[0].endpoint, address_of(socket));
                for _ in 0..3 {
                    exchange(&relay, &inside, socket, [10, 9, 0, 2]);
                }
            }
            // The endpoint before is foreign.
            let before = relay.stats().inbound.foreign_source;
            let local = SocketAddr::from((Ipv6Addr::LOCALHOST, relay.info().local.port()));
            v6.send_to(&inner::udp_packet(2, b"foreign"), local).unwrap();
            eventually("the datagram is dropped", || {
                relay.stats().inbound.foreign_source == before + 1
            });
            finish(&relay);
        }
    });
}

#[test]
fn a_peer_changes_its_address_family_and_no_packet_of_another_is_lost() {
    const PACKETS: u32 = 20_000;
    in_namespace(|| {
        let (other, v4, v6) = (loopback_socket(), loopback_socket(), socket_v6());
        let peers = |socket: &UdpSocket| {
            let networks = [["10.21.0.0/16", "10.9.0.3/32"], ["10.20.0.0/16", "10.9.0.2/32"]];
            let sockets = [("other", &other), ("moving", socket)];
            let peer = |((name, socket), networks): ((&str, &UdpSocket), [&str; 2])| PeerConfig {
                name: Some(name.to_owned()),
                ..PeerConfig::new(
                    address_of(socket),
                    networks.map(|network| network.parse().unwrap()).to_vec(),
                )
            };
            sockets.into_iter().zip(networks).map(peer).collect::<Vec<_>>()
        };
        let address = "10.9.0.1/24".parse().unwrap();
        let mut config = RelayConfig::with_peers(address, peers(&v4), 0).unwrap();
        config.routes.push("10.20.0.0/14".parse().unwrap());
        config.both_families = true;
        let relay = start(config);
        let inside = inside_socket();
        let is_done = AtomicBool::new(false);
        let changes = std::thread::scope(|scope| {
            let stream = scope.spawn(|| {
                let sender = UdpSocket::bind("10.9.0.1:10").unwrap();
                let mut buffer = [0; 100];
                for number in 0..PACKETS {
                    sender.send_to(&number.to_be_bytes(), "10.21.0.1:7").unwrap();
                    let len = other.recv(&mut buffer).expect("no packet is lost");
                    assert_eq!(buffer[28..len], number.to_be_bytes(), "no packet is lost");
                }
                is_done.store(true, Ordering::Relaxed);
            });
            let mut changes = 0;
            while !is_done.load(Ordering::Relaxed) && !stream.is_finished() {
                for socket in [&v6, &v4] {
                    relay.set_peers(&peers(socket)).unwrap();
                    exchange(&relay, &inside, socket, [10, 20, 0, 1]);
                    changes += 1;
                }
            }
            stream.join().unwrap();
            changes
        });
        assert!(changes > 0);
        let stats = finish(&relay);
        let [other, moving] = &relay.peer_stats()[..] else { panic!("two peers") };
        assert_eq!(
            (other.name.as_deref(), moving.name.as_deref()),
            (Some("other"), Some("moving"))
        );
        assert_eq!(other.traffic.unwrap().datagrams_sent, u64::from(PACKETS));
        let traffic = moving.traffic.unwrap();
        assert_eq!((traffic.datagrams_sent, traffic.datagrams_received), (changes, changes));
        assert_eq!(stats.outbound.datagrams_sent, u64::from(PACKETS) + changes);
        assert_eq!((stats.outbound.dropped(), stats.inbound.dropped()), (0, 0), "{stats:?}");
    });
}

#[test]
fn without_a_socket_of_the_family_an_endpoint_is_refused() {
    in_namespace(|| {
        let (first, v6) = (loopback_socket(), socket_v6());
        let inner = "10.9.0.1/24".parse().unwrap();
        let config = RelayConfig::new(inner, address_of(&first), 0);
        let refused = |config: RelayConfig| {
            let relay = start(config);
            let error = relay.set_endpoint(address_of(&v6)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
            assert!(error.to_string().contains("family"), "{error}");
            exchange(&relay, &inside_socket(), &first, [10, 9, 0, 2]);
            finish(&relay);
        };
        refused(config.clone());
        // An address to receive on is of one family.
        let listen = Some("127.0.0.1".parse().unwrap());
        refused(RelayConfig { both_families: true, listen, ..config.clone() });
        // The relay also starts on a machine without IPv6.
        std::fs::write("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1").unwrap();
        refused(RelayConfig { both_families: true, ..config });
    });
}
