//! Relays on kernels that refuse something for a while: no packet is lost that the kernel would have
//! taken, and what was turned off is on again later.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/inner.rs"]
mod inner;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/refusal.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod refusal;

use namespace::{eventually, in_namespace, ip, loopback_socket};
use refusal::{Call, Verdict, refuse_super_packets, refuse_trains};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tun2udp_core::packet::checksum::{Sum, pseudo_header};
use tun2udp_core::relay::{Relay, RelayConfig, Stats};

/// Errnos that are no failure of a packet or a read.
const NO_FAILURES: [i32; 3] = [libc::EINTR, libc::EAGAIN, libc::EBADFD];
/// Packets of a burst: few enough for the default buffer of the peer's socket.
const BURST: u8 = 12;
/// Bytes of payload of a packet of a burst.
const LEN: usize = 1_000;

fn skips(name: &str) -> bool {
    let reason = refusal::missing();
    if let Some(reason) = reason {
        println!("SKIP {name}: {reason}");
    }
    reason.is_some()
}

/// A relay, the socket of its peer, and one behind its interface.
struct Tunnel {
    relay: Relay,
    events: Arc<Mutex<Vec<&'static str>>>,
    peer: UdpSocket,
    inside: UdpSocket,
    bursts: u8,
}

impl Tunnel {
    /// A tunnel whose relay makes the calls `numbers` under `judge`.
    fn under(
        numbers: &[libc::c_long],
        judge: impl FnMut(&Call) -> Verdict + Send + 'static,
    ) -> Self {
        let peer = loopback_socket();
        let address = peer.local_addr().unwrap();
        let (relay, events) = refusal::under(numbers, judge, || start(address));
        let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
        inside.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { relay, events, peer, inside, bursts: 0 }
    }

    fn stats(&self) -> Stats {
        self.relay.stats()
    }

    fn events(&self) -> Vec<&'static str> {
        self.events.lock().unwrap().clone()
    }

    /// Sends a burst of numbered packets from the peer; each must arrive, in order and unchanged.
    fn burst_in(&mut self) {
        self.bursts = self.bursts.wrapping_add(1);
        let payload = |number: u8| {
            let mut payload = vec![number; LEN];
            payload[0] = self.bursts;
            payload
        };
        for number in 0..BURST {
            let packet = with_checksum(inner::udp_packet(2, &payload(number)));
            self.peer.send_to(&packet, self.relay.info().local).unwrap();
        }
        let mut buffer = [0; 2 * LEN];
        for number in 0..BURST {
            let len = self.inside.recv(&mut buffer).unwrap();
            assert!(buffer[..len] == payload(number), "packet {number}: {:?}", &buffer[..4]);
        }
    }

    /// The same out of the interface.
    fn burst_out(&mut self) {
        self.bursts = self.bursts.wrapping_add(1);
        let bursts = self.bursts;
        for number in 0..BURST {
            self.inside
                .send_to(&[&[bursts, number][..], &[7; LEN]].concat(), "10.9.0.2:7")
                .unwrap();
        }
        let mut buffer = [0; 2 * LEN];
        for number in 0..BURST {
            let len = self.peer.recv(&mut buffer).unwrap();
            assert_eq!(len, 28 + 2 + LEN);
            assert_eq!(buffer[28..30], [bursts, number]);
        }
    }

    /// Ends the relay; no packet may be missing in its counters.
    fn finish(self) -> Stats {
        self.relay.close();
        self.relay.join();
        let stats = self.relay.stats();
        let Stats { outbound, inbound, .. } = &stats;
        assert_eq!(
            outbound.packets_read,
            outbound.datagrams_sent + outbound.dropped(),
            "{stats:?}"
        );
        assert_eq!(
            inbound.datagrams_received,
            inbound.packets_written + inbound.dropped(),
            "{stats:?}"
        );
        stats
    }
}

fn start(peer: SocketAddr) -> (Relay, Arc<Mutex<Vec<&'static str>>>) {
    let events = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&events);
    let config =
        RelayConfig { queues: 1, ..RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0) };
    let relay = Relay::start(config, move |event| seen.lock().unwrap().push(event.kind)).unwrap();
    (relay, events)
}

/// Fills in the UDP checksum, without which no packet is coalesced.
fn with_checksum(mut packet: Vec<u8>) -> Vec<u8> {
    let sum = Sum::of(&packet[12..]).and(pseudo_header(17, packet.len() - 20));
    packet[26..28].copy_from_slice(&sum.checksum());
    packet
}

#[test]
fn coalesced_packets_that_are_refused_go_singly_and_coalescing_is_on_again_later() {
    let name = "coalesced_packets_that_are_refused_go_singly_and_coalescing_is_on_again_later";
    if skips(name) {
        return;
    }
    for errno in [libc::EINVAL, libc::ENOMEM, libc::EPERM, libc::EMSGSIZE] {
        in_namespace(name, || {
            let is_refusing = Arc::new(AtomicBool::new(true));
            let refusing = Arc::clone(&is_refusing);
            let judge = move |call: &Call| match refusing.load(Ordering::Relaxed) {
                true => refuse_super_packets(call, errno),
                false => Verdict::Pass,
            };
            let mut tunnel = Tunnel::under(&[libc::SYS_writev], judge);
            if !tunnel.stats().offload.uso {
                println!("SKIP {name}: needs USO (Linux 6.2)");
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
    let name = "gso_batches_that_are_refused_go_singly_and_gso_is_on_again_later";
    if skips(name) {
        return;
    }
    for errno in [libc::EIO, libc::EINVAL] {
        in_namespace(name, || {
            let is_refusing = Arc::new(AtomicBool::new(true));
            let refusing = Arc::clone(&is_refusing);
            let judge = move |call: &Call| match refusing.load(Ordering::Relaxed) {
                true => refuse_trains(call, errno),
                false => Verdict::Pass,
            };
            let mut tunnel = Tunnel::under(&[libc::SYS_sendmmsg], judge);
            eventually("a GSO batch is refused", || {
                tunnel.burst_out();
                !tunnel.stats().offload.udp_segment
            });
            (0..20).for_each(|_| tunnel.burst_out());
            is_refusing.store(false, Ordering::Relaxed);
            eventually("a GSO batch is taken again", || {
                tunnel.burst_out();
                tunnel.stats().offload.udp_segment
            });
            assert_eq!(tunnel.events(), ["udp-segment-off", "udp-segment-on"], "{errno}");
            assert_eq!(tunnel.finish().outbound.dropped(), 0, "{errno}");
        });
    }
}

/// Such a route refuses GSO batches as a kernel does that cannot make them, and single datagrams too.
#[test]
fn a_route_to_nowhere_for_a_moment_does_not_end_gso() {
    in_namespace("a_route_to_nowhere_for_a_moment_does_not_end_gso", || {
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
        let lost = || relay.stats().outbound.other;
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
            // Where the route went between a batch and its first datagram, GSO is off for a moment.
            eventually("GSO is on", || {
                burst();
                relay.stats().offload.udp_segment
            });
        }
        assert!(lost() > 0, "the kernel refuses them by EINVAL");
        let events = events.lock().unwrap().clone();
        assert_eq!(events.len() % 2, 0, "{events:?}");
    });
}

/// A relay whose reads or receives fail: the calls that `is_call` finds, so many times.
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

/// The relay reads its interface into much memory at once, and nothing else so.
fn is_device_read(call: &Call) -> bool {
    call.arguments[2] > 100_000
}

fn failures() -> impl Iterator<Item = i32> {
    (1..=133).filter(|errno| !NO_FAILURES.contains(errno))
}

#[test]
fn every_errno_of_a_read_is_counted_and_the_relay_goes_on() {
    let name = "every_errno_of_a_read_is_counted_and_the_relay_goes_on";
    if skips(name) {
        return;
    }
    in_namespace(name, || {
        for errno in failures() {
            let stats = assert_goes_on(libc::SYS_read, is_device_read, 2, errno);
            assert_eq!(stats.outbound.read_errors, 2, "errno {errno}");
        }
    });
}

#[test]
fn every_errno_of_a_receive_is_counted_and_the_relay_goes_on() {
    let name = "every_errno_of_a_receive_is_counted_and_the_relay_goes_on";
    if skips(name) {
        return;
    }
    in_namespace(name, || {
        for errno in failures().chain([libc::EBADFD]) {
            // One receive is tried nine times: an error of a datagram sent earlier may take its turn.
            let stats = assert_goes_on(libc::SYS_recvmmsg, |_| true, 18, errno);
            assert_eq!(stats.inbound.receive_errors, 2, "errno {errno}");
        }
    });
}

#[test]
fn a_wait_that_fails_does_not_end_the_relay() {
    let name = "a_wait_that_fails_does_not_end_the_relay";
    if skips(name) {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    let wait = libc::SYS_epoll_wait;
    #[cfg(not(target_arch = "x86_64"))]
    let wait = libc::SYS_epoll_pwait;
    in_namespace(name, || {
        for (number, errno) in [(wait, libc::ENOMEM), (wait, libc::EINVAL)] {
            assert_goes_on(number, |_| true, 5, errno);
        }
    });
}

#[test]
fn a_relay_that_cannot_read_sleeps_and_can_be_closed() {
    let name = "a_relay_that_cannot_read_sleeps_and_can_be_closed";
    if skips(name) {
        return;
    }
    in_namespace(name, || {
        let judge = |call: &Call| {
            if is_device_read(call) { Verdict::Refuse(libc::ENOMEM) } else { Verdict::Pass }
        };
        let mut tunnel = Tunnel::under(&[libc::SYS_read], judge);
        tunnel.inside.send_to(b"out", "10.9.0.2:7").unwrap();
        std::thread::sleep(Duration::from_secs(1));
        let errors = tunnel.stats().outbound.read_errors;
        // After 1, 2, 4 … 500 ms.
        assert!((5..=12).contains(&errors), "{errors} reads in a second");
        tunnel.burst_in();
        let began = std::time::Instant::now();
        tunnel.finish();
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    });
}

#[test]
fn a_deleted_interface_ends_a_relay_that_could_not_read_it() {
    let name = "a_deleted_interface_ends_a_relay_that_could_not_read_it";
    if skips(name) {
        return;
    }
    in_namespace(name, || {
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
