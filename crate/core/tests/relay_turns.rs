//! Requests and replies through the relay: one packet at a time, in alternating directions.

#[path = "support/inner.rs"]
mod inner;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/running.rs"]
mod running;
#[path = "support/threads.rs"]
mod threads;

use namespace::{eventually, in_namespace, loopback_socket, skip};
use running::{finish, start};
use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::thread;
use std::time::Duration;
use tun2udp_core::relay::{Relay, RelayConfig};

/// A relay in the calling thread's namespace, the socket of its peer, and one behind its interface.
struct Rig {
    relay: Relay,
    peer: UdpSocket,
    inside: UdpSocket,
}

impl Rig {
    fn start(queues: usize) -> Self {
        let peer = loopback_socket();
        let address = "10.9.0.1/24".parse().unwrap();
        let config =
            RelayConfig { queues, ..RelayConfig::new(address, peer.local_addr().unwrap(), 0) };
        let relay = start(config);
        let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
        inside.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { relay, peer, inside }
    }

    /// Sends a numbered request from the interface to the peer, and its reply back.
    fn ask(&self, number: u32) {
        let mut buffer = [0; 100];
        self.inside.send_to(&number.to_be_bytes(), "10.9.0.2:7").unwrap();
        let len = self.peer.recv(&mut buffer).unwrap();
        assert_eq!(buffer[28..len], number.to_be_bytes());
        let answer = inner::udp_packet(2, &(!number).to_be_bytes());
        self.peer.send_to(&answer, self.relay.info().local).unwrap();
        let len = self.inside.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..len], (!number).to_be_bytes());
    }
}

#[test]
fn every_question_has_its_answer_and_then_the_relay_sleeps() {
    in_namespace(|| {
        const QUESTIONS: u32 = 5_000;
        for queues in [1, 3] {
            let rig = Rig::start(queues);
            (0..QUESTIONS).for_each(|number| rig.ask(number));
            let relay_threads = || {
                ["tun2udp-relay", "tun2udp-queue"].into_iter().flat_map(threads::in_this_namespace)
            };
            let used = || relay_threads().map(|thread| threads::ticks(&thread)).sum::<u64>();
            assert_eq!(relay_threads().count(), queues);
            let before = used();
            thread::sleep(Duration::from_millis(300));
            let ticks = used() - before;
            assert!(ticks <= 3, "{ticks} of 30 ticks without a packet");
            let stats = finish(&rig.relay);
            let questions = u64::from(QUESTIONS);
            assert_eq!(stats.outbound.packets_read, questions, "{stats:?}");
            assert_eq!(stats.outbound.datagrams_sent, questions, "{stats:?}");
            assert_eq!(stats.inbound.datagrams_received, questions, "{stats:?}");
            assert_eq!(stats.inbound.packets_written, questions, "{stats:?}");
        }
    });
}

#[test]
fn more_packets_than_turns_come_in_order() {
    in_namespace(|| {
        let rig = Rig::start(1);
        let mut buffer = [0; 100];
        for round in 0..20_u32 {
            (0..200).for_each(|number| rig.ask(number));
            // A few packets in each direction at once. None of them may wait for the next one.
            for number in 0..20_u32 {
                let text = (1_000 * round + number).to_be_bytes();
                rig.inside.send_to(&text, "10.9.0.2:7").unwrap();
                rig.peer.send_to(&inner::udp_packet(2, &text), rig.relay.info().local).unwrap();
            }
            for number in 0..20_u32 {
                let text = (1_000 * round + number).to_be_bytes();
                let len = rig.peer.recv(&mut buffer).unwrap();
                assert_eq!(buffer[28..len], text, "round {round}");
                let len = rig.inside.recv(&mut buffer).unwrap();
                assert_eq!(buffer[..len], text, "round {round}");
            }
        }
    });
}

/// Returns an echo request (RFC 792) from 10.9.0.2 to 10.9.0.1.
fn echo_request(number: u16) -> Vec<u8> {
    let mut packet = inner::udp_packet(2, &[]);
    packet[9] = 1;
    // The sum of the header grows by the difference of the protocols.
    let sum = u32::from(u16::from_be_bytes([packet[10], packet[11]])) + 16;
    let folded = ((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&folded.to_be_bytes());
    let [high, low] = number.to_be_bytes();
    let [sum_high, sum_low] = (!(0x0800 + number)).to_be_bytes();
    packet.splice(20.., [8, 0, sum_high, sum_low, 0, 0, high, low]);
    packet
}

#[test]
fn replies_of_the_kernel_are_there_at_once_and_packets_that_have_none_delay_nothing() {
    in_namespace(|| {
        for queues in [1, 3] {
            let rig = Rig::start(queues);
            let local = rig.relay.info().local;
            let mut buffer = [0; 100];
            let mut requests = 0;
            for round in 0..10_u16 {
                for number in 0..100_u16 {
                    let number = 200 * round + number;
                    rig.peer.send_to(&echo_request(number), local).unwrap();
                    let len = rig.peer.recv(&mut buffer).unwrap();
                    assert_eq!((buffer[20], len), (0, 28), "an echo reply");
                    assert_eq!(buffer[26..28], number.to_be_bytes());
                    requests += 1;
                }
                // The relay expects a reply to each of these packets. There is none.
                for number in 0..20_u32 {
                    rig.peer.send_to(&inner::udp_packet(2, &number.to_be_bytes()), local).unwrap();
                    let len = rig.inside.recv(&mut buffer).unwrap();
                    assert_eq!(buffer[..len], number.to_be_bytes());
                }
                rig.ask(u32::from(round));
                // Several replies at once are in order.
                (0..20).for_each(|number| {
                    rig.peer.send_to(&echo_request(number), local).map(drop).unwrap();
                });
                for number in 0..20_u16 {
                    rig.peer.recv(&mut buffer).unwrap();
                    assert_eq!(buffer[26..28], number.to_be_bytes(), "round {round}");
                    requests += 1;
                }
            }
            let stats = finish(&rig.relay);
            assert_eq!(stats.outbound.datagrams_sent, requests + 10, "{stats:?}");
            assert_eq!(stats.inbound.packets_written, requests + 10 * 21, "{stats:?}");
        }
    });
}

#[test]
fn a_relay_ends_between_question_and_answer() {
    in_namespace(|| {
        for _ in 0..5 {
            let rig = Rig::start(1);
            (0..1_000).for_each(|number| rig.ask(number));
            rig.inside.send_to(b"no answer", "10.9.0.2:7").unwrap();
            finish(&rig.relay);
            assert_eq!(threads::in_this_namespace("tun2udp-relay").len(), 0);
        }
    });
}

/// Returns the time slice of a thread, nanoseconds.
fn slice_of(thread: &Path) -> Option<u64> {
    let values = fs::read_to_string(thread.join("sched")).ok()?;
    let line = values.lines().find(|line| line.starts_with("se.slice "))?;
    line.split_once(':')?.1.trim().parse().ok()
}

/// Returns why the kernel has no time slices of threads, or does not show them.
fn lack_of_slices() -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (6, 12) {
        return Some(format!("Linux {} has no time slices of threads", release.trim()));
    }
    let is_shown = slice_of(Path::new("/proc/thread-self")).is_some();
    (!is_shown).then(|| "/proc/thread-self/sched does not show the time slice".to_owned())
}

#[test]
fn single_packets_make_the_time_slice_short_and_batches_restore_the_default() {
    if skip::because(lack_of_slices()) {
        return;
    }
    in_namespace(|| {
        let default = slice_of(Path::new("/proc/thread-self")).unwrap();
        let rig = Rig::start(1);
        let [thread] = threads::in_this_namespace("tun2udp-relay").try_into().unwrap();
        assert_eq!(slice_of(&thread), Some(default));
        eventually("the slice is short", || {
            (0..50).for_each(|number| rig.ask(number));
            slice_of(&thread) == Some(100_000)
        });
        eventually("the default is restored", || {
            for number in 0..500_u32 {
                let packet = inner::udp_packet(2, &number.to_be_bytes());
                rig.peer.send_to(&packet, rig.relay.info().local).unwrap();
            }
            slice_of(&thread) == Some(default)
        });
    });
}
