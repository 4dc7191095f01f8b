//! Peers whose port a NAT changes, and datagrams that must not change an endpoint.

#[path = "support/inner.rs"]
mod inner;
#[path = "support/inside.rs"]
mod inside;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/running.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod running;

use namespace::{eventually, in_namespace};
use running::finish;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tun2udp_core::packet::keepalive::KEEPALIVE;
use tun2udp_core::relay::{Event, FollowPort, PeerConfig, Relay, RelayConfig};

fn socket(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn address_of(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().unwrap()
}

/// A peer with the inner address 10.9.0.`host` whose port is followed.
fn peer(socket: &UdpSocket, host: u8) -> PeerConfig {
    let network = format!("10.9.0.{host}/32").parse().unwrap();
    let name = Some(format!("site{host}"));
    PeerConfig {
        name,
        follow_port: FollowPort::Always,
        ..PeerConfig::new(address_of(socket), vec![network])
    }
}

struct Hub {
    relay: Relay,
    events: Arc<Mutex<Vec<Event>>>,
    inside: UdpSocket,
}

impl Hub {
    fn start(peers: Vec<PeerConfig>, queues: usize) -> Self {
        let events = Arc::<Mutex<Vec<Event>>>::default();
        let seen = Arc::clone(&events);
        let config = RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), peers, 0).unwrap();
        let config = RelayConfig { queues, ..config };
        let relay = Relay::start(config, move |event| seen.lock().unwrap().push(event)).unwrap();
        let inside = inside::socket();
        inside.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { relay, events, inside }
    }

    fn endpoints(&self) -> Vec<SocketAddr> {
        self.relay.peer_stats().iter().map(|peer| peer.endpoint).collect()
    }

    /// Sends one packet from 10.9.0.`host` by `from`, and the reply to it; it must arrive at `to`.
    fn echo(&self, from: &UdpSocket, host: u8, to: &UdpSocket) {
        from.send_to(&inner::udp_packet(host, b"request"), self.relay.info().local).unwrap();
        let mut buffer = [0; 100];
        let (len, source) = self.inside.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], source), (&b"request"[..], ([10, 9, 0, host], 7).into()));
        self.inside.send_to(b"reply", source).unwrap();
        let len = to.recv(&mut buffer).expect("the reply");
        assert_eq!(&buffer[28..len], b"reply");
    }

    fn changes(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let changes = events.iter().filter(|event| event.kind == "endpoint-changed");
        changes.map(|event| event.message.clone()).collect()
    }
}

#[test]
fn by_default_a_port_is_followed_only_after_the_peer_has_sent_from_its_endpoint() {
    in_namespace(|| {
        // A plain peer with a socket for each direction, and a peer behind a NAT.
        let [receiving, sending, before, after] = [(); 4].map(|()| socket("127.0.0.1"));
        let known = |peer| PeerConfig { follow_port: FollowPort::Known, ..peer };
        let hub = Hub::start(vec![known(peer(&receiving, 2)), known(peer(&before, 3))], 1);
        for _ in 0..3 {
            hub.echo(&sending, 2, &receiving);
        }
        // Also after a datagram from its endpoint, which can be forged: the other port sent before.
        hub.echo(&receiving, 2, &receiving);
        hub.echo(&sending, 2, &receiving);
        // Several peers at one address: a new port could be that of either.
        hub.echo(&before, 3, &before);
        hub.relay.set_peers(&[known(peer(&before, 3))]).unwrap();
        hub.echo(&after, 3, &after);
        assert_eq!(hub.endpoints(), [address_of(&after)]);
        finish(&hub.relay);
        drop(hub);
        // Behind a NAT from the beginning: a keepalive leaves from the port that the peer receives on.
        let hub = Hub::start(vec![known(peer(&receiving, 2))], 1);
        hub.echo(&sending, 2, &receiving);
        sending.send_to(&KEEPALIVE, hub.relay.info().local).unwrap();
        eventually("the port is followed", || hub.endpoints() == [address_of(&sending)]);
        hub.echo(&sending, 2, &sending);
        hub.echo(&after, 2, &after);
        finish(&hub.relay);
    });
}

#[test]
fn a_port_is_followed_with_the_first_packet() {
    in_namespace(|| {
        for queues in [1, 3] {
            let ports = [(); 6].map(|()| socket("127.0.0.2"));
            let other = socket("127.0.0.3");
            let hub = Hub::start(vec![peer(&other, 3), peer(&ports[0], 2)], queues);
            // Several round trips each, so that each queue has a part in some.
            for socket in &ports {
                for _ in 0..5 {
                    hub.echo(socket, 2, socket);
                    hub.echo(&other, 3, &other);
                }
                assert_eq!(hub.endpoints(), [address_of(&other), address_of(socket)]);
            }
            eventually("the changes are reported", || hub.changes().len() == ports.len() - 1);
            let expected = format!(
                "datagrams to the peer site2 go to {} instead of {}",
                address_of(&ports[1]),
                address_of(&ports[0])
            );
            assert_eq!(hub.changes()[0], expected);
            // A datagram may arrive before it is counted.
            eventually("each is counted", || {
                let traffic = hub.relay.peer_stats()[1].traffic.unwrap();
                (traffic.datagrams_sent, traffic.datagrams_received) == (30, 30)
            });
            // The same configuration changes nothing; another endpoint is used at once.
            hub.relay.set_peers(&[peer(&other, 3), peer(&ports[0], 2)]).unwrap();
            assert_eq!(hub.endpoints()[1], address_of(&ports[5]));
            hub.relay.set_peers(&[peer(&other, 3), peer(&ports[4], 2)]).unwrap();
            assert_eq!(hub.endpoints()[1], address_of(&ports[4]));
            finish(&hub.relay);
        }
    });
}

#[test]
fn two_ports_in_turn_change_the_endpoint_once_and_back() {
    in_namespace(|| {
        let (first, second) = (socket("127.0.0.2"), socket("127.0.0.2"));
        let hub = Hub::start(vec![peer(&first, 2)], 1);
        hub.echo(&first, 2, &first);
        hub.echo(&second, 2, &second);
        let mut buffer = [0; 100];
        let mut send = |from: &UdpSocket| {
            from.send_to(&inner::udp_packet(2, b"x"), hub.relay.info().local).unwrap();
            assert_eq!(hub.inside.recv(&mut buffer).unwrap(), 1);
        };
        eventually("the first port is used again", || {
            send(&second);
            send(&first);
            hub.endpoints()[0] == address_of(&first)
        });
        for _ in 0..200 {
            send(&second);
            send(&first);
        }
        assert_eq!(hub.endpoints()[0], address_of(&first));
        eventually("both changes are reported", || hub.changes().len() == 2);
        finish(&hub.relay);
    });
}

#[test]
fn a_datagram_that_is_not_a_packet_of_the_peer_changes_nothing() {
    in_namespace(|| {
        let (first, second, forger) =
            (socket("127.0.0.2"), socket("127.0.0.2"), socket("127.0.0.66"));
        let mut plain =
            PeerConfig { follow_port: FollowPort::Never, ..peer(&socket("127.0.0.4"), 4) };
        plain.alternatives = vec![address_of(&socket("127.0.0.5"))];
        let hub = Hub::start(vec![peer(&first, 2), plain], 1);
        let (before, local) = (hub.endpoints(), hub.relay.info().local);
        let name = &hub.relay.info().interface_name;
        let interface = || {
            let text = namespace::ip(&format!("-j -s link show dev {name}"));
            let rx = text.split("\"rx\":").nth(1).unwrap().split('}').next().unwrap().to_owned();
            assert!(rx.contains("packets"), "{text}");
            rx
        };
        let written = interface();
        // From an unknown address.
        for number in 0..100 {
            forger.send_to(&inner::udp_packet(2, &[number]), local).unwrap();
        }
        // From the address of a peer, but not a packet.
        for bytes in [&b""[..], b"x", &[0x55; 40]] {
            second.send_to(bytes, local).unwrap();
        }
        eventually("all are dropped", || {
            let inbound = hub.relay.stats().inbound;
            (inbound.foreign_source, inbound.empty, inbound.not_ip) == (100, 1, 2)
        });
        assert_eq!(interface(), written);
        // From a further port of a peer whose port is not followed.
        let other_port = socket("127.0.0.4");
        other_port.send_to(&inner::udp_packet(4, b"x"), local).unwrap();
        assert_eq!(hub.inside.recv(&mut [0; 10]).unwrap(), 1);
        assert_eq!(hub.endpoints(), before);
        assert_eq!(hub.changes(), [""; 0]);
        assert_ne!(interface(), written, "the counters are those of the interface");
        let stats = finish(&hub.relay);
        assert_eq!((stats.inbound.packets_written, stats.outbound.datagrams_sent), (1, 0));
        for socket in [&forger, &second] {
            socket.set_nonblocking(true).unwrap();
            assert!(socket.recv(&mut [0; 10]).is_err(), "nothing is answered");
        }
    });
}

#[test]
fn a_new_port_at_the_address_of_several_peers_is_not_followed() {
    in_namespace(|| {
        let [first, second, unknown] = [(); 3].map(|()| socket("127.0.0.2"));
        let hub = Hub::start(vec![peer(&first, 2), peer(&second, 3)], 1);
        let before = hub.endpoints();
        hub.echo(&unknown, 2, &first);
        hub.echo(&second, 3, &second);
        assert_eq!(hub.endpoints(), before);
        // Once only one peer has the address, the port is its port.
        hub.relay.set_peers(&[peer(&first, 2)]).unwrap();
        hub.echo(&unknown, 2, &unknown);
        finish(&hub.relay);
    });
}
