//! Path MTUs of the peers, which a router reports to the relay.

#[path = "support/inside.rs"]
mod inside;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/running.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod running;

use namespace::{eventually, in_namespace, ip};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tun2udp_core::relay::{PathMtu, PathMtuSource, PeerConfig, Relay, RelayConfig};

/// Runs a router to a network of MTU 1300, in a network namespace of its own. Sends the id of its task and,
/// after the first step, that it is ready. Ends with the steps.
fn router(tasks: mpsc::Sender<String>, steps: mpsc::Receiver<()>) {
    let _namespace = tun2udp_core::sys::netns::unshare().unwrap();
    let task = std::fs::read_link("/proc/thread-self").unwrap();
    tasks.send(task.file_name().unwrap().to_str().unwrap().to_owned()).unwrap();
    steps.recv().unwrap();
    ip("link set right0 up");
    ip("address add 192.0.2.1/24 dev right0");
    ip("link add behind0 type veth peer name behind1");
    ip("link set behind1 up");
    ip("link set behind0 mtu 1300 up");
    ip("route add 198.51.100.0/24 dev behind0");
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    tasks.send(String::new()).unwrap();
    let _ = steps.recv();
}

/// Runs `body` in a namespace whose path to 198.51.100.0/24 gets narrower behind a router.
fn with_router(body: impl FnOnce()) {
    in_namespace(|| {
        let (tasks, task) = mpsc::channel();
        let (step, steps) = mpsc::channel();
        let router = std::thread::spawn(move || router(tasks, steps));
        ip("link add left0 type veth peer name right0");
        ip(&format!("link set right0 netns {}", task.recv().unwrap()));
        ip("link set left0 up");
        ip("address add 192.0.2.2/24 dev left0");
        ip("route add 198.51.100.0/24 via 192.0.2.1");
        step.send(()).unwrap();
        assert_eq!(task.recv().unwrap(), "");
        body();
        drop(step);
        router.join().unwrap();
    });
}

#[test]
fn a_path_that_gets_too_narrow_for_ipv6_is_reported_and_df_is_set_again_later() {
    with_router(|| {
        let events = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&events);
        let peer = "198.51.100.7:9".parse().unwrap();
        let config = RelayConfig {
            path_mtu_lifetime: Duration::from_millis(700),
            ..RelayConfig::new("fd09::1/64".parse().unwrap(), peer, 0)
        };
        let relay =
            Relay::start(config, move |event| seen.lock().unwrap().push(event.kind)).unwrap();
        assert_eq!(relay.info().mtu, 1_472, "that of the first link");
        let inside = UdpSocket::bind("[fd09::1]:0").unwrap();
        // Packets of 1,280 bytes, which an IPv6 link has to carry.
        let send = || assert_eq!(inside.send_to(&[0; 1_232], "[fd09::2]:7").unwrap(), 1_232);
        let path_mtu = || relay.peer_stats().first()?.path_mtu.map(|path| path.outside);
        for round in 1..=2 {
            eventually("the report is noted", || {
                send();
                path_mtu() == Some(1_300)
            });
            // From now on they are sent in fragments.
            let sent = relay.stats().outbound.datagrams_sent;
            eventually("they are sent", || {
                send();
                relay.stats().outbound.datagrams_sent > sent + 10
            });
            // Only a socket that forbids fragments learns the path again.
            eventually("the report ages", || path_mtu() == Some(1_500));
            let expected = ["path-mtu", "outer-fragments", "path-mtu"].repeat(round);
            eventually("its end is an event", || *events.lock().unwrap() == expected);
        }
        assert_eq!(relay.stats().outbound.path_mtu_reports, 1, "the kernel remembers it");
        running::finish(&relay);
    });
}

#[test]
fn a_path_mtu_that_a_router_reports_is_the_peers_until_it_ages() {
    with_router(|| {
        let endpoint = |text: &str| text.parse::<SocketAddr>().unwrap();
        let near = PeerConfig::new(endpoint("192.0.2.1:9"), vec!["10.21.0.0/16".parse().unwrap()]);
        let far =
            PeerConfig::new(endpoint("198.51.100.7:9"), vec!["10.20.0.0/16".parse().unwrap()]);
        let address = "10.9.0.1/24".parse().unwrap();
        let lifetime = Duration::from_millis(700);
        for is_many in [false, true] {
            // The kernel remembers the path MTU for a while, and fragments by itself.
            ip("route flush cache");
            let config = match is_many {
                true => {
                    RelayConfig::with_peers(address, vec![near.clone(), far.clone()], 0).unwrap()
                }
                false => RelayConfig::new(address, far.endpoint, 0),
            };
            let routes = vec!["10.20.0.0/15".parse().unwrap()];
            let config = RelayConfig { path_mtu_lifetime: lifetime, routes, ..config };
            let relay = Relay::start(config, |event| assert_eq!(event.kind, "path-mtu")).unwrap();
            let path_mtus =
                || relay.peer_stats().iter().map(|peer| peer.path_mtu).collect::<Vec<_>>();
            let path = |outside, source, router: Option<&str>| {
                let router = router.map(|address| address.parse().unwrap());
                Some(PathMtu { outside, inside: outside - 28, source, router })
            };
            let start = path(1_500, PathMtuSource::Start, None);
            let reported = path(1_300, PathMtuSource::Router, Some("192.0.2.1"));
            let expected = |mtu| if is_many { vec![start, mtu] } else { vec![mtu] };
            let inside = inside::socket();
            assert_eq!(path_mtus(), expected(start));
            inside.send_to(&[0; 1_400], "10.20.0.1:7").unwrap();
            eventually("the report is noted", || path_mtus() == expected(reported));
            assert_eq!(relay.stats().outbound.path_mtu_reports, 1);
            // Only its deadline wakes the relay.
            eventually("it is forgotten", || path_mtus() == expected(start));
        }
    });
}
