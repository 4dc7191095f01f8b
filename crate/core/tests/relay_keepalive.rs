//! Keepalives, and whether a peer is up.

#[path = "support/inner.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod inner;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/running.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod running;

use namespace::{eventually, in_namespace, ip, loopback_socket};
use running::finish;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tun2udp_core::ErrorCode;
use tun2udp_core::device::Mode;
use tun2udp_core::packet::keepalive::KEEPALIVE;
use tun2udp_core::relay::{Event, PeerConfig, Relay, RelayConfig};

const INTERVAL: Option<Duration> = Some(Duration::from_millis(50));

type Events = Arc<Mutex<Vec<Event>>>;

fn start(config: RelayConfig) -> (Relay, Events) {
    let events = Events::default();
    let seen = Arc::clone(&events);
    let relay = Relay::start(config, move |event| seen.lock().unwrap().push(event)).unwrap();
    (relay, events)
}

fn config(network: u8, peer: SocketAddr) -> RelayConfig {
    RelayConfig::new(format!("10.{network}.0.1/24").parse().unwrap(), peer, 0)
}

fn count(events: &Events, kind: &str) -> usize {
    events.lock().unwrap().iter().filter(|event| event.kind == kind).count()
}

fn address_of(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().unwrap()
}

/// Receives one datagram, which must be a keepalive. Returns its source.
fn keepalive(socket: &UdpSocket) -> SocketAddr {
    let mut buffer = [0; 100];
    let (len, source) = socket.recv_from(&mut buffer).expect("a keepalive");
    assert_eq!(buffer[..len], KEEPALIVE);
    source
}

fn is_silent(socket: &UdpSocket) -> bool {
    socket.set_nonblocking(true).unwrap();
    let is_silent = socket.recv(&mut [0; 100]).is_err();
    socket.set_nonblocking(false).unwrap();
    is_silent
}

#[test]
fn a_relay_sends_nothing_of_its_own_unless_asked() {
    in_namespace(|| {
        let peer = loopback_socket();
        let (relay, events) = start(config(9, address_of(&peer)));
        std::thread::sleep(Duration::from_millis(300));
        assert!(is_silent(&peer));
        peer.send_to(&inner::udp_packet(2, b"in"), relay.info().local).unwrap();
        eventually("it is written", || relay.stats().inbound.packets_written == 1);
        let [stats] = &relay.peer_stats()[..] else { panic!("one peer") };
        assert_eq!((stats.is_up, stats.traffic), (None, None));
        assert_eq!(finish(&relay).outbound.keepalives_sent, 0);
        assert!(events.lock().unwrap().is_empty());
    });
}

#[test]
fn two_relays_report_each_other_and_write_no_keepalive() {
    in_namespace(|| [Mode::Tun, Mode::Tap].into_iter().for_each(report_each_other));
}

fn report_each_other(mode: Mode) {
    let first_port = address_of(&loopback_socket());
    let with = |config: RelayConfig| RelayConfig { keepalive: INTERVAL, mode, ..config };
    let (second, second_events) = start(with(config(8, first_port)));
    let first_config = RelayConfig {
        receive_port: first_port.port(),
        name: Some("first0".to_owned()),
        ..with(config(9, second.info().local))
    };
    eventually("the second is down before the first one starts", || {
        count(&second_events, "peer-down") == 1
    });
    assert_eq!(second.peer_stats()[0].is_up, Some(false));
    let received = second.stats().inbound;
    assert_eq!((received.datagrams_received, received.keepalives_received), (0, 0));
    let (first, first_events) = start(first_config.clone());
    for (relay, events) in [(&first, &first_events), (&second, &second_events)] {
        eventually("each is up", || count(events, "peer-up") == 1);
        eventually("several arrive", || relay.stats().inbound.keepalives_received > 5);
        let traffic = relay.peer_stats()[0].traffic.unwrap();
        assert_eq!((traffic.datagrams_sent, traffic.datagrams_received), (0, 0));
        assert!(traffic.silent_for.is_some());
        assert_eq!(relay.peer_stats()[0].is_up, Some(true));
    }
    // The kernel has received nothing from the interface.
    let link = ip("-j -s link show dev first0");
    assert!(link.split("\"rx\":").nth(1).unwrap().contains("\"packets\":0"), "{link}");
    let stats = finish(&first);
    assert_eq!((stats.inbound.datagrams_received, stats.inbound.packets_written), (0, 0));
    assert_eq!((stats.outbound.packets_read, stats.outbound.datagrams_sent), (0, 0));
    eventually("the first is down", || count(&second_events, "peer-down") == 2);
    assert_eq!(count(&first_events, "peer-down"), 0);
    let (first, _) = start(first_config);
    eventually("it is up again", || count(&second_events, "peer-up") == 2);
    finish(&first);
    finish(&second);
}

#[test]
fn each_peer_has_its_own_interval_and_traffic_replaces_keepalives() {
    in_namespace(|| {
        let [often, seldom, never, later] = [(); 4].map(|()| loopback_socket());
        let peer = |socket: &UdpSocket, host: u8, keepalive| {
            let network = format!("10.9.0.{host}/32").parse().unwrap();
            PeerConfig { keepalive, ..PeerConfig::new(address_of(socket), vec![network]) }
        };
        let hour = Some(Duration::from_secs(3_600));
        let peers = vec![peer(&often, 2, INTERVAL), peer(&seldom, 3, hour), peer(&never, 4, None)];
        let mut config = config(9, address_of(&often));
        config.peers = peers.clone();
        let config_before = config.clone();
        let (relay, _events) = start(config);
        for _ in 0..10 {
            assert_eq!(keepalive(&often), relay.info().local);
        }
        // One at the start.
        keepalive(&seldom);
        // A peer that is added at run time gets its first one at once.
        let added = peer(&later, 5, hour);
        relay.set_peers(&[peers.clone(), vec![added.clone()]].concat()).unwrap();
        keepalive(&later);
        // Peers that are the same are not touched.
        relay.set_peers(&[peers[1..].to_vec(), vec![added]].concat()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert!(is_silent(&seldom) && is_silent(&later) && is_silent(&never));
        let short = PeerConfig { keepalive: Some(Duration::from_millis(9)), ..peers[0].clone() };
        let error = relay.set_peers(&[short]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.to_string().contains("at least 10 ms"), "{error}");
        let both = RelayConfig { peers, keepalive: hour, ..config_before.clone() };
        let error = Relay::start(both, |_| {}).map(drop).unwrap_err();
        assert!(error.to_string().contains("of their own"), "{error}");
        // A packet to a peer counts like a keepalive to it.
        relay.set_peers(&[peer(&often, 2, Some(Duration::from_millis(500)))]).unwrap();
        eventually("the new interval begins", || {
            let mut buffer = [0; 100];
            often.recv(&mut buffer).unwrap();
            is_silent(&often)
        });
        let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
        // On a busy machine a pause may be long enough for a keepalive, but not each time.
        eventually("traffic replaces keepalives for two intervals", || {
            let sent = relay.stats().outbound.keepalives_sent;
            let start = std::time::Instant::now();
            while start.elapsed() < Duration::from_secs(1) {
                inside.send_to(b"out", "10.9.0.2:7").unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
            relay.stats().outbound.keepalives_sent == sent
        });
        finish(&relay);
    });
}

#[test]
fn silent_endpoints_are_tried_in_turn() {
    in_namespace(|| {
        let [dead, live] = [loopback_socket(), loopback_socket()];
        let gone = address_of(&loopback_socket());
        let peer = |endpoints: [SocketAddr; 3], keepalive| {
            let network = "10.9.0.2/32".parse().unwrap();
            let mut peer = PeerConfig::new(endpoints[0], vec![network]);
            (peer.alternatives, peer.keepalive) = (endpoints[1..].to_vec(), keepalive);
            peer
        };
        let mut config = config(9, address_of(&dead));
        // With a keepalive, silence counts.
        config.peers = vec![peer([address_of(&dead), gone, address_of(&live)], INTERVAL)];
        let (relay, events) = start(config.clone());
        let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
        let answer = inner::udp_packet(2, b"x");
        let local = keepalive(&live);
        live.send_to(&answer, local).unwrap();
        eventually("the live one is used", || {
            keepalive(&live);
            live.send_to(&answer, local).unwrap();
            relay.peer_stats()[0].is_up == Some(true)
        });
        let reply = |socket: &UdpSocket| {
            let mut buffer = [0; 100];
            loop {
                let len = socket.recv(&mut buffer).unwrap();
                if buffer[..len] != KEEPALIVE {
                    break assert_eq!(buffer[28..len], *b"out");
                }
            }
        };
        inside.send_to(b"out", "10.9.0.2:7").unwrap();
        reply(&live);
        assert_eq!(relay.peer_stats()[0].endpoint, address_of(&live));
        eventually("the changes are reported", || count(&events, "endpoint-changed") == 2);
        assert_eq!((count(&events, "peer-down"), count(&events, "peer-up")), (1, 1));
        finish(&relay);
        drop(inside);
        // Without, the kernel's errors count: nothing listens on the first port.
        config.peers = vec![peer([gone, address_of(&live), address_of(&dead)], None)];
        config.peer = gone;
        let (relay, events) = start(config);
        let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
        eventually("the second one is used", || {
            inside.send_to(b"out", "10.9.0.2:7").unwrap();
            relay.peer_stats()[0].endpoint == address_of(&live)
        });
        inside.send_to(b"out", "10.9.0.2:7").unwrap();
        reply(&live);
        eventually("the change is reported", || count(&events, "endpoint-changed") == 1);
        finish(&relay);
    });
}
