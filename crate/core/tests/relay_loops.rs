//! Routes that appear while a relay runs and lead its own datagrams into its interface.

#[path = "support/elsewhere.rs"]
mod elsewhere;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/running.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod running;

use elsewhere::Elsewhere;
use namespace::{eventually, in_namespace, ip};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tun2udp_core::relay::{
    PathMtuDiscovery, PathMtuSource, PeerConfig, PeerStats, Relay, RelayConfig,
};
use tun2udp_core::sys::netns;

const BURST: u64 = 20;

/// A relay and the kinds of its events.
struct Running {
    relay: Relay,
    events: Arc<Mutex<Vec<&'static str>>>,
}

impl Running {
    fn start(config: RelayConfig) -> Self {
        let events = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&events);
        let relay =
            Relay::start(config, move |event| seen.lock().unwrap().push(event.kind)).unwrap();
        Self { relay, events }
    }

    fn interface(&self) -> &str {
        &self.relay.info().interface_name
    }

    fn sent(&self) -> u64 {
        self.relay.stats().outbound.datagrams_sent
    }

    fn looped(&self) -> u64 {
        self.relay.stats().outbound.looped
    }

    fn read(&self) -> u64 {
        self.relay.stats().outbound.packets_read
    }

    /// The events about loops.
    fn loop_events(&self) -> Vec<&'static str> {
        let events = self.events.lock().unwrap();
        events.iter().copied().filter(|kind| kind.starts_with("loop")).collect()
    }

    /// Waits until a loop has ended, which takes a check or two, one per second.
    fn await_end(&self, loops: usize) {
        let expected = ["loop", "loop-ended"].repeat(loops);
        // On a busy machine this is longer than `eventually` waits.
        for _ in 0..600 {
            if self.loop_events() == expected {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{:?}", self.loop_events());
    }
}

/// A host with a gateway on its link, in both address families.
fn with_host(body: impl FnOnce()) {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        ip("link set v0 up");
        ip("link set v1 up");
        ip("-4 address add 192.0.2.1/24 dev v0");
        ip("-6 address add 2001:db8::1/64 dev v0 nodad");
        for gateway in ["192.0.2.2", "2001:db8::2"] {
            ip(&format!("neighbor add {gateway} lladdr 02:00:00:00:00:02 nud permanent dev v0"));
        }
        ip("-4 route add 203.0.113.0/24 via 192.0.2.2");
        ip("-6 route add 2001:db8:f::/64 via 2001:db8::2");
        body();
    });
}

fn config(peer: &str) -> RelayConfig {
    RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer.parse().unwrap(), 0)
}

/// Sends packets of `len` bytes of payload into the tunnel.
fn send(len: usize) {
    let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
    for _ in 0..BURST {
        inside.send_to(&vec![7; len], "10.9.0.2:7").unwrap();
    }
}

/// Runs `body` on a thread in the network namespace `path`.
fn within<T: Send>(path: &str, body: impl FnOnce() -> T + Send) -> T {
    let inside = || {
        use std::os::fd::AsFd;
        netns::enter(netns::open(Path::new(path)).unwrap().as_fd()).unwrap();
        body()
    };
    std::thread::scope(|scope| scope.spawn(inside).join()).unwrap_or_else(|panic| {
        std::panic::resume_unwind(panic);
    })
}

/// Leads the datagrams of `running` into its own interface, twice, and asserts that nothing else happens.
fn assert_loops_are_dropped(running: &Running, option: &str, host: &str, per_packet: u64) {
    let case = format!("{host} {:?}", running.relay.info());
    for round in 1..=2 {
        let (sent, looped) = (running.sent(), running.looped());
        send(500);
        eventually("packets are sent", || running.sent() == sent + BURST);
        assert_eq!(running.looped(), looped, "{case}");
        ip(&format!("{option} route add {host} dev {}", running.interface()));
        let (before, sent) = (running.read(), running.sent());
        send(500);
        let back = per_packet * BURST;
        eventually("each datagram comes back once", || running.looped() == looped + back);
        assert_eq!(running.sent(), sent + BURST, "{case}");
        eventually("the loop is reported", || running.loop_events().len() == 2 * round - 1);
        // A dropped datagram makes no other packet.
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(running.read(), before + BURST + back, "{case}");
        // In the tunnel there is less room than on the path. This is forgotten with the loop.
        let has_path_mtu = || {
            let reported = |peer: &PeerStats| {
                peer.path_mtu.is_some_and(|path| path.source != PathMtuSource::Start)
            };
            running.relay.peer_stats().iter().any(reported)
        };
        send(running.relay.info().mtu as usize - 28);
        eventually("the path is known to be narrow", has_path_mtu);
        ip(&format!("{option} route delete {host} dev {}", running.interface()));
        // Nothing is sent until then.
        running.await_end(round);
        assert!(!has_path_mtu(), "{case}");
    }
    running::finish(&running.relay);
}

#[test]
fn a_route_into_the_tunnel_does_not_feed_it() {
    with_host(|| {
        for (option, peer, host, listen) in [
            ("-4", "203.0.113.1:9", "203.0.113.1/32", None),
            ("-4", "203.0.113.1:9", "203.0.113.1/32", Some("192.0.2.1")),
            ("-6", "[2001:db8:f::1]:9", "2001:db8:f::1/128", None),
            ("-6", "[2001:db8:f::1]:9", "2001:db8:f::1/128", Some("2001:db8::1")),
        ] {
            let few: &[usize] = if listen.is_none() { &[1, 3] } else { &[1] };
            for queues in few {
                let mut config = config(peer);
                if option == "-6" {
                    // Otherwise the datagrams have no source address in the loop.
                    config.addresses.push("fd09::1/64".parse().unwrap());
                }
                config.listen = listen.map(|address| address.parse().unwrap());
                config.queues = *queues;
                assert_loops_are_dropped(&Running::start(config), option, host, 1);
            }
        }
    });
}

#[test]
fn of_several_peers_only_the_one_in_the_loop_is_concerned() {
    with_host(|| {
        let peer = |endpoint: &str, network: &str| PeerConfig {
            endpoint: endpoint.parse().unwrap(),
            networks: vec![network.parse().unwrap()],
        };
        let peers = vec![peer("192.0.2.2:9", "10.20.0.0/16"), peer("203.0.113.1:9", "10.9.0.0/24")];
        let mut config = RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), peers, 0).unwrap();
        config.routes.push("10.20.0.0/16".parse().unwrap());
        let running = Running::start(config);
        ip(&format!("route add 203.0.113.1/32 dev {}", running.interface()));
        send(100);
        eventually("each comes back", || running.looped() == BURST);
        let sent = running.sent();
        UdpSocket::bind("10.9.0.1:0").unwrap().send_to(b"other", "10.20.0.1:7").unwrap();
        eventually("the other peer gets its packets", || running.sent() == sent + 1);
        assert_eq!(running.looped(), BURST);
        ip(&format!("route delete 203.0.113.1/32 dev {}", running.interface()));
        running.await_end(1);
        running::finish(&running.relay);
    });
}

#[test]
fn fragments_of_a_looped_datagram_are_dropped_too() {
    with_host(|| {
        for (option, peer, host, headers) in [
            ("-4", "203.0.113.1:9", "203.0.113.1/32", 28),
            ("-6", "[2001:db8:f::1]:9", "2001:db8:f::1/128", 48),
        ] {
            let mut config = config(peer);
            config.path_mtu = PathMtuDiscovery::Off;
            config.addresses.push("fd09::1/64".parse().unwrap());
            let running = Running::start(config);
            ip(&format!("{option} route add {host} dev {}", running.interface()));
            let mtu = running.relay.info().mtu as usize;
            assert_eq!(mtu, 1_500 - headers);
            // The first ones make the loop known.
            send(100);
            eventually("each comes back", || running.looped() == BURST);
            send(mtu - 28);
            eventually("both fragments of each come back", || running.looped() == 3 * BURST);
            assert_eq!(running.sent(), 2 * BURST, "{option}");
            running::finish(&running.relay);
        }
    });
}

#[test]
fn packets_of_another_host_with_the_same_ports_are_carried() {
    with_host(|| {
        let host = Elsewhere::new();
        ip(&format!("link add h0 type veth peer name h1 netns {}", pid_of(&host)));
        ip("link set h0 up");
        ip("address add 198.51.100.1/24 dev h0");
        host.ip("link set h1 up");
        host.ip("address add 198.51.100.2/24 dev h1");
        host.ip("route add default via 198.51.100.1");
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        let running = Running::start(config("203.0.113.1:9"));
        // Everything of that host goes through the tunnel, also its own tunnel to the same peer.
        ip(&format!("route add default dev {} table 200", running.interface()));
        ip("rule add pref 90 iif h0 lookup 200");
        let port = running.relay.info().local.port();
        within(&host.path, || {
            let socket = UdpSocket::bind(("198.51.100.2", port)).unwrap();
            for _ in 0..BURST {
                socket.send_to(b"nested", "203.0.113.1:9").unwrap();
            }
        });
        eventually("each is sent", || running.sent() == BURST);
        assert_eq!((running.looped(), running.loop_events()), (0, Vec::new()));
        running::finish(&running.relay);
    });
}

/// Returns the number of the thread that keeps a namespace.
fn pid_of(namespace: &Elsewhere) -> &str {
    let mut parts = namespace.path.split('/').filter(|part| part.parse::<u32>().is_ok());
    parts.next_back().unwrap()
}

#[test]
fn packets_between_the_same_addresses_in_another_namespace_are_carried() {
    with_host(|| {
        let inner = Elsewhere::new();
        let mut config = config("203.0.113.1:9");
        // The inner namespace has the outer addresses.
        config.addresses = vec!["192.0.2.1/24".parse().unwrap()];
        config.routes = vec!["203.0.113.0/24".parse().unwrap()];
        config.netns = Some(inner.path.clone());
        let running = Running::start(config);
        let local =
            SocketAddr::new("192.0.2.1".parse().unwrap(), running.relay.info().local.port());
        within(&inner.path, || {
            let socket = UdpSocket::bind(local).unwrap();
            for _ in 0..BURST {
                socket.send_to(b"nested", "203.0.113.1:9").unwrap();
            }
        });
        eventually("each is sent", || running.sent() == BURST);
        assert_eq!((running.looped(), running.loop_events()), (0, Vec::new()));
        running::finish(&running.relay);
    });
}

#[test]
fn a_loop_through_the_namespace_of_the_interface_is_cut_after_one_round() {
    with_host(|| {
        let router = Elsewhere::new();
        ip(&format!("link add h0 type veth peer name h1 netns {}", pid_of(&router)));
        ip("link set h0 up");
        ip("address add 198.51.100.1/24 dev h0");
        ip("route replace 203.0.113.0/24 via 198.51.100.2");
        router.ip("link set h1 up");
        router.ip("address add 198.51.100.2/24 dev h1");
        within(&router.path, || std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
        router.ip("link add r0 type veth peer name r1");
        router.ip("link set r0 up");
        router.ip("link set r1 up");
        router.ip("route add 203.0.113.0/24 dev r0");
        let mut config = config("203.0.113.1:9");
        config.netns = Some(router.path.clone());
        let running = Running::start(config);
        within(&router.path, || send(100));
        eventually("each is sent", || running.sent() == BURST);
        router.ip(&format!("route replace 203.0.113.0/24 dev {}", running.interface()));
        within(&router.path, || send(100));
        eventually("each is dropped after a round", || running.looped() == BURST);
        assert_eq!(running.sent(), 3 * BURST);
        eventually("the loop is reported", || running.loop_events() == ["loop"]);
        router.ip("route replace 203.0.113.0/24 dev r0");
        // Datagrams that do not come back show that it is over.
        eventually("the loop has ended", || {
            within(&router.path, || send(100));
            running.loop_events() == ["loop", "loop-ended"]
        });
        running::finish(&running.relay);
    });
}
