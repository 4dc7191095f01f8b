//! Peer to interface: receive a batch, split GSO batches, coalesce packets, write. Everything that comes
//! from the network is hostile until checked.

use super::packet_writer::PacketWriter;
use super::recording::Recording;
use super::segment_clamp::SegmentClamp;
use super::step::{Failure, Step, StepReport};
use super::unwrap::{NoPacket, datagrams_of, decapsulate_ecn, packet_in};
use crate::packet::ecn;
use crate::packet::mss;
use crate::port::coalescing_writer::{CoalescingChange, WriteProgress};
use crate::relay::config::MssClamp;
use crate::relay::fallback::Fallback;
use crate::relay::peers::{LastRoute, PeerIndex, PeerTable, PeerView, ReceiveCount};
use crate::relay::setup::FlowShare;
use crate::relay::stats::{Counters, InboundDrop};
use crate::relay::wire::Wire;
use crate::sys::memory;
use crate::sys::mmsg::Received;
use crate::sys::socket::ErrorReport;
use crate::udp::UdpReceiver;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

/// Messages received by one call, at most.
pub(super) const BATCH_MESSAGES: usize = 16;

/// The inbound half of a relay's queue.
pub(super) struct Inbound {
    receiver: UdpReceiver,
    peers: PeerView,
    wire: Wire,
    writer: PacketWriter,
    counters: Arc<Counters>,
    /// The last messages received were a single datagram.
    is_quiet: bool,
    /// The flows that come here.
    share: FlowShare,
    segment_clamp: SegmentClamp,
    /// The SYNs of the current batch, and their peers.
    syns: Vec<(Range<usize>, Option<PeerIndex>)>,
    /// The messages of the current batch. The memory is kept.
    messages: Vec<Received>,
    /// For captures, a message as received whose packets were changed. The memory is kept.
    original: Vec<u8>,
}

/// Findings about received messages, in addition to their packets.
#[derive(Clone, Copy, Debug, Default)]
struct Sorted {
    /// One is the first GSO batch with a flow of another queue.
    is_misdirected: bool,
    /// One is from the peer's address on another interface.
    is_peer_lost: bool,
    /// The source of the last one that is not a peer's.
    foreign: Option<IpAddr>,
}

impl Inbound {
    pub(super) fn new(
        receiver: UdpReceiver,
        peers: PeerView,
        writer: PacketWriter,
        counters: Arc<Counters>,
    ) -> Self {
        let wire = Wire::default();
        Self {
            receiver,
            peers,
            wire,
            writer,
            counters,
            is_quiet: true,
            share: FlowShare::ALL,
            segment_clamp: SegmentClamp::new(MssClamp::Off, 0, wire),
            syns: Vec::new(),
            messages: Vec::new(),
            original: Vec::new(),
        }
    }

    /// The same with the MSS of SYNs lowered.
    pub(super) fn with_segment_clamp(self, segment_clamp: SegmentClamp) -> Self {
        Self { segment_clamp, ..self }
    }

    /// The same for datagrams of this format.
    pub(super) fn for_wire(self, wire: Wire) -> Self {
        Self { wire, ..self }
    }

    /// The same for a queue that only these flows should come to.
    pub(super) fn for_share(self, share: FlowShare) -> Self {
        Self { share, ..self }
    }

    /// Receives and writes one batch. With `single_packet`, receives a single message and lets the next
    /// wait find any others. Errors are those that end the relay.
    pub(super) fn step(
        &mut self,
        single_packet: bool,
        recording: &Recording<'_>,
    ) -> Result<StepReport, Failure> {
        let limit = if single_packet { 1 } else { BATCH_MESSAGES };
        let (mut is_drained, mut sorted) = (false, Sorted::default());
        if self.writer.is_done() {
            self.writer.packets().restart();
            self.peers.refresh();
            let mut errors = Vec::new();
            let received = self.receiver.receive(limit, &mut errors);
            self.note_errors(&errors);
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(StepReport::of(Step::Drained));
                }
                Err(_) => {
                    self.counters.count_receive_error();
                    return Ok(StepReport::of(Step::Failed));
                }
                Ok(count) => {
                    is_drained = count < BATCH_MESSAGES;
                    sorted = self.sort(count, recording);
                }
            }
        }
        let written = self.writer.write(self.receiver.buffer(), &self.counters, recording);
        let step = match written {
            Ok(WriteProgress::Done) if is_drained => Step::Drained,
            Ok(WriteProgress::Done) => Step::Moved,
            Ok(WriteProgress::Blocked) => Step::Blocked,
            Err(error) => return Err(Failure { operation: "write to", syscall: "writev", error }),
        };
        let fallback = self.writer.take_change().map(|change| match change {
            CoalescingChange::Off { errno } => Fallback::Coalesce(errno),
            CoalescingChange::On => Fallback::CoalesceAgain,
        });
        let fallback =
            fallback.or_else(|| self.receiver.regains_gro().then_some(Fallback::GroAgain));
        let Sorted { is_misdirected, is_peer_lost, foreign } = sorted;
        Ok(StepReport { step, fallback, is_misdirected, is_peer_lost, foreign })
    }

    /// Whether the last messages received were a single datagram.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Returns whether a peer has an endpoint of this address family, as of the last batch.
    #[inline]
    pub(super) fn is_expecting(&self, is_ipv4: bool) -> bool {
        self.peers.table().has_family(is_ipv4)
    }

    /// Takes note of the errors of datagrams sent earlier.
    pub(super) fn take_errors(&mut self) {
        let mut errors = Vec::new();
        self.receiver.drain_errors(&mut errors);
        self.note_errors(&errors);
    }

    /// Returns whether the packet at `packet` is of a flow of this queue.
    fn has_flow_of(&self, buffer: &[u8], packet: &Range<usize>) -> bool {
        self.share.has(bytes_of(buffer, packet), self.wire.layer())
    }

    fn note_errors(&self, errors: &[ErrorReport]) {
        self.counters.count_errors(errors);
        self.peers.table().note_errors(errors);
    }

    /// Returns whether the packet at `packet` is a TCP SYN with options.
    #[inline]
    fn is_syn(&self, packet: &Range<usize>) -> bool {
        let bytes = bytes_of(self.receiver.buffer(), packet);
        mss::is_syn(self.wire.layer().ip_packet(bytes))
    }

    /// Lowers the MSS of the SYNs received. None of them is part of a super-packet.
    fn clamp_syns(&mut self) {
        for (packet, peer) in self.syns.drain(..) {
            let inner_mtu = peer.and_then(|peer| self.peers.table().inner_mtu(peer));
            let start = self.wire.layer().ip_offset(bytes_of(self.receiver.buffer(), &packet));
            let packet = self.receiver.buffer_mut().get_mut(packet.start + start..packet.end);
            if let Some(packet) = packet {
                self.segment_clamp.apply(packet, inner_mtu);
            }
        }
    }

    /// Writes what waits, without receiving. Returns whether nothing waits any more.
    pub(super) fn finish(&mut self, recording: &Recording<'_>) -> bool {
        self.writer.is_done()
            || !matches!(
                self.writer.write(self.receiver.buffer(), &self.counters, recording),
                Ok(WriteProgress::Blocked)
            )
    }

    /// Returns the memory of the last batch to the kernel if all of it was written.
    pub(super) fn release_memory(&mut self) {
        if self.writer.is_done() {
            memory::release(self.receiver.buffer_mut());
        }
    }

    /// Counts what was received and will not be written any more.
    pub(super) fn close(&mut self, recording: &Recording<'_>) {
        self.writer.close(self.receiver.buffer(), &self.counters, recording);
    }

    /// Splits the first `messages` received messages into packets, drops invalid ones, and queues the
    /// rest for coalescing.
    fn sort(&mut self, messages: usize, recording: &Recording<'_>) -> Sorted {
        let (mut datagrams, mut bytes, mut sorted) = (0, 0, Sorted::default());
        recording.begin_call();
        let (table, mut last) = (self.peers.table(), LastRoute::default());
        let now = table.counting_time();
        self.messages.clear();
        self.messages.extend(self.receiver.messages());
        for message in &self.messages {
            let peer = table.of_source(message.source);
            self.original.clear();
            if ecn::may_change(message.class) && peer.is_some() {
                let received = bytes_of(self.receiver.buffer(), &message.range);
                recording.keep(received, &mut self.original);
                let changed = decapsulate_ecn(self.receiver.buffer_mut(), message, self.wire);
                self.counters.count_ecn_changes(changed);
            }
            let buffer = self.receiver.buffer();
            if peer.is_none() {
                sorted.is_peer_lost |= table.is_elsewhere(message.source);
                sorted.foreign = message.source.map(|source| source.ip());
            }
            let is_of_batch = message.segment_size.is_some();
            let mut count = ReceiveCount::default();
            for datagram in datagrams_of(message) {
                count.datagrams += 1;
                count.bytes += datagram.len() as u64;
                let found = match peer {
                    None => Err(InboundDrop::ForeignSource.into()),
                    Some(peer) => packet_in(buffer, message, datagram.clone(), self.wire)
                        .and_then(|packet| permitted(table, peer, buffer, packet, &mut last)),
                };
                if recording.is_on() {
                    self.record(message, &datagram, &found, recording);
                }
                match found {
                    Err(none) => self.count_none(none, &mut count),
                    Ok(packet) if !self.segment_clamp.is_off() && self.is_syn(&packet) => {
                        self.syns.push((packet.clone(), peer));
                        self.writer.packets().push(buffer, packet);
                    }
                    Ok(packet) if messages == 1 && !is_of_batch => {
                        self.writer.packets().push_single(packet)
                    }
                    Ok(packet) => {
                        sorted.is_misdirected |= is_of_batch && !self.has_flow_of(buffer, &packet);
                        self.writer.packets().push(buffer, packet);
                    }
                }
            }
            datagrams += count.datagrams;
            bytes += count.bytes;
            self.note_message(peer, message, &count, now);
        }
        self.writer.packets().finish(self.receiver.buffer());
        self.clamp_syns();
        self.is_quiet = datagrams == 1;
        self.counters.count_received(datagrams, bytes);
        if sorted.is_misdirected {
            self.share = FlowShare::ALL;
        }
        sorted
    }
}

/// Returns the packet at `packet` if `peer` may send from its source.
#[inline]
fn permitted(
    table: &PeerTable,
    peer: PeerIndex,
    buffer: &[u8],
    packet: Range<usize>,
    last: &mut LastRoute<PeerIndex>,
) -> Result<Range<usize>, NoPacket> {
    match table.permits(peer, bytes_of(buffer, &packet), last) {
        true => Ok(packet),
        false => Err(InboundDrop::ForeignPrefix.into()),
    }
}

/// Returns the bytes of the packet at `packet`.
#[inline]
fn bytes_of<'a>(buffer: &'a [u8], packet: &Range<usize>) -> &'a [u8] {
    buffer.get(packet.clone()).unwrap_or_default()
}

mod findings;
