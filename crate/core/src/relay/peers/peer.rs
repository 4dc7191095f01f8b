//! One peer: its counters, and the MTU of the path to it.

use crate::relay::setup::{MIN_MTU_V6, inner_mtu};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The smallest path MTUs that are accepted from a report, bytes.
const MIN_PATH_V4: u32 = 552;

/// A peer. It outlives the tables that contain it, and all queues share it. Times are milliseconds of the clock of
/// the relay's timers.
#[derive(Debug)]
pub(in crate::relay) struct Peer {
    endpoint: SocketAddr,
    path_mtu: LearnedMtu,
    sent: Traffic,
    received: Traffic,
    /// Time of the last datagram from the peer, plus one; 0: there was none.
    last_heard: AtomicU64,
}

/// Datagrams of one direction. Each message is counted at once, since several queues add to the same counters.
#[derive(Debug, Default)]
struct Traffic {
    datagrams: AtomicU64,
    bytes: AtomicU64,
}

/// An MTU and the end of its validity, in one word: the time in the upper bits; 0: none.
#[derive(Debug, Default)]
struct LearnedMtu(AtomicU64);

/// The state of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStats {
    /// The address that its datagrams are sent to.
    pub endpoint: SocketAddr,
    /// MTU of the path to the peer as a router reported it, bytes. `None`: there was no recent report.
    pub path_mtu: Option<u32>,
    /// Datagrams exchanged with the peer. `None` for a single peer, whose datagrams the relay's own counters count.
    pub traffic: Option<PeerTraffic>,
}

/// Datagrams exchanged with one of several peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerTraffic {
    /// Datagrams to the peer that the kernel accepted for sending.
    pub datagrams_sent: u64,
    /// Bytes of payload in them.
    pub bytes_sent: u64,
    /// Datagrams from the peer, including dropped ones.
    pub datagrams_received: u64,
    /// Bytes of payload in them.
    pub bytes_received: u64,
    /// Time since the last of these. `None`: there was none.
    pub silent_for: Option<Duration>,
}

impl Peer {
    pub(super) fn new(endpoint: SocketAddr) -> Self {
        Self {
            endpoint,
            path_mtu: LearnedMtu::default(),
            sent: Traffic::default(),
            received: Traffic::default(),
            last_heard: AtomicU64::new(0),
        }
    }

    /// Returns the address that its datagrams are sent to.
    pub(in crate::relay) fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    pub(super) fn count_sent(&self, datagrams: u64, bytes: u64) {
        self.sent.add(datagrams, bytes);
    }

    pub(super) fn count_received(&self, datagrams: u64, bytes: u64, now: u64) {
        self.received.add(datagrams, bytes);
        self.last_heard.store(now + 1, Ordering::Relaxed);
    }

    /// Records the MTU of the path, which is valid until `deadline`. The newest report counts. Returns whether the
    /// MTU changed.
    ///
    /// A smaller MTU than the kernel itself accepts is raised to that minimum (`min_pmtu` of ip-sysctl, RFC 8200, 5):
    /// a forged report must not make packets arbitrarily small.
    pub(super) fn learn_path_mtu(&self, mtu: u32, deadline: u64) -> bool {
        let least = if self.endpoint.is_ipv4() { MIN_PATH_V4 } else { MIN_MTU_V6 };
        let before = self.path_mtu();
        self.path_mtu.set(mtu.max(least), deadline);
        before != self.path_mtu()
    }

    /// Forgets the path's MTU when it expires. Otherwise returns the time until which it is valid.
    pub(super) fn expire(&self, now: u64) -> Option<u64> {
        self.path_mtu.expire(now)
    }

    pub(super) fn path_mtu(&self) -> Option<u32> {
        self.path_mtu.get()
    }

    /// Returns the longest packet that the path carries, bytes; `None` if no limit was reported.
    #[inline]
    pub(super) fn inner_mtu(&self) -> Option<u32> {
        self.path_mtu.get().map(|mtu| inner_mtu(mtu, self.endpoint))
    }

    pub(super) fn traffic(&self, now: u64) -> PeerTraffic {
        let last_heard = self.last_heard.load(Ordering::Relaxed).checked_sub(1);
        PeerTraffic {
            datagrams_sent: self.sent.datagrams.load(Ordering::Relaxed),
            bytes_sent: self.sent.bytes.load(Ordering::Relaxed),
            datagrams_received: self.received.datagrams.load(Ordering::Relaxed),
            bytes_received: self.received.bytes.load(Ordering::Relaxed),
            silent_for: last_heard.map(|at| Duration::from_millis(now.saturating_sub(at))),
        }
    }
}

impl Traffic {
    fn add(&self, datagrams: u64, bytes: u64) {
        self.datagrams.fetch_add(datagrams, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl LearnedMtu {
    /// Bits of the MTU: the longest IPv4 packet has 65,535 bytes, the longest IPv6 packet 65,575.
    const MTU_BITS: u32 = 24;
    const MTU_MASK: u64 = (1 << Self::MTU_BITS) - 1;

    fn set(&self, mtu: u32, deadline: u64) {
        let mtu = u64::from(mtu).min(Self::MTU_MASK);
        let deadline = deadline.min(u64::MAX >> Self::MTU_BITS);
        self.0.store(deadline << Self::MTU_BITS | mtu, Ordering::Relaxed);
    }

    fn get(&self) -> Option<u32> {
        let mtu = (self.0.load(Ordering::Relaxed) & Self::MTU_MASK) as u32;
        (mtu > 0).then_some(mtu)
    }

    fn expire(&self, now: u64) -> Option<u64> {
        let value = self.0.load(Ordering::Relaxed);
        let deadline = value >> Self::MTU_BITS;
        if value == 0 || deadline > now {
            return (value != 0).then_some(deadline);
        }
        // An MTU that another queue has learned in the meantime is kept.
        let forgotten = self.0.compare_exchange(value, 0, Ordering::Relaxed, Ordering::Relaxed);
        forgotten.err().map(|newer| newer >> Self::MTU_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_add_up_and_the_last_one_is_remembered() {
        let peer = Peer::new("192.0.2.1:5".parse().unwrap());
        assert_eq!(peer.traffic(7).silent_for, None);
        peer.count_sent(3, 300);
        peer.count_sent(1, 50);
        peer.count_received(2, 20, 0);
        assert_eq!(peer.traffic(7).silent_for, Some(Duration::from_millis(7)));
        peer.count_received(1, 0, 200);
        let traffic = peer.traffic(1_200);
        assert_eq!((traffic.datagrams_sent, traffic.bytes_sent), (4, 350));
        assert_eq!((traffic.datagrams_received, traffic.bytes_received), (3, 20));
        assert_eq!(traffic.silent_for, Some(Duration::from_secs(1)));
    }

    #[test]
    fn the_newest_path_mtu_counts_until_its_time_is_over() {
        let peer = Peer::new("192.0.2.1:5".parse().unwrap());
        assert_eq!((peer.path_mtu(), peer.expire(0)), (None, None));
        peer.learn_path_mtu(1_300, 1_000);
        peer.learn_path_mtu(1_400, 2_000);
        assert_eq!((peer.expire(1_999), peer.path_mtu()), (Some(2_000), Some(1_400)));
        assert_eq!((peer.expire(2_000), peer.path_mtu()), (None, None));
        peer.learn_path_mtu(u32::MAX, u64::MAX);
        assert_eq!(peer.path_mtu(), Some((1 << 24) - 1));
        assert_eq!(peer.expire(1 << 39), Some(u64::MAX >> 24));
    }
}
