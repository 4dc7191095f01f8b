//! Relays whose reads, receives and waits fail: each failure is counted, and the relay continues.

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

use namespace::{eventually, in_namespace, ip};
use refusal::{Call, Verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use tun2udp_core::relay::Stats;
use tunnel::{BURST, EPOLL_WAIT, Tunnel, skips};

/// Errnos that do not count as the failure of a packet or a read.
const NO_FAILURES: [i32; 3] = [libc::EINTR, libc::EAGAIN, libc::EBADFD];

/// Fails the first `times` calls that `is_call` selects with `errno`, and asserts that the relay continues.
fn assert_goes_on(
    number: libc::c_long,
    is_call: fn(&Call) -> bool,
    times: i32,
    errno: i32,
) -> Stats {
    let left = Arc::new(AtomicI32::new(0));
    let refusing = Arc::clone(&left);
    let judge = move |call: &Call| {
        let is_refused = is_call(call) && refusing.fetch_sub(1, Ordering::Relaxed) > 0;
        if is_refused { Verdict::Refuse(errno) } else { Verdict::Pass }
    };
    let mut tunnel = Tunnel::under(&[number], judge);
    tunnel.burst_in();
    left.store(times, Ordering::Relaxed);
    tunnel.burst_out();
    tunnel.burst_in();
    eventually("the relay meets with each refusal", || {
        tunnel.burst_out();
        left.load(Ordering::Relaxed) <= 0
    });
    assert_eq!(tunnel.events(), [""; 0]);
    let stats = tunnel.finish();
    assert_eq!(stats.outbound.dropped() + stats.inbound.dropped(), 0, "errno {errno}: {stats:?}");
    stats
}

/// Only reads of the interface have a buffer of this length.
fn is_device_read(call: &Call) -> bool {
    call.arguments[2] > 100_000
}

fn failures() -> impl Iterator<Item = i32> {
    (1..=133).filter(|errno| !NO_FAILURES.contains(errno))
}

#[test]
fn every_errno_of_a_read_is_counted_and_the_relay_goes_on() {
    if skips() {
        return;
    }
    in_namespace(|| {
        for errno in failures() {
            let stats = assert_goes_on(libc::SYS_read, is_device_read, 2, errno);
            assert_eq!(stats.outbound.read_errors, 2, "errno {errno}");
        }
    });
}

#[test]
fn every_errno_of_a_receive_is_counted_and_the_relay_goes_on() {
    if skips() {
        return;
    }
    in_namespace(|| {
        for errno in failures().chain([libc::EBADFD]) {
            // One receive is tried nine times, since an error of a datagram sent earlier may use up one of
            // the tries.
            let stats = assert_goes_on(libc::SYS_recvmmsg, |_| true, 18, errno);
            assert_eq!(stats.inbound.receive_errors, 2, "errno {errno}");
        }
    });
}

/// Makes the calls that `is_call` selects fail for a while, with one errno after the other. Each lost packet
/// is counted, and then the relay continues as before.
fn assert_losses_pass(
    calls: &[libc::c_long],
    is_call: fn(&Call) -> bool,
    burst: fn(&Tunnel),
    dropped: fn(&Stats) -> u64,
) {
    let refused = Arc::new(AtomicI32::new(0));
    let current = Arc::clone(&refused);
    let mut tunnel = Tunnel::under(calls, move |call| {
        let errno = current.load(Ordering::Relaxed);
        if errno != 0 && is_call(call) { Verdict::Refuse(errno) } else { Verdict::Pass }
    });
    for errno in failures() {
        let before = dropped(&tunnel.stats());
        refused.store(errno, Ordering::Relaxed);
        burst(&tunnel);
        let what = format!("the packets are counted, errno {errno}");
        eventually(&what, || dropped(&tunnel.stats()) == before + u64::from(BURST));
        refused.store(0, Ordering::Relaxed);
        tunnel.burst_in();
        tunnel.burst_out();
    }
    tunnel.finish();
}

#[test]
fn every_errno_of_a_send_is_counted_and_the_relay_goes_on() {
    if skips() {
        return;
    }
    in_namespace(|| {
        let burst = |tunnel: &Tunnel| {
            for _ in 0..BURST {
                tunnel.inside.send_to(&[7; 100], "10.9.0.2:7").unwrap();
            }
        };
        let calls = [libc::SYS_sendto, libc::SYS_sendmmsg];
        assert_losses_pass(&calls, |_| true, burst, |stats| stats.outbound.dropped());
    });
}

#[test]
fn every_errno_of_a_write_is_counted_and_the_relay_goes_on() {
    if skips() {
        return;
    }
    in_namespace(|| {
        let burst = |tunnel: &Tunnel| {
            let outside = namespace::loopback_socket();
            for _ in 0..BURST {
                let packet = inner::udp_packet(2, &[7; 100]);
                outside.send_to(&packet, tunnel.relay.info().local).unwrap();
            }
        };
        // All writes except those of 8 bytes, which wake a loop.
        let is_packet = |call: &Call| call.arguments[2] != 8;
        let calls = [libc::SYS_write, libc::SYS_writev];
        assert_losses_pass(&calls, is_packet, burst, |stats| stats.inbound.dropped());
    });
}

#[test]
fn a_wait_that_fails_does_not_end_the_relay() {
    if skips() {
        return;
    }
    in_namespace(|| {
        for (number, errno) in [(EPOLL_WAIT, libc::ENOMEM), (EPOLL_WAIT, libc::EINVAL)] {
            assert_goes_on(number, |_| true, 5, errno);
        }
    });
}

#[test]
fn a_relay_that_cannot_read_sleeps_and_can_be_closed() {
    if skips() {
        return;
    }
    in_namespace(|| {
        let judge = |call: &Call| {
            if is_device_read(call) { Verdict::Refuse(libc::ENOMEM) } else { Verdict::Pass }
        };
        let mut tunnel = Tunnel::under(&[libc::SYS_read], judge);
        tunnel.inside.send_to(b"out", "10.9.0.2:7").unwrap();
        std::thread::sleep(Duration::from_secs(1));
        let errors = tunnel.stats().outbound.read_errors;
        // The waits are 1, 2, 4 … 500 ms.
        assert!((5..=12).contains(&errors), "{errors} reads in a second");
        tunnel.burst_in();
        let began = std::time::Instant::now();
        tunnel.finish();
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    });
}

#[test]
fn a_deleted_interface_ends_a_relay_that_could_not_read_it() {
    if skips() {
        return;
    }
    in_namespace(|| {
        let mut left = 9;
        let judge = move |call: &Call| {
            let is_refused = is_device_read(call) && left > 0;
            left -= i32::from(is_refused);
            if is_refused { Verdict::Refuse(libc::EIO) } else { Verdict::Pass }
        };
        let tunnel = Tunnel::under(&[libc::SYS_read], judge);
        eventually("it waits", || tunnel.stats().outbound.read_errors > 3);
        ip(&format!("link delete {}", tunnel.relay.info().interface_name));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(tunnel.relay.closed()).expect_err("a failure");
        assert_eq!(error.code(), tun2udp_core::ErrorCode::DeviceDeleted, "{error}");
    });
}
