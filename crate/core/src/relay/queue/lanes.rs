//! The sending ends of a queue: one for each source port and for each address family of its peers, since a socket and
//! its error queue have one family.

use super::recording::Recording;
use crate::relay::peers::{PeerIndex, PeerTable, PeerView};
use crate::relay::setup::source_port_index;
use crate::relay::stats::{Counters, OutboundDrop};
use crate::udp::{SegmentationChange, SendDrop, SendProgress, SendQueue, SendReport, UdpSender};
use std::io::IoSlice;

/// A sending end and the messages that wait for it.
pub(super) struct Lane {
    /// The number of its socket in the queue.
    socket: usize,
    sender: UdpSender,
    queue: SendQueue,
    is_ipv4: bool,
    is_blocked: bool,
    /// A change that was not reported yet.
    change: Option<SegmentationChange>,
}

/// All sending ends of a queue.
pub(super) struct Lanes {
    /// Those of IPv4, then those of IPv6. Within a family, the index is that of the source port.
    lanes: Vec<Lane>,
    /// The number of those of IPv4.
    ipv4: usize,
    /// Whether a datagram could not be sent because its peer cannot be reached.
    has_unreachable: bool,
}

impl Lane {
    /// Creates the sending end of the socket with number `socket`.
    pub(super) fn new(socket: usize, sender: UdpSender, queue: SendQueue, is_ipv4: bool) -> Self {
        Self { socket, sender, queue, is_ipv4, is_blocked: false, change: None }
    }

    /// Returns whether datagrams may be coalesced into GSO batches.
    pub(super) fn can_segment(&self) -> bool {
        self.sender.can_segment()
    }

    /// Allows fragmentation of datagrams as long as the path to a peer is too narrow for IPv6.
    pub(super) fn allow_fragments(&mut self) {
        self.sender.allow_fragments(true);
    }

    pub(super) fn queue(&mut self) -> &mut SendQueue {
        &mut self.queue
    }
}

impl Lanes {
    /// Creates the sending ends of a queue, from those of its sockets in their order.
    pub(super) fn new(mut lanes: Vec<Lane>) -> Self {
        lanes.sort_by_key(|lane| !lane.is_ipv4);
        let ipv4 = lanes.iter().filter(|lane| lane.is_ipv4).count();
        Self { lanes, ipv4, has_unreachable: false }
    }

    /// Returns the lane to a peer for the flow with this number ([`crate::packet::flow::hash`]); `None` if there is no
    /// socket of the peer's family.
    #[inline]
    pub(super) fn to(
        &mut self,
        peer: PeerIndex,
        flow: u16,
        table: &PeerTable,
    ) -> Option<&mut Lane> {
        let lanes = match self.lanes.as_mut_slice() {
            [only] => return Some(only),
            lanes => lanes,
        };
        let is_ipv4 = table.destinations().get(peer.0 as usize)?.is_ipv4();
        let (ipv4, ipv6) = lanes.split_at_mut_checked(self.ipv4)?;
        let lanes = if is_ipv4 { ipv4 } else { ipv6 };
        let index = source_port_index(flow, lanes.len());
        lanes.get_mut(index)
    }

    /// Returns whether every message was sent or dropped.
    pub(super) fn is_done(&self) -> bool {
        self.lanes.iter().all(|lane| lane.queue.is_done())
    }

    /// Returns whether the socket with this number is full.
    pub(super) fn is_blocked(&self, number: usize) -> bool {
        self.lanes.iter().any(|lane| lane.socket == number && lane.is_blocked)
    }

    /// Removes all messages that wait, and begins a new batch. If no path is too narrow for IPv6 any more, datagrams
    /// must not be fragmented again.
    pub(super) fn start_batch(&mut self, table: &PeerTable) {
        for lane in &mut self.lanes {
            if lane.sender.allows_fragments() && !table.is_too_narrow_for_v6(lane.is_ipv4) {
                lane.sender.allow_fragments(false);
            }
            lane.sender.start_batch();
            lane.queue.clear();
            lane.is_blocked = false;
        }
    }

    /// Returns the peer of each message that waits, and the number of its datagrams. `slice_len` returns the length of
    /// a slice by its index, bytes.
    pub(super) fn waiting_datagrams(
        &self,
        slice_len: impl Fn(usize) -> usize + Copy,
    ) -> impl Iterator<Item = (PeerIndex, u64)> {
        let waiting =
            self.lanes.iter().flat_map(move |lane| lane.queue.waiting_datagrams(slice_len));
        waiting.map(|(to, datagrams)| (PeerIndex(to), datagrams))
    }

    /// Sends the messages that wait; `slices` are the slices that they refer to. Returns the progress.
    pub(super) fn send(
        &mut self,
        slices: &[IoSlice<'_>],
        peers: &PeerView,
        counters: &Counters,
        recording: &Recording<'_>,
    ) -> SendProgress {
        let table = peers.table();
        let (counts, is_recorded) = (table.counts_traffic(), recording.is_on());
        let mut progress = SendProgress::Done;
        for Lane { sender, queue, is_blocked, change, .. } in &mut self.lanes {
            *is_blocked = false;
            if queue.is_done() {
                continue;
            }
            let messages = (counts || is_recorded).then(Vec::new);
            recording.begin_call();
            let mut report = SendReport { messages, ..SendReport::default() };
            *is_blocked = sender.send(queue, table.destinations(), slices, &mut report)
                == SendProgress::Blocked;
            counters.count_sent(&report);
            let messages = report.messages.as_deref().unwrap_or_default();
            if is_recorded {
                recording.sent(messages, slices, sender.endpoint(), table.destinations());
            }
            let messages = if counts { messages } else { &[] };
            table.count_sent(messages);
            table.note_errors(&report.errors);
            report.lost_sources.iter().for_each(|lost| peers.forget_local(*lost));
            if report.dropped_as(SendDrop::Unreachable) > 0 {
                self.has_unreachable = true;
                table.note_unreachable(messages);
            }
            if *is_blocked {
                progress = SendProgress::Blocked;
            }
            if report.change.is_some() {
                *change = report.change;
            }
        }
        progress
    }

    /// Passes the messages that wait, and will not be sent any more, to `recording`.
    pub(super) fn record_closing(&self, slices: &[IoSlice<'_>], recording: &Recording<'_>) {
        for shape in self.lanes.iter().flat_map(|lane| lane.queue.waiting()) {
            recording.dropped_message(shape, slices, OutboundDrop::Closing);
        }
    }

    /// Returns whether a peer could not be reached since the last call.
    pub(super) fn take_unreachable(&mut self) -> bool {
        std::mem::take(&mut self.has_unreachable)
    }

    /// Returns the change of using GSO batches on one of the sockets since the last call, if there is one; of two
    /// changes, the first.
    pub(super) fn take_change(&mut self) -> Option<SegmentationChange> {
        self.lanes.iter_mut().find_map(|lane| lane.change.take())
    }
}
