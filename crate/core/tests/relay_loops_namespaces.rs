//! Packets that look like datagrams of the relay: of other hosts and in other namespaces, where they may be legitimate.

#[path = "support/elsewhere.rs"]
mod elsewhere;
#[path = "support/looping.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod looping;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/running.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod running;

use elsewhere::Elsewhere;
use looping::{BURST, Running, config, send, with_host};
use namespace::{eventually, ip};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use tun2udp_core::sys::netns;

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

/// Returns the number of the thread that keeps a namespace.
fn pid_of(namespace: &Elsewhere) -> &str {
    let mut parts = namespace.path.split('/').filter(|part| part.parse::<u32>().is_ok());
    parts.next_back().unwrap()
}

/// Sends datagrams to the peer from the relay's own port at `source` in `namespace`, and asserts that the tunnel carries
/// them.
fn assert_carried(running: &Running, namespace: &Elsewhere, source: IpAddr) {
    let local = SocketAddr::new(source, running.relay.info().local.port());
    within(&namespace.path, || {
        let socket = UdpSocket::bind(local).unwrap();
        for _ in 0..BURST {
            socket.send_to(b"nested", "203.0.113.1:9").unwrap();
        }
    });
    eventually("each is sent", || running.sent() == BURST);
    assert_eq!((running.looped(), running.loop_events()), (0, Vec::new()));
    running::finish(&running.relay);
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
        assert_carried(&running, &host, "198.51.100.2".parse().unwrap());
    });
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
        assert_carried(&running, &inner, "192.0.2.1".parse().unwrap());
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
        running.await_end(1, || within(&router.path, || send(100)));
        running::finish(&running.relay);
    });
}
