//! Counters of a relay. In each direction: read = sent + the sum of the drops, always.

use crate::transport::{NewsCount, SendDrop, SendReport};
use std::sync::atomic::{AtomicU64, Ordering};

/// A counter with one writer, so that adding needs no locked instruction.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    fn add(&self, amount: u64) {
        if amount != 0 {
            let sum = self.0.load(Ordering::Relaxed).wrapping_add(amount);
            self.0.store(sum, Ordering::Relaxed);
        }
    }

    fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a packet from the interface did not become a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboundDrop {
    /// The socket refused it.
    Send(SendDrop),
    /// The relay was closed before it could be sent.
    Closing,
}

impl OutboundDrop {
    const COUNT: usize = SendDrop::COUNT + 1;

    fn index(self) -> usize {
        match self {
            Self::Send(cause) => cause as usize,
            Self::Closing => SendDrop::COUNT,
        }
    }
}

/// Why a datagram did not become a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboundDrop {
    /// Its source address is not the peer's.
    ForeignSource,
    /// It has no payload.
    Empty,
    /// It was longer than any datagram can be, and its end is lost.
    Truncated,
    /// Its first four bits are neither 4 nor 6.
    NotIp,
    /// The interface is down (`EIO`).
    InterfaceDown,
    /// The kernel had no memory for it.
    NoBuffers,
    /// The kernel refused it by another errno.
    Rejected,
    /// The relay was closed before it could be written.
    Closing,
}

impl InboundDrop {
    const COUNT: usize = 8;
}

/// Live counters of one queue.
#[derive(Debug, Default)]
pub(super) struct Counters {
    packets_read: Counter,
    bytes_read: Counter,
    datagrams_sent: Counter,
    bytes_sent: Counter,
    send_drops: [Counter; OutboundDrop::COUNT],
    refused: Counter,
    unreachable: Counter,
    path_too_small: Counter,
    datagrams_received: Counter,
    bytes_received: Counter,
    packets_written: Counter,
    bytes_written: Counter,
    receive_drops: [Counter; InboundDrop::COUNT],
}

impl Counters {
    pub(super) fn count_read(&self, packets: u64, bytes: u64) {
        self.packets_read.add(packets);
        self.bytes_read.add(bytes);
    }

    pub(super) fn count_sent(&self, report: &SendReport) {
        self.datagrams_sent.add(report.datagrams);
        self.bytes_sent.add(report.bytes);
        for (counter, amount) in self.send_drops.iter().zip(report.dropped) {
            counter.add(amount);
        }
        self.count_news(&report.news);
    }

    pub(super) fn count_news(&self, news: &NewsCount) {
        self.refused.add(news.refused);
        self.unreachable.add(news.unreachable);
        self.path_too_small.add(news.too_long);
    }

    pub(super) fn count_send_drop(&self, cause: OutboundDrop, packets: u64) {
        if let Some(counter) = self.send_drops.get(cause.index()) {
            counter.add(packets);
        }
    }

    pub(super) fn count_received(&self, datagrams: u64, bytes: u64) {
        self.datagrams_received.add(datagrams);
        self.bytes_received.add(bytes);
    }

    pub(super) fn count_written(&self, packets: u64, bytes: u64) {
        self.packets_written.add(packets);
        self.bytes_written.add(bytes);
    }

    pub(super) fn count_receive_drop(&self, cause: InboundDrop, packets: u64) {
        if let Some(counter) = self.receive_drops.get(cause as usize) {
            counter.add(packets);
        }
    }

    /// The counts of this moment; each is exact, but they are not of one instant.
    pub(super) fn snapshot(&self) -> Stats {
        let sent =
            |cause: OutboundDrop| self.send_drops.get(cause.index()).map_or(0, Counter::load);
        let received =
            |cause: InboundDrop| self.receive_drops.get(cause as usize).map_or(0, Counter::load);
        Stats {
            outbound: OutboundStats {
                packets_read: self.packets_read.load(),
                bytes_read: self.bytes_read.load(),
                datagrams_sent: self.datagrams_sent.load(),
                bytes_sent: self.bytes_sent.load(),
                refused_by_peer: self.refused.load(),
                unreachable_reports: self.unreachable.load(),
                path_mtu_reports: self.path_too_small.load(),
                too_long: sent(OutboundDrop::Send(SendDrop::TooLong)),
                unreachable: sent(OutboundDrop::Send(SendDrop::Unreachable)),
                denied: sent(OutboundDrop::Send(SendDrop::Denied)),
                no_buffers: sent(OutboundDrop::Send(SendDrop::NoBuffers)),
                other: sent(OutboundDrop::Send(SendDrop::Other)),
                closing: sent(OutboundDrop::Closing),
            },
            inbound: InboundStats {
                datagrams_received: self.datagrams_received.load(),
                bytes_received: self.bytes_received.load(),
                packets_written: self.packets_written.load(),
                bytes_written: self.bytes_written.load(),
                foreign_source: received(InboundDrop::ForeignSource),
                empty: received(InboundDrop::Empty),
                truncated: received(InboundDrop::Truncated),
                not_ip: received(InboundDrop::NotIp),
                interface_down: received(InboundDrop::InterfaceDown),
                no_buffers: received(InboundDrop::NoBuffers),
                rejected: received(InboundDrop::Rejected),
                closing: received(InboundDrop::Closing),
            },
        }
    }
}

/// Counts of a relay since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// From the interface to the peer.
    pub outbound: OutboundStats,
    /// From the peer to the interface.
    pub inbound: InboundStats,
}

/// Interface to peer. `packets_read` = `datagrams_sent` + all drops (the fields from `too_long` on).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboundStats {
    /// IP packets read from the interface.
    pub packets_read: u64,
    /// Bytes in them.
    pub bytes_read: u64,
    /// Datagrams that the kernel took for sending.
    pub datagrams_sent: u64,
    /// Bytes of payload in them.
    pub bytes_sent: u64,
    /// News: nobody listened on the peer's port. The datagrams count as sent.
    pub refused_by_peer: u64,
    /// News: the network could not reach the peer. The datagrams count as sent.
    pub unreachable_reports: u64,
    /// News: a router on the way found a datagram too long. The datagrams count as sent.
    pub path_mtu_reports: u64,
    /// Dropped: longer than a datagram can be.
    pub too_long: u64,
    /// Dropped: no way to the peer.
    pub unreachable: u64,
    /// Dropped: forbidden by a firewall or policy.
    pub denied: u64,
    /// Dropped: the kernel had no memory or queue space.
    pub no_buffers: u64,
    /// Dropped for another errno.
    pub other: u64,
    /// Dropped: read, but the relay was closed before it could be sent.
    pub closing: u64,
}

impl OutboundStats {
    /// All drops together.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.too_long + self.unreachable + self.denied + self.no_buffers + self.other + self.closing
    }
}

/// Peer to interface. `datagrams_received` = `packets_written` + all drops (the fields from
/// `foreign_source` on).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboundStats {
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Bytes of payload in them.
    pub bytes_received: u64,
    /// IP packets that the interface took.
    pub packets_written: u64,
    /// Bytes in them.
    pub bytes_written: u64,
    /// Dropped: the source address is not the peer's.
    pub foreign_source: u64,
    /// Dropped: no payload.
    pub empty: u64,
    /// Dropped: its end was lost on the way into our buffer.
    pub truncated: u64,
    /// Dropped: neither IPv4 nor IPv6.
    pub not_ip: u64,
    /// Dropped: the interface is down.
    pub interface_down: u64,
    /// Dropped: the kernel had no memory for it.
    pub no_buffers: u64,
    /// Dropped: the kernel refused it for another reason.
    pub rejected: u64,
    /// Dropped: received, but the relay was closed before it could be written.
    pub closing: u64,
}

impl InboundStats {
    /// All drops together.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.foreign_source
            + self.empty
            + self.truncated
            + self.not_ip
            + self.interface_down
            + self.no_buffers
            + self.rejected
            + self.closing
    }
}
