//! What is known of one peer, from table to table.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A peer. It outlives the tables that it is in, and all queues share it.
#[derive(Debug)]
pub(in crate::relay) struct Peer {
    endpoint: SocketAddr,
    /// When it was first added: times are counted from here.
    added: Instant,
    sent: Traffic,
    received: Traffic,
    /// When a datagram of it came last, in milliseconds after `added`, plus one; 0: never.
    last_heard: AtomicU64,
}

/// Datagrams of one direction, counted message by message: several queues add to the same counters.
#[derive(Debug, Default)]
struct Traffic {
    datagrams: AtomicU64,
    bytes: AtomicU64,
}

/// What a relay with several peers counts of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStats {
    /// Where its datagrams go.
    pub endpoint: SocketAddr,
    /// Datagrams to it that the kernel took for sending.
    pub datagrams_sent: u64,
    /// Bytes of payload in them.
    pub bytes_sent: u64,
    /// Datagrams from it, those that were dropped included.
    pub datagrams_received: u64,
    /// Bytes of payload in them.
    pub bytes_received: u64,
    /// Time since the last of them; `None`: there was none.
    pub silent_for: Option<Duration>,
}

impl Peer {
    pub(super) fn new(endpoint: SocketAddr) -> Self {
        Self {
            endpoint,
            added: Instant::now(),
            sent: Traffic::default(),
            received: Traffic::default(),
            last_heard: AtomicU64::new(0),
        }
    }

    /// Returns where its datagrams go.
    pub(in crate::relay) fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    pub(in crate::relay) fn count_sent(&self, datagrams: u64, bytes: u64) {
        self.sent.add(datagrams, bytes);
    }

    /// Counts datagrams that were received by `now`.
    pub(in crate::relay) fn count_received(&self, datagrams: u64, bytes: u64, now: Instant) {
        self.received.add(datagrams, bytes);
        self.last_heard.store(self.millis(now) + 1, Ordering::Relaxed);
    }

    /// Returns the counts so far.
    pub(in crate::relay) fn stats(&self, now: Instant) -> PeerStats {
        let last_heard = self.last_heard.load(Ordering::Relaxed).checked_sub(1);
        let silent_for = |at| Duration::from_millis(self.millis(now).saturating_sub(at));
        PeerStats {
            endpoint: self.endpoint,
            datagrams_sent: self.sent.datagrams.load(Ordering::Relaxed),
            bytes_sent: self.sent.bytes.load(Ordering::Relaxed),
            datagrams_received: self.received.datagrams.load(Ordering::Relaxed),
            bytes_received: self.received.bytes.load(Ordering::Relaxed),
            silent_for: last_heard.map(silent_for),
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.added).as_millis()).unwrap_or(u64::MAX - 1)
    }
}

impl Traffic {
    fn add(&self, datagrams: u64, bytes: u64) {
        self.datagrams.fetch_add(datagrams, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_add_up_and_the_last_one_is_remembered() {
        let peer = Peer::new("192.0.2.1:5".parse().unwrap());
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(peer.stats(at(7)).silent_for, None);
        peer.count_sent(3, 300);
        peer.count_sent(1, 50);
        peer.count_received(2, 20, at(100));
        peer.count_received(1, 0, at(200));
        let stats = peer.stats(at(1_200));
        assert_eq!((stats.datagrams_sent, stats.bytes_sent), (4, 350));
        assert_eq!((stats.datagrams_received, stats.bytes_received), (3, 20));
        assert_eq!(stats.silent_for.map(|time| time.as_millis()), Some(1_000));
    }
}
