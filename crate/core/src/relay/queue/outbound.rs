//! Interface to peer: reads a batch of packets, splits super-packets, and sends all of them in GSO batches.

use super::batch::{Batch, ReadCount, Sink};
use super::error_sources::ErrorSources;
use super::lanes::Lanes;
use super::oversize;
use super::recording::Recording;
use super::replies::Replies;
use super::segment_clamp::SegmentClamp;
use super::step::{Failure, Step, StepReport};
use crate::device::{MAX_READ, TunDevice};
use crate::errno::{Call, Reaction};
use crate::packet::flow;
use crate::packet::icmp;
use crate::packet::split::{self, Split, SplitError};
use crate::packet::vnet::VnetHeader;
use crate::relay::fallback::Fallback;
use crate::relay::loops::LoopGuard;
use crate::relay::peers::{LastRoute, PeerIndex, PeerView};
use crate::relay::stats::{Counters, OutboundDrop};
use crate::relay::traffic_class::ClassPolicy;
use crate::relay::wire::Wire;
use crate::sys::memory;
use crate::udp::{Envelope, SegmentationChange, SendProgress};
use std::io;
use std::sync::Arc;

/// Maximum number of reads in one batch: one full GSO batch of ordinary packets.
const BATCH_READS: usize = 64;
/// Bytes after which a batch ends: half of a common second-level cache. Each batch wakes the peer's relay only once,
/// which saves more time than sending packets while they are in the cache (docs/performance.md).
const BATCH_BYTES: usize = 512 << 10;

/// A packet that is not split.
const WHOLE: (&Split, &[u8]) = (&Split::Whole, &[]);

/// The outbound half of a relay's queue.
pub(super) struct Outbound {
    device: Arc<TunDevice>,
    lanes: Lanes,
    wire: Wire,
    batch: Batch,
    peers: PeerView,
    counters: Arc<Counters>,
    replies: Replies,
    error_sources: ErrorSources,
    class_policy: ClassPolicy,
    loops: LoopGuard,
    /// The last destination of the batch, and its peer.
    last_route: LastRoute<PeerIndex>,
    segment_clamp: SegmentClamp,
    /// When the batch was read, for captures; 0: none runs.
    read_at: u64,
    /// Number of packets in the last batch read from the device.
    packets_read: u64,
}

/// The properties of the relay that an outbound half needs.
pub(super) struct OutboundOptions {
    pub(super) wire: Wire,
    pub(super) error_sources: ErrorSources,
    pub(super) class_policy: ClassPolicy,
    pub(super) loops: LoopGuard,
    pub(super) segment_clamp: SegmentClamp,
}

impl Outbound {
    pub(super) fn new(
        device: Arc<TunDevice>,
        lanes: Lanes,
        peers: PeerView,
        counters: Arc<Counters>,
        options: OutboundOptions,
    ) -> Self {
        let OutboundOptions { wire, error_sources, class_policy, loops, segment_clamp } = options;
        let batch = Batch {
            arena: vec![0; BATCH_BYTES + MAX_READ],
            filled: 0,
            headers: Vec::new(),
            pieces: Vec::with_capacity(2 * BATCH_READS),
        };
        Self {
            device,
            lanes,
            wire,
            batch,
            peers,
            counters,
            replies: Replies::new(),
            error_sources,
            class_policy,
            loops,
            last_route: LastRoute::default(),
            segment_clamp,
            read_at: 0,
            packets_read: 0,
        }
    }

    /// Reads and sends one batch. With `single_packet`, reads a single packet and lets the next wait find others.
    /// Errors of the device are returned; errors of the socket are counted.
    pub(super) fn step(
        &mut self,
        single_packet: bool,
        recording: &Recording<'_>,
    ) -> Result<StepReport, Failure> {
        let mut filled = Step::Moved;
        if self.lanes.is_done() {
            self.start_batch();
            self.read_at = recording.read_batch(0);
            let limit = if single_packet { 1 } else { BATCH_READS };
            filled = self.fill(limit, recording).map_err(|error| Failure {
                operation: "read from",
                syscall: "read",
                error,
            })?;
            if single_packet && filled == Step::Moved {
                filled = Step::Drained;
            }
        } else {
            recording.read_batch(self.read_at);
        }
        let progress = self.flush(recording);
        if !self.replies.is_empty() {
            let vnet_len = vnet_len(&self.device);
            self.replies.write(&self.device, vnet_len, &self.counters, recording);
        }
        let step = match progress {
            SendProgress::Done => filled,
            SendProgress::Blocked => Step::Blocked,
        };
        let fallback = self.lanes.take_change().map(|change| match change {
            SegmentationChange::Off { errno } => Fallback::Gso(errno),
            SegmentationChange::On => Fallback::GsoAgain,
        });
        let is_peer_lost = self.lanes.take_unreachable();
        Ok(StepReport { fallback, is_peer_lost, ..StepReport::of(step) })
    }

    /// Returns whether the last batch read from the device was at most one packet.
    pub(super) fn is_quiet(&self) -> bool {
        self.packets_read <= 1
    }

    /// Returns whether the device had a packet when it was last read.
    pub(super) fn has_read(&self) -> bool {
        self.packets_read > 0
    }

    /// Sends what waits, without reading. Returns whether nothing waits any more.
    pub(super) fn finish(&mut self, recording: &Recording<'_>) -> bool {
        recording.read_batch(self.read_at);
        let is_done = self.lanes.is_done() || self.flush(recording) == SendProgress::Done;
        if !self.replies.is_empty() {
            self.replies.write(&self.device, vnet_len(&self.device), &self.counters, recording);
        }
        is_done
    }

    /// Returns the memory of the last batch to the kernel if all of it was sent.
    pub(super) fn release_memory(&mut self) {
        if self.lanes.is_done() {
            memory::release(&mut self.batch.arena);
        }
    }

    /// Counts the packets that were read and will not be sent any more.
    pub(super) fn close(&mut self, recording: &Recording<'_>) {
        if recording.is_on() {
            recording.read_batch(self.read_at);
            self.batch.with_slices(|slices| self.lanes.record_closing(slices, recording));
        }
        for (peer, datagrams) in self.lanes.waiting_datagrams(|piece| self.batch.piece_len(piece)) {
            self.counters.count_send_drop(OutboundDrop::Closing, datagrams);
            self.peers.table().count_outbound_drops(peer, datagrams);
        }
        self.replies.close(&self.counters, recording);
        self.start_batch();
    }

    /// Forgets the last batch. Its messages refer to its peer table, so the table is only replaced now.
    fn start_batch(&mut self) {
        self.peers.refresh();
        self.last_route = LastRoute::default();
        self.loops.start_batch();
        self.lanes.start_batch(self.peers.table());
        self.batch.pieces.clear();
        self.batch.headers.clear();
        self.batch.filled = 0;
    }

    /// Reads up to `limit` packets. Returns `Drained` if the device is empty, `Moved` if the batch is full,
    /// `Failed` if a read failed. An error means that the device is gone.
    fn fill(&mut self, limit: usize, recording: &Recording<'_>) -> io::Result<Step> {
        let mut count = ReadCount::default();
        let mut result = Ok(Step::Moved);
        for _ in 0..limit {
            if self.batch.filled >= BATCH_BYTES {
                break;
            }
            let error = match self.device.read(self.batch.room()) {
                Ok(len) => {
                    self.enqueue(len, &mut count, recording);
                    continue;
                }
                Err(error) => error,
            };
            result = match Reaction::to(Call::DeviceRead, error.raw_os_error().unwrap_or(0)) {
                Reaction::Repeat => continue,
                Reaction::Await => Ok(Step::Drained),
                Reaction::End => Err(error),
                _ => {
                    self.counters.count_read_error();
                    Ok(Step::Failed)
                }
            };
            break;
        }
        self.packets_read = count.packets;
        self.counters.count_read(count.packets, count.bytes);
        self.counters.count_super_packets_read(count.super_packets, count.split);
        self.counters.count_send_drop(OutboundDrop::Malformed, count.malformed);
        self.counters.count_send_drop(OutboundDrop::NoPeer, count.no_peer);
        self.counters.count_send_drop(OutboundDrop::Unreachable, count.unreachable);
        self.counters.count_send_drop(OutboundDrop::Looped, count.looped);
        self.counters.count_send_drop(OutboundDrop::TooLong, count.too_long);
        self.counters.count_fragmented(count.fragmented);
        result
    }

    /// Queues the packet that the last read put into the arena: `len` bytes at its filled end.
    fn enqueue(&mut self, len: usize, count: &mut ReadCount, recording: &Recording<'_>) {
        let Batch { arena, filled, headers, pieces } = &mut self.batch;
        let (start, end) = (*filled, *filled + len);
        let vnet_len = vnet_len(&self.device);
        let Some(read) = arena.get_mut(start..end) else { return };
        let Some((vnet, frame)) = read.split_at_mut_checked(vnet_len) else { return };
        let layer = self.wire.layer();
        let link_len = layer.ip_offset(frame);
        let packet = frame.get(link_len..).unwrap_or_default();
        // All packets of a super-packet have the same destination.
        let table = self.peers.table();
        if self.loops.is_own(packet, table) {
            let split = prepare(vnet, frame, link_len, headers).unwrap_or(Split::Whole);
            let dropped = (&split, headers.as_slice());
            count.looped += recording.drop_read(frame, dropped, count, OutboundDrop::Looped);
            return;
        }
        let Some(to) = table.route(packet, &mut self.last_route) else {
            let split = prepare(vnet, frame, link_len, headers).unwrap_or(Split::Whole);
            let dropped = (&split, headers.as_slice());
            count.no_peer += recording.drop_read(frame, dropped, count, OutboundDrop::NoPeer);
            self.replies.report(frame, &self.error_sources, |source| {
                icmp::no_peer(&oversize::first(frame, &split, headers), source)
            });
            return;
        };
        let flow = flow::hash_of(layer, frame);
        let Some(lane) = self.lanes.to(to, flow, table) else {
            count.unreachable +=
                recording.drop_read(frame, WHOLE, count, OutboundDrop::Unreachable);
            table.count_outbound_drops(to, 1);
            return;
        };
        let flow = lane.can_segment().then_some(flow);
        let packet_start = start + vnet_len;
        let Ok(split) = prepare(vnet, frame, link_len, headers) else {
            count.malformed += recording.drop_read(frame, WHOLE, count, OutboundDrop::Malformed);
            table.count_outbound_drops(to, 1);
            return;
        };
        let inner_mtu = table.inner_mtu(to);
        if split == Split::Whole
            && let Some(packet) = frame.get_mut(link_len..)
        {
            self.segment_clamp.apply(packet, inner_mtu);
        }
        let packet = frame.get(link_len..).unwrap_or_default();
        let source = self.peers.local(to);
        let envelope = Envelope { to: to.0, class: self.class_policy.of(packet), source };
        let (wire, too_long) = (self.wire, count.too_long);
        let mut sink = Sink { lane, wire, link_len, envelope, flow, inner_mtu, pieces, count };
        if let Some(mtu) = sink.queue(frame, packet_start, &split, headers) {
            table.count_outbound_drops(to, count.too_long - too_long);
            recording.dropped_read(frame, &split, headers, OutboundDrop::TooLong);
            let packet = frame.get(link_len..).unwrap_or_default();
            self.replies.report(packet, &self.error_sources, |source| {
                let first = oversize::first(frame, &split, headers);
                oversize::too_big(&first, link_len, mtu, source)
            });
            return;
        }
        self.batch.filled = end;
    }

    /// Sends the queued messages. Returns the progress.
    fn flush(&mut self, recording: &Recording<'_>) -> SendProgress {
        let Self { batch, lanes, peers, counters, .. } = self;
        batch.with_slices(|slices| lanes.send(slices, peers, counters, recording))
    }

    /// Returns whether the socket with this number is full.
    pub(super) fn is_blocked(&self, socket: usize) -> bool {
        self.lanes.is_blocked(socket)
    }
}

/// Completes a packet or frame with the header in front of it, which is empty on a device without such headers. The IP
/// packet begins at `link_len`.
#[inline]
fn prepare(
    vnet: &[u8],
    frame: &mut [u8],
    link_len: usize,
    headers: &mut Vec<u8>,
) -> Result<Split, SplitError> {
    match vnet.first_chunk() {
        Some(vnet) => split::prepare_frame(&VnetHeader::parse(vnet), frame, link_len, headers),
        None => Ok(Split::Whole),
    }
}

/// Returns the bytes of the header in front of each packet.
fn vnet_len(device: &TunDevice) -> usize {
    if device.has_vnet_header() { VnetHeader::LEN } else { 0 }
}
