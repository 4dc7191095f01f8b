//! Counters of a relay. In each direction: read = sent + the sum of the drops, always.

use super::config::OffloadConfig;
use super::fallback::{ActiveOffload, Fallback};
use crate::sys::socket::ErrorReport;
use crate::transport::{ErrorKind, SendDrop, SendReport};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// The header that the kernel put before it does not fit it.
    Malformed,
    /// The relay was closed before it could be sent.
    Closing,
}

impl OutboundDrop {
    const COUNT: usize = SendDrop::COUNT + 2;

    fn index(self) -> usize {
        match self {
            Self::Send(cause) => cause as usize,
            Self::Malformed => SendDrop::COUNT,
            Self::Closing => SendDrop::COUNT + 1,
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
    super_packets_read: Counter,
    packets_split: Counter,
    read_errors: Counter,
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
    super_packets_written: Counter,
    packets_joined: Counter,
    receive_errors: Counter,
    receive_drops: [Counter; InboundDrop::COUNT],
}

impl Counters {
    pub(super) fn count_read(&self, packets: u64, bytes: u64) {
        self.packets_read.add(packets);
        self.bytes_read.add(bytes);
    }

    /// `packets`: what the super-packets were cut into.
    pub(super) fn count_super_packets_read(&self, amount: u64, packets: u64) {
        self.super_packets_read.add(amount);
        self.packets_split.add(packets);
    }

    /// One read of the interface that failed.
    pub(super) fn count_read_error(&self) {
        self.read_errors.add(1);
    }

    /// One receive that failed.
    pub(super) fn count_receive_error(&self) {
        self.receive_errors.add(1);
    }

    pub(super) fn count_sent(&self, report: &SendReport) {
        self.datagrams_sent.add(report.datagrams);
        self.bytes_sent.add(report.bytes);
        for (counter, amount) in self.send_drops.iter().zip(report.dropped) {
            counter.add(amount);
        }
        self.count_errors(&report.errors);
    }

    pub(super) fn count_errors(&self, reports: &[ErrorReport]) {
        for kind in reports.iter().filter_map(ErrorKind::of) {
            match kind {
                ErrorKind::Refused => self.refused.add(1),
                ErrorKind::Unreachable => self.unreachable.add(1),
                ErrorKind::TooLong => self.path_too_small.add(1),
            }
        }
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

    /// `packets`: what was joined into the super-packets.
    pub(super) fn count_super_packets_written(&self, amount: u64, packets: u64) {
        self.super_packets_written.add(amount);
        self.packets_joined.add(packets);
    }

    pub(super) fn count_receive_drop(&self, cause: InboundDrop, packets: u64) {
        if let Some(counter) = self.receive_drops.get(cause as usize) {
            counter.add(packets);
        }
    }
}

/// The counters of all queues of a relay, and which shortcuts are in use.
#[derive(Debug)]
pub(super) struct Meter {
    queues: Vec<Arc<Counters>>,
    offload: Mutex<ActiveOffload>,
    /// One queue receives for all.
    has_one_receiver: AtomicBool,
}

impl Meter {
    pub(super) fn new(queues: usize) -> Self {
        Self {
            queues: (0..queues).map(|_| Arc::default()).collect(),
            offload: Mutex::new(ActiveOffload::new(OffloadConfig::NONE)),
            has_one_receiver: AtomicBool::new(false),
        }
    }

    /// The counters of each queue.
    pub(super) fn queues(&self) -> &[Arc<Counters>] {
        &self.queues
    }

    /// Sets which offloads are in use when the relay starts.
    pub(super) fn set_offload(&self, offload: OffloadConfig) {
        *self.active() = ActiveOffload::new(offload);
    }

    /// Records a fall-back or its end; returns whether it is a change of the relay's state.
    pub(super) fn note(&self, fallback: Fallback) -> bool {
        match fallback {
            Fallback::Receivers => !self.has_one_receiver.swap(true, Ordering::Relaxed),
            _ => self.active().note(fallback),
        }
    }

    fn active(&self) -> MutexGuard<'_, ActiveOffload> {
        self.offload.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counts of this moment; each is exact, but they are not of one instant.
    pub(super) fn snapshot(&self) -> Stats {
        Stats { offload: self.active().offload, outbound: self.outbound(), inbound: self.inbound() }
    }

    fn sum(&self, pick: impl Fn(&Counters) -> Option<&Counter>) -> u64 {
        self.queues.iter().filter_map(|queue| pick(queue)).map(Counter::load).sum()
    }

    fn outbound(&self) -> OutboundStats {
        let dropped = |cause: OutboundDrop| self.sum(|queue| queue.send_drops.get(cause.index()));
        OutboundStats {
            packets_read: self.sum(|queue| Some(&queue.packets_read)),
            bytes_read: self.sum(|queue| Some(&queue.bytes_read)),
            super_packets_read: self.sum(|queue| Some(&queue.super_packets_read)),
            packets_split: self.sum(|queue| Some(&queue.packets_split)),
            read_errors: self.sum(|queue| Some(&queue.read_errors)),
            datagrams_sent: self.sum(|queue| Some(&queue.datagrams_sent)),
            bytes_sent: self.sum(|queue| Some(&queue.bytes_sent)),
            refused_by_peer: self.sum(|queue| Some(&queue.refused)),
            unreachable_reports: self.sum(|queue| Some(&queue.unreachable)),
            path_mtu_reports: self.sum(|queue| Some(&queue.path_too_small)),
            too_long: dropped(OutboundDrop::Send(SendDrop::TooLong)),
            unreachable: dropped(OutboundDrop::Send(SendDrop::Unreachable)),
            denied: dropped(OutboundDrop::Send(SendDrop::Denied)),
            no_buffers: dropped(OutboundDrop::Send(SendDrop::NoBuffers)),
            other: dropped(OutboundDrop::Send(SendDrop::Other)),
            malformed: dropped(OutboundDrop::Malformed),
            closing: dropped(OutboundDrop::Closing),
        }
    }

    fn inbound(&self) -> InboundStats {
        let dropped =
            |cause: InboundDrop| self.sum(|queue| queue.receive_drops.get(cause as usize));
        InboundStats {
            datagrams_received: self.sum(|queue| Some(&queue.datagrams_received)),
            bytes_received: self.sum(|queue| Some(&queue.bytes_received)),
            packets_written: self.sum(|queue| Some(&queue.packets_written)),
            bytes_written: self.sum(|queue| Some(&queue.bytes_written)),
            super_packets_written: self.sum(|queue| Some(&queue.super_packets_written)),
            packets_joined: self.sum(|queue| Some(&queue.packets_joined)),
            receive_errors: self.sum(|queue| Some(&queue.receive_errors)),
            foreign_source: dropped(InboundDrop::ForeignSource),
            empty: dropped(InboundDrop::Empty),
            truncated: dropped(InboundDrop::Truncated),
            not_ip: dropped(InboundDrop::NotIp),
            interface_down: dropped(InboundDrop::InterfaceDown),
            no_buffers: dropped(InboundDrop::NoBuffers),
            rejected: dropped(InboundDrop::Rejected),
            closing: dropped(InboundDrop::Closing),
        }
    }
}

/// Counts of a relay since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Which of the kernel's shortcuts are in use.
    pub offload: OffloadConfig,
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
    /// Super-packets among what was read; `packets_read` counts what they were cut into.
    pub super_packets_read: u64,
    /// Those of `packets_read` that super-packets were cut into.
    pub packets_split: u64,
    /// Reads of the interface that failed; each is tried again after a pause.
    pub read_errors: u64,
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
    /// Dropped: the kernel's own header before it does not fit it.
    pub malformed: u64,
    /// Dropped: read, but the relay was closed before it could be sent.
    pub closing: u64,
}

impl OutboundStats {
    /// All drops together.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.too_long
            + self.unreachable
            + self.denied
            + self.no_buffers
            + self.other
            + self.malformed
            + self.closing
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
    /// Super-packets among what was written; `packets_written` counts what was joined into them.
    pub super_packets_written: u64,
    /// Those of `packets_written` that were joined into super-packets.
    pub packets_joined: u64,
    /// Receives that failed; each is tried again after a pause.
    pub receive_errors: u64,
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
