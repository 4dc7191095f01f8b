//! Routes that appear while a relay runs and lead its own datagrams into its interface.

#[path = "support/looping.rs"]
mod looping;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/running.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod running;

use looping::{BURST, Running, config, send, with_host};
use namespace::{eventually, ip};
use std::net::UdpSocket;
use std::time::Duration;
use tun2udp_core::relay::{PathMtuDiscovery, PathMtuSource, PeerConfig, PeerStats, RelayConfig};

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
        // A reply of the round before may have taught the kernel the path MTU, and it would fragment the packets itself.
        ip("route flush cache");
        send(running.relay.info().mtu as usize - 28);
        eventually("the path is known to be narrow", has_path_mtu);
        ip(&format!("{option} route delete {host} dev {}", running.interface()));
        // Nothing is sent until then.
        running.await_end(round, || ());
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
        let peer = |endpoint: &str, network: &str| {
            PeerConfig::new(endpoint.parse().unwrap(), vec![network.parse().unwrap()])
        };
        let peers = vec![peer("192.0.2.2:9", "10.20.0.0/16"), peer("203.0.113.1:9", "10.9.0.0/24")];
        let others = vec![peers[0].clone()];
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
        running.await_end(1, || ());
        // A loop also ends with its peer.
        ip(&format!("route add 203.0.113.1/32 dev {}", running.interface()));
        send(100);
        eventually("each comes back", || running.looped() == 2 * BURST);
        running.relay.set_peers(&others).unwrap();
        running.await_end(2, || ());
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
