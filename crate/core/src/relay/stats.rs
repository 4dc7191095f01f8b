//! Counters of a relay. In each direction: read = sent + the sum of the drops, always.

use super::config::OffloadConfig;
use super::counters::live;
use super::fallback::{ActiveOffload, Fallback};
use super::handover::RelayState;
use super::missed::Missed;
use super::notice::ForeignSources;
use crate::capture::Totals;
use crate::sys::socket::ErrorReport;
use crate::udp::{ErrorKind, SendDrop, SendReport};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use super::counters::{InboundDrop, InboundStats, OutboundDrop, OutboundStats};

/// Live counters of one queue.
#[derive(Debug, Default)]
pub(super) struct Counters {
    outbound: live::OutboundStats,
    inbound: live::InboundStats,
}

impl Counters {
    pub(super) fn count_read(&self, packets: u64, bytes: u64) {
        self.outbound.packets_read.add(packets);
        self.outbound.bytes_read.add(bytes);
    }

    /// `packets`: those that the super-packets were split into.
    pub(super) fn count_super_packets_read(&self, amount: u64, packets: u64) {
        self.outbound.super_packets_read.add(amount);
        self.outbound.packets_split.add(packets);
    }

    /// `packets`: those that were split into fragments.
    pub(super) fn count_fragmented(&self, packets: u64) {
        self.outbound.packets_fragmented.add(packets);
    }

    pub(super) fn count_keepalives_sent(&self, keepalives: u64) {
        self.outbound.keepalives_sent.add(keepalives);
    }

    pub(super) fn count_keepalives_received(&self, keepalives: u64) {
        self.inbound.keepalives_received.add(keepalives);
    }

    /// One read of the interface that failed.
    pub(super) fn count_read_error(&self) {
        self.outbound.read_errors.add(1);
    }

    /// One receive that failed.
    pub(super) fn count_receive_error(&self) {
        self.inbound.receive_errors.add(1);
    }

    /// Packets of the relay's own for the interface.
    pub(super) fn count_replies(&self, written: u64, dropped: u64) {
        self.outbound.replies_written.add(written);
        self.outbound.replies_dropped.add(dropped);
    }

    pub(super) fn count_sent(&self, report: &SendReport) {
        self.outbound.datagrams_sent.add(report.datagrams);
        self.outbound.bytes_sent.add(report.bytes);
        for (cause, amount) in SendDrop::ALL.into_iter().zip(report.dropped) {
            self.count_send_drop(cause.into(), amount);
        }
        self.outbound.sources_lost.add(report.lost_sources.len() as u64);
        self.count_errors(&report.errors);
    }

    pub(super) fn count_errors(&self, reports: &[ErrorReport]) {
        for kind in reports.iter().filter_map(ErrorKind::of) {
            match kind {
                ErrorKind::Refused => self.outbound.refused_by_peer.add(1),
                ErrorKind::Unreachable => self.outbound.unreachable_reports.add(1),
                ErrorKind::TooLong => self.outbound.path_mtu_reports.add(1),
            }
        }
    }

    pub(super) fn count_send_drop(&self, cause: OutboundDrop, packets: u64) {
        self.outbound.drop_counter(cause).add(packets);
    }

    pub(super) fn count_received(&self, datagrams: u64, bytes: u64) {
        self.inbound.datagrams_received.add(datagrams);
        self.inbound.bytes_received.add(bytes);
    }

    /// `packets`: those whose ECN was changed.
    pub(super) fn count_ecn_changes(&self, packets: u64) {
        self.inbound.ecn_marks.add(packets);
    }

    pub(super) fn count_written(&self, packets: u64, bytes: u64) {
        self.inbound.packets_written.add(packets);
        self.inbound.bytes_written.add(bytes);
    }

    /// `packets`: those that were coalesced into the super-packets.
    pub(super) fn count_super_packets_written(&self, amount: u64, packets: u64) {
        self.inbound.super_packets_written.add(amount);
        self.inbound.packets_joined.add(packets);
    }

    /// Returns the totals of what passes the points of a capture, in the order of its sides.
    pub(super) fn capture_totals(&self) -> Totals {
        let (outbound, inbound) = (&self.outbound, &self.inbound);
        let refused = [
            InboundDrop::InterfaceDown,
            InboundDrop::NoBuffers,
            InboundDrop::Rejected,
            InboundDrop::Closing,
        ];
        let refused: u64 = refused.map(|cause| inbound.drop_counter(cause).load()).iter().sum();
        let replies = outbound.replies_written.load() + outbound.replies_dropped.load();
        let dropped = OutboundDrop::ALL.iter().map(|cause| outbound.drop_counter(*cause).load());
        [
            outbound.datagrams_sent.load() + dropped.sum::<u64>(),
            inbound.packets_written.load() + refused + replies,
            outbound.datagrams_sent.load() + outbound.keepalives_sent.load(),
            inbound.datagrams_received.load() + inbound.keepalives_received.load(),
        ]
    }

    pub(super) fn count_receive_drop(&self, cause: InboundDrop, packets: u64) {
        self.inbound.drop_counter(cause).add(packets);
    }
}

/// The counters of all queues of a relay, and which shortcuts are in use.
#[derive(Debug)]
pub(super) struct Meter {
    queues: Vec<Arc<Counters>>,
    offload: Mutex<ActiveOffload>,
    /// One queue receives for all.
    has_one_receiver: AtomicBool,
    foreign: Mutex<ForeignSources>,
    /// Packets that the interface dropped before they were read.
    pub(super) missed: Missed,
}

impl Meter {
    pub(super) fn new(queues: usize) -> Self {
        Self {
            queues: (0..queues).map(|_| Arc::default()).collect(),
            offload: Mutex::new(ActiveOffload::new(OffloadConfig::NONE, 0)),
            has_one_receiver: AtomicBool::new(false),
            foreign: Mutex::default(),
            missed: Missed::default(),
        }
    }

    /// The counters of each queue.
    pub(super) fn queues(&self) -> &[Arc<Counters>] {
        &self.queues
    }

    /// Continues with the counts of an earlier relay. The loops must not run.
    pub(super) fn restore(&self, state: &RelayState) {
        if let Some(first) = self.queues.first() {
            first.outbound.add(&state.outbound);
            first.inbound.add(&state.inbound);
        }
        if let Some(dropped) = state.interface_dropped {
            self.missed.restore(dropped);
        }
    }

    /// Adds the counts to `state`.
    pub(super) fn save(&self, state: &mut RelayState) {
        let (missed, dropped) = self.missed.reading();
        let stats = self.snapshot_with(missed);
        (state.outbound, state.inbound) = (stats.outbound, stats.inbound);
        state.interface_dropped = dropped;
    }

    /// Sets which offloads are in use when the relay starts. `without_gro`: sockets for which the kernel refused
    /// `UDP_GRO`.
    pub(super) fn set_offload(&self, offload: OffloadConfig, without_gro: usize) {
        *self.active() = ActiveOffload::new(offload, without_gro);
    }

    /// Records a fall-back or its end; returns whether it is a change of the relay's state.
    pub(super) fn note(&self, fallback: Fallback) -> bool {
        match fallback {
            Fallback::Receivers => !self.has_one_receiver.swap(true, Ordering::Relaxed),
            _ => self.active().note(fallback),
        }
    }

    /// Records a source that is not a peer's; returns whether to report it.
    pub(super) fn note_foreign(&self, address: IpAddr) -> bool {
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.should_report(address, Instant::now())
    }

    fn active(&self) -> MutexGuard<'_, ActiveOffload> {
        self.offload.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counts of this moment; each is exact, but they are not of one instant.
    pub(super) fn snapshot(&self) -> Stats {
        self.snapshot_with(self.missed.count())
    }

    fn snapshot_with(&self, missed: u64) -> Stats {
        let mut outbound =
            live::OutboundStats::sum(self.queues.iter().map(|queue| &queue.outbound));
        // The kernel counts them per interface, so no queue does. The queues have those of earlier relays.
        outbound.packets_missed += missed;
        Stats {
            offload: self.active().offload,
            outbound,
            inbound: live::InboundStats::sum(self.queues.iter().map(|queue| &queue.inbound)),
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
