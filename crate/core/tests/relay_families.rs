//! A relay whose peers are of both address families: it has one socket of each family per queue, on one port.

#[path = "support/inner.rs"]
mod inner;
#[path = "support/inside.rs"]
mod inside;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/running.rs"]
mod running;

use namespace::{eventually, in_namespace, loopback_socket};
use running::{finish, start};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{PeerConfig, Relay, RelayConfig};

const PACKETS: u8 = 200;

fn socket_v6() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("IPv6 on the loopback interface");
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn peer(endpoint: SocketAddr, network: &str) -> PeerConfig {
    // Each peer also has an address of its own, which it sends from.
    let own = if endpoint.is_ipv4() { "10.9.0.4/32" } else { "10.9.0.6/32" };
    PeerConfig::new(endpoint, [network, own].map(|prefix| prefix.parse().unwrap()).to_vec())
}

fn config(peers: Vec<PeerConfig>) -> RelayConfig {
    let mut config = RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), peers, 0).unwrap();
    config.routes.push("10.20.0.0/14".parse().unwrap());
    config
}

#[test]
fn peers_of_both_families_share_one_relay() {
    in_namespace(|| {
        let (v4, v6) = (loopback_socket(), socket_v6());
        let addresses = [v4.local_addr().unwrap(), v6.local_addr().unwrap()];
        for (first, queues) in [(0, 1), (1, 1), (0, 3)] {
            let networks = ["10.20.0.0/16", "10.21.0.0/16"];
            let mut peers = vec![peer(addresses[0], networks[0]), peer(addresses[1], networks[1])];
            peers.rotate_left(first);
            let relay = start(RelayConfig { queues, ..config(peers) });
            let local = relay.info().local;
            assert_eq!(local.is_ipv4(), first == 0, "that of the first peer");
            let inside = inside::socket();
            inside.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            // Interleaved, so that each batch has packets for both sockets.
            for number in 0..PACKETS {
                for to in [[10, 20, 0, 1], [10, 21, 0, 1]] {
                    inside.send_to(&[number; 50], SocketAddr::from((to, 7))).unwrap();
                }
                if number % 20 == 19 {
                    for (socket, second) in [(&v4, 20), (&v6, 21)] {
                        for expected in number - 19..=number {
                            let mut buffer = [0; 100];
                            assert_eq!(socket.recv(&mut buffer).unwrap(), 28 + 50);
                            assert_eq!((buffer[17], buffer[28]), (second, expected));
                        }
                    }
                }
            }
            for (socket, address, source) in [
                (&v4, IpAddr::from([127, 0, 0, 1]), 4),
                (&v6, IpAddr::from(Ipv6Addr::LOCALHOST), 6),
            ] {
                let packet = inner::udp_packet(source, b"in");
                socket.send_to(&packet, (address, local.port())).unwrap();
                assert_eq!(inside.recv(&mut [0; 10]).unwrap(), 2);
            }
            let stats = finish(&relay);
            assert_eq!(stats.outbound.datagrams_sent, 2 * u64::from(PACKETS), "{stats:?}");
            assert_eq!(stats.inbound.packets_written, 2, "{stats:?}");
            let traffic =
                relay.peer_stats().iter().map(|peer| peer.traffic.unwrap()).collect::<Vec<_>>();
            assert!(traffic.iter().all(|peer| peer.datagrams_sent == u64::from(PACKETS)));
            assert!(traffic.iter().all(|peer| peer.datagrams_received == 1));
        }
    });
}

#[test]
fn each_family_has_its_own_error_queue() {
    in_namespace(|| {
        // The ports of sockets that are closed now.
        let gone = [loopback_socket().local_addr().unwrap(), socket_v6().local_addr().unwrap()];
        let peers = vec![peer(gone[0], "10.20.0.0/16"), peer(gone[1], "10.21.0.0/16")];
        let relay = Relay::start(config(peers), |_| {}).unwrap();
        let inside = inside::socket();
        for (count, to) in [(1, "10.20.0.1:7"), (2, "10.21.0.1:7"), (3, "10.20.0.1:7")] {
            inside.send_to(b"anybody there?", to).unwrap();
            eventually("it is counted", || relay.stats().outbound.refused_by_peer == count);
        }
        assert_eq!(relay.stats().outbound.datagrams_sent, 3);
    });
}

#[test]
fn both_sockets_are_gone_when_the_second_cannot_be_had() {
    in_namespace(|| {
        let (v4, v6) = (loopback_socket(), socket_v6());
        let taken = socket_v6();
        let port = taken.local_addr().unwrap().port();
        let peers = || {
            let addresses = [v4.local_addr().unwrap(), v6.local_addr().unwrap()];
            vec![peer(addresses[0], "10.20.0.0/16"), peer(addresses[1], "10.21.0.0/16")]
        };
        let start = |config: RelayConfig| Relay::start(config, |_| {}).map(drop).unwrap_err();
        let error = start(RelayConfig { receive_port: port, ..config(peers()) });
        assert_eq!(error.code(), ErrorCode::AddressInUse, "{error}");
        // A program that another test starts at this moment has the socket until its `exec`.
        eventually("it is free again", || UdpSocket::bind(("127.0.0.1", port)).is_ok());
        // Each address has one family.
        let listen = "127.0.0.1".parse().ok();
        let error = start(RelayConfig { listen, ..config(peers()) });
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        // Without a peer of a family, there is no socket of that family, neither at the start nor later.
        let relay = Relay::start(config(peers()[..1].to_vec()), |_| {}).unwrap();
        let error = relay.set_peers(&peers()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        UdpSocket::bind((Ipv6Addr::LOCALHOST, relay.info().local.port())).expect("not in use");
    });
}
