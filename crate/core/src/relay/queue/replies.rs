//! The outbound half's own packets for the interface: ICMP errors about packets that it read.

use super::error_sources::ErrorSources;
use super::recording::Recording;
use crate::device::TunDevice;
use crate::packet::view::destination;
use crate::relay::stats::Counters;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Maximum number of waiting replies. A further reply is dropped, as a router may do.
const CAPACITY: usize = 16;
/// Number of replies that may follow each other immediately, and the time after which one more is allowed. The kernel
/// has the same limits (`icmp_msgs_burst` and `icmp_msgs_per_sec` of ip-sysctl).
const BURST: u32 = 50;
const INTERVAL: Duration = Duration::from_millis(1);

/// A small ring of packets to write to the device. It allocates memory when the first packet is added.
#[derive(Debug)]
pub(super) struct Replies {
    waiting: VecDeque<Vec<u8>>,
    allowed: u32,
    /// Time until which the allowance was refilled.
    refilled: Instant,
}

impl Replies {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), allowed: BURST, refilled: Instant::now() }
    }

    /// Returns whether no reply waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds the packet that `make` returns, if another reply is allowed at `now`.
    fn add(&mut self, now: Instant, make: impl FnOnce() -> Option<Vec<u8>>) {
        let intervals = now.saturating_duration_since(self.refilled).as_millis();
        let intervals = u32::try_from(intervals).unwrap_or(u32::MAX);
        self.allowed = self.allowed.saturating_add(intervals).min(BURST);
        self.refilled += INTERVAL.saturating_mul(intervals);
        if self.allowed == 0 || self.waiting.len() >= CAPACITY {
            return;
        }
        if let Some(packet) = make() {
            self.allowed -= 1;
            self.waiting.push_back(packet);
        }
    }

    /// Adds the ICMP error that `make` returns about a packet, if another reply is allowed now. `make` gets the address
    /// that the error comes from; `None`: the destination of the packet.
    pub(super) fn report(
        &mut self,
        packet: &[u8],
        sources: &ErrorSources,
        make: impl FnOnce(Option<IpAddr>) -> Option<Vec<u8>>,
    ) {
        let destination = destination(packet);
        if destination.is_some_and(|address| sources.is_broadcast(address)) {
            return;
        }
        self.add(Instant::now(), || make(destination.and_then(|address| sources.source(address))));
    }

    /// Writes the waiting replies. If the device has no room, the rest is kept. A refused packet is dropped. Reading
    /// the device shows whether it is gone.
    pub(super) fn write(
        &mut self,
        device: &TunDevice,
        vnet_len: usize,
        counters: &Counters,
        recording: &Recording<'_>,
    ) {
        let (mut written, mut dropped) = (0, 0);
        while let Some(packet) = self.waiting.front() {
            recording.begin_call();
            let result = device.put(vnet_len, packet);
            match &result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(()) => written += 1,
                Err(_) => dropped += 1,
            }
            recording.reply(packet, result.is_ok());
            self.waiting.pop_front();
        }
        counters.count_replies(written, dropped);
    }

    /// Forgets the waiting replies and counts them as dropped.
    pub(super) fn close(&mut self, counters: &Counters, recording: &Recording<'_>) {
        recording.begin_call();
        self.waiting.iter().for_each(|packet| recording.reply(packet, false));
        counters.count_replies(0, self.waiting.len() as u64);
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_allowed_as_time_has_passed() {
        let mut replies = Replies::new();
        let start = replies.refilled;
        let mut add = |micros: u64, count: u32| {
            let now = start + Duration::from_micros(micros);
            let mut made = 0;
            for _ in 0..count {
                replies.add(now, || {
                    made += 1;
                    Some(vec![0])
                });
                replies.waiting.clear();
            }
            made
        };
        assert_eq!(add(0, 60), BURST);
        assert_eq!(add(999, 10), 0);
        assert_eq!(add(1_500, 10), 1);
        // The rest of the interval counts towards the next one.
        assert_eq!(add(2_000, 10), 1);
        assert_eq!(add(10_000_000, 60), BURST);
    }

    #[test]
    fn the_ring_is_small_and_what_is_no_reply_costs_nothing() {
        let mut replies = Replies::new();
        let now = replies.refilled;
        for _ in 0..2 * BURST {
            replies.add(now, || None);
        }
        assert!(replies.is_empty());
        for _ in 0..2 * CAPACITY {
            replies.add(now, || Some(vec![0]));
        }
        assert_eq!(replies.waiting.len(), CAPACITY);
    }
}
