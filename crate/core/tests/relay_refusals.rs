//! Relays on kernels that refuse an offload for a while. No packet is lost that the kernel would have
//! accepted, and an offload that was turned off is turned on again later.

#[path = "support/inner.rs"]
mod inner;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/refusal.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod refusal;
#[path = "support/tunnel.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod tunnel;

use namespace::{eventually, in_namespace, ip, skip};
use refusal::{Call, Verdict, refuse_gso_batches, refuse_super_packets};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tunnel::{BURST, LEN, Tunnel, skips, start};

#[test]
fn coalesced_packets_that_are_refused_go_singly_and_coalescing_is_on_again_later() {
    if skips() {
        return;
    }
    for errno in [libc::EINVAL, libc::ENOMEM, libc::EPERM, libc::EMSGSIZE] {
        in_namespace(|| {
            let is_refusing = Arc::new(AtomicBool::new(true));
            let refusing = Arc::clone(&is_refusing);
            let judge = move |call: &Call| match refusing.load(Ordering::Relaxed) {
                true => refuse_super_packets(call, errno),
                false => Verdict::Pass,
            };
            let mut tunnel = Tunnel::under(&[libc::SYS_writev], judge);
            let has_uso = tunnel.stats().offload.uso;
            if skip::because((!has_uso).then_some("needs USO (Linux 6.2)")) {
                return;
            }
            eventually("a coalesced packet is refused", || {
                tunnel.burst_in();
                !tunnel.stats().offload.coalesce
            });
            let before = tunnel.stats().inbound.super_packets_written;
            (0..20).for_each(|_| tunnel.burst_in());
            assert_eq!(tunnel.stats().inbound.super_packets_written, before, "it is off");
            is_refusing.store(false, Ordering::Relaxed);
            eventually("a coalesced packet is taken again", || {
                tunnel.burst_in();
                tunnel.stats().offload.coalesce
            });
            assert!(tunnel.stats().inbound.super_packets_written > before);
            assert_eq!(tunnel.events(), ["coalesce-off", "coalesce-on"], "{errno}");
            assert_eq!(tunnel.finish().inbound.dropped(), 0, "{errno}");
        });
    }
}

#[test]
fn gso_batches_that_are_refused_go_singly_and_gso_is_on_again_later() {
    if skips() {
        return;
    }
    for errno in [libc::EIO, libc::EINVAL] {
        in_namespace(|| {
            let is_refusing = Arc::new(AtomicBool::new(true));
            let refusing = Arc::clone(&is_refusing);
            let judge = move |call: &Call| match refusing.load(Ordering::Relaxed) {
                true => refuse_gso_batches(call, errno),
                false => Verdict::Pass,
            };
            let mut tunnel = Tunnel::under(&[libc::SYS_sendmmsg], judge);
            eventually("a GSO batch is refused", || {
                tunnel.burst_out();
                !tunnel.stats().offload.gso
            });
            (0..20).for_each(|_| tunnel.burst_out());
            is_refusing.store(false, Ordering::Relaxed);
            eventually("a GSO batch is taken again", || {
                tunnel.burst_out();
                tunnel.stats().offload.gso
            });
            assert_eq!(tunnel.events(), ["gso-off", "gso-on"], "{errno}");
            assert_eq!(tunnel.finish().outbound.dropped(), 0, "{errno}");
        });
    }
}

#[test]
fn gro_that_is_refused_at_the_start_is_on_later() {
    if skips() {
        return;
    }
    for errno in [libc::ENOPROTOOPT, libc::ENOMEM, libc::EPERM] {
        in_namespace(|| {
            let is_refusing = Arc::new(AtomicBool::new(true));
            let refusing = Arc::clone(&is_refusing);
            let is_gro = |call: &Call| {
                let option = (call.arguments[1] as i32, call.arguments[2] as i32);
                option == (libc::SOL_UDP, libc::UDP_GRO)
            };
            let judge = move |call: &Call| match refusing.load(Ordering::Relaxed) && is_gro(call) {
                true => Verdict::Refuse(errno),
                false => Verdict::Pass,
            };
            let mut tunnel = Tunnel::under(&[libc::SYS_setsockopt], judge);
            (0..20).for_each(|_| tunnel.burst_in());
            assert!(!tunnel.stats().offload.gro);
            assert_eq!(tunnel.events(), ["gro-off"], "{errno}");
            is_refusing.store(false, Ordering::Relaxed);
            eventually("it is accepted", || {
                tunnel.burst_in();
                tunnel.stats().offload.gro
            });
            (0..20).for_each(|_| tunnel.burst_in());
            assert_eq!(tunnel.events(), ["gro-off", "gro-on"], "{errno}");
            assert_eq!(tunnel.finish().inbound.dropped(), 0, "{errno}");
        });
    }
}

/// A route of this type refuses GSO batches like a kernel that cannot send them, and single datagrams too.
#[test]
fn a_route_to_nowhere_for_a_moment_does_not_end_gso() {
    in_namespace(|| {
        ip("link add path0 type veth peer name path1");
        ip("address add 192.0.2.1/24 dev path0");
        ip("link set path0 up");
        ip("link set path1 up");
        ip("neighbor add 192.0.2.2 lladdr 02:00:00:00:00:02 dev path0 nud permanent");
        let (relay, events) = start("192.0.2.2:9".parse().unwrap());
        let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
        let burst = || {
            for _ in 0..BURST {
                inside.send_to(&[7; LEN], "10.9.0.2:7").unwrap();
            }
        };
        let sent = || relay.stats().outbound.datagrams_sent;
        let lost = || relay.stats().outbound.unreachable;
        for route in ["blackhole", "unreachable", "prohibit"] {
            ip(&format!("route add {route} 192.0.2.2/32"));
            let before = relay.stats().outbound.dropped();
            eventually("datagrams are lost", || {
                burst();
                relay.stats().outbound.dropped() > before + 100
            });
            ip(&format!("route delete {route} 192.0.2.2/32"));
            let before = sent();
            eventually("datagrams are sent again", || {
                burst();
                sent() > before + 100
            });
            // If the route disappeared between a batch and its first datagram, GSO is off for a moment.
            eventually("GSO is on", || {
                burst();
                relay.stats().offload.gso
            });
        }
        assert_eq!(lost(), relay.stats().outbound.dropped(), "each is of an unreachable peer");
        let events = events.lock().unwrap().clone();
        assert_eq!(events.len() % 2, 0, "{events:?}");
    });
}
