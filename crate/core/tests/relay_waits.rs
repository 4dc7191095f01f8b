//! Packets that wait are read in batches, regardless of the length of the wait, and sent with linear work.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

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

use namespace::{eventually, in_namespace};
use refusal::Verdict;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tunnel::{EPOLL_WAIT, Tunnel, skips};

const PACKETS: u64 = 100;

#[test]
fn a_slow_wait_does_not_make_the_relay_read_one_packet_at_a_time() {
    if skips() {
        return;
    }
    in_namespace(|| {
        let (waits, holds) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, held) = (Arc::clone(&waits), Arc::clone(&holds));
        // Each wait lasts as long as another thread needs to decide about it.
        let tunnel = Tunnel::under(&[EPOLL_WAIT], move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            while held.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Verdict::Pass
        });
        let outside = UdpSocket::bind("127.0.0.1:0").unwrap();
        let local = tunnel.relay.info().local;
        let send_out = || tunnel.inside.send_to(&[7; 10], "10.9.0.2:7").map(drop).unwrap();
        let send_in = || outside.send_to(&inner::udp_packet(2, &[7; 10]), local).map(drop).unwrap();
        let read = || tunnel.stats().outbound.packets_read;
        let received = || tunnel.stats().inbound.datagrams_received;
        for is_outbound in [true, false, true, false, true, false] {
            let send = || if is_outbound { send_out() } else { send_in() };
            let count = || if is_outbound { read() } else { received() };
            let (before, waits_before) = (count(), waits.load(Ordering::Relaxed));
            holds.store(true, Ordering::Relaxed);
            send();
            eventually("the first packet is read", || count() == before + 1);
            eventually("the relay waits", || waits.load(Ordering::Relaxed) > waits_before);
            (0..PACKETS).for_each(|_| send());
            let waits_before = waits.load(Ordering::Relaxed);
            holds.store(false, Ordering::Relaxed);
            eventually("all packets are read", || count() == before + 1 + PACKETS);
            let used = waits.load(Ordering::Relaxed) - waits_before;
            assert!(used < PACKETS / 4, "{used} waits for {PACKETS} packets");
        }
        tunnel.finish();
    });
}

#[test]
fn a_batch_whose_datagrams_are_all_refused_takes_linear_work() {
    if skips() {
        return;
    }
    in_namespace(|| {
        let (messages, holds) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, held) = (Arc::clone(&messages), Arc::clone(&holds));
        // The start of the relay sends to sockets of netlink(7).
        let is_started = Arc::new(AtomicBool::new(false));
        let started = Arc::clone(&is_started);
        // The third argument of sendmmsg(2) is the number of its messages, that of sendto(2) the length of
        // its only one.
        let tunnel = Tunnel::under(&[libc::SYS_sendmmsg, libc::SYS_sendto], move |call| {
            if !started.load(Ordering::Relaxed) {
                return Verdict::Pass;
            }
            while held.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            let count = call.arguments[2];
            counted.fetch_add(if count > PACKETS { 1 } else { count }, Ordering::Relaxed);
            Verdict::Refuse(libc::EPERM)
        });
        holds.store(true, Ordering::Relaxed);
        is_started.store(true, Ordering::Relaxed);
        // Each packet is longer than the one before, so that no two form a GSO batch.
        for number in 0..=PACKETS {
            let payload = vec![7; 100 + number as usize];
            tunnel.inside.send_to(&payload, "10.9.0.2:7").unwrap();
        }
        holds.store(false, Ordering::Relaxed);
        eventually("all are counted", || tunnel.stats().outbound.denied == 1 + PACKETS);
        let built = messages.load(Ordering::Relaxed);
        assert!(built <= 4 * PACKETS, "{built} headers for {PACKETS} messages");
        tunnel.finish();
    });
}
