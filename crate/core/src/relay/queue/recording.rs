//! Passes packets to the captures, where a queue's counters count them.
//!
//! Packets of the interface are passed when they were sent or dropped, datagrams when they were sent or received, and
//! packets for the interface when they were written or refused. So each packet of a capture is one of the counters, with
//! its cause.

use super::batch::ReadCount;
use super::unwrap::NoPacket;
use crate::capture::{Comment, Outer, Record, Side, Tap, now};
use crate::packet::coalesce::Write;
use crate::packet::split::Split;
use crate::port::coalescing_writer::{DeviceSink, PacketSink};
use crate::relay::stats::{InboundDrop, OutboundDrop};
use crate::sys::mmsg::{MessageShape, Received};
use crate::udp::{Sent, UdpEndpoint};
use socket2::SockAddr;
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::ops::Range;

/// The captures of a queue, in one round of its loop.
pub(super) struct Recording<'a> {
    tap: &'a Tap,
    /// When the packets of the present batch were read from the interface.
    read_at: Cell<u64>,
    /// When the call began that sends or writes the present packets. A reply to them has a later time.
    moved_at: Cell<u64>,
}

const KEEPALIVE: Comment = Comment::Text("keepalive");
const REPLY: Comment = Comment::Text("ICMP error of the relay");
const REPLY_DROPPED: Comment = Comment::Dropped("replies_dropped");

impl<'a> Recording<'a> {
    pub(super) fn new(tap: &'a Tap) -> Self {
        Self { tap, read_at: Cell::new(0), moved_at: Cell::new(0) }
    }

    /// Returns whether anything is captured.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.tap.is_on()
    }

    /// Begins a batch of packets that are read at `time`; 0: now. Returns the time.
    #[inline]
    pub(super) fn read_batch(&self, time: u64) -> u64 {
        if self.is_on() {
            self.read_at.set(if time == 0 { now() } else { time });
        }
        self.read_at.get()
    }

    /// Keeps a message as it was received, before its packets are changed.
    pub(super) fn keep(&self, message: &[u8], original: &mut Vec<u8>) {
        if self.is_on() {
            original.extend_from_slice(message);
        }
    }

    /// Takes the time before a call that sends or writes packets.
    #[inline]
    pub(super) fn begin_call(&self) {
        if self.is_on() {
            self.moved_at.set(now());
        }
    }

    fn inside(&self, side: Side, time: u64, pieces: &[IoSlice<'_>], comment: Comment) {
        self.tap.record(&Record { side, time, pieces, outer: None, comment });
    }

    /// Counts a packet of the interface as read, or each packet of a super-packet, and records it as dropped. `headers`
    /// has the headers of `split`. Returns the number of packets, for the counter of the cause.
    pub(super) fn drop_read(
        &self,
        frame: &[u8],
        (split, headers): (&Split, &[u8]),
        count: &mut ReadCount,
        cause: OutboundDrop,
    ) -> u64 {
        self.dropped_read(frame, split, headers, cause);
        count.add_dropped(frame, split)
    }

    /// Records a packet of the interface that was dropped, or each packet of a super-packet. `headers` has the headers
    /// of `split`.
    pub(super) fn dropped_read(
        &self,
        frame: &[u8],
        split: &Split,
        headers: &[u8],
        cause: OutboundDrop,
    ) {
        if !self.is_on() {
            return;
        }
        let (side, time) = (Side::InsideOutbound, self.read_at.get());
        let comment = Comment::Dropped(cause.name());
        match split {
            Split::Whole => self.inside(side, time, &[IoSlice::new(frame)], comment),
            Split::Segments(plan) => {
                for (header, payload) in plan.segments() {
                    let header = headers.get(header).unwrap_or_default();
                    let payload = frame.get(payload).unwrap_or_default();
                    let pieces = [IoSlice::new(header), IoSlice::new(payload)];
                    self.inside(side, time, &pieces, comment);
                }
            }
        }
    }

    /// Records the packets of a message that was not sent.
    pub(super) fn dropped_message(
        &self,
        shape: &MessageShape,
        slices: &[IoSlice<'_>],
        cause: OutboundDrop,
    ) {
        let comment = Comment::Dropped(cause.name());
        for datagram in datagrams(shape, slices) {
            self.inside(Side::InsideOutbound, self.read_at.get(), datagram, comment);
        }
    }

    /// Records the packets of messages that were sent or dropped, and the datagrams that were sent.
    pub(super) fn sent(
        &self,
        messages: &[Sent],
        slices: &[IoSlice<'_>],
        endpoint: &UdpEndpoint,
        destinations: &[SockAddr],
    ) {
        for Sent { shape, cause, .. } in messages {
            let comment = cause
                .map_or(Comment::None, |cause| Comment::Dropped(OutboundDrop::from(cause).name()));
            for datagram in datagrams(shape, slices) {
                self.inside(Side::InsideOutbound, self.read_at.get(), datagram, comment);
            }
        }
        self.datagrams_sent(messages, slices, (endpoint, destinations), Comment::None);
    }

    /// Records keepalives that were sent.
    pub(super) fn keepalives(
        &self,
        messages: &[Sent],
        slices: &[IoSlice<'_>],
        endpoint: &UdpEndpoint,
        destinations: &[SockAddr],
    ) {
        self.datagrams_sent(messages, slices, (endpoint, destinations), KEEPALIVE);
    }

    fn datagrams_sent(
        &self,
        messages: &[Sent],
        slices: &[IoSlice<'_>],
        (endpoint, destinations): (&UdpEndpoint, &[SockAddr]),
        comment: Comment,
    ) {
        let time = self.moved_at.get();
        let mut local = endpoint.local();
        for Sent { shape, .. } in messages.iter().filter(|message| message.cause.is_none()) {
            let destination = destinations.get(shape.to as usize).and_then(SockAddr::as_socket);
            let Some(destination) = destination else { continue };
            if let Some(source) = shape.source {
                local.set_ip(source);
            }
            let class = shape.class.unwrap_or(endpoint.class());
            let outer = Some(Outer { source: local, destination, class });
            for pieces in datagrams(shape, slices) {
                let side = Side::OutsideOutbound;
                self.tap.record(&Record { side, time, pieces, outer, comment });
            }
        }
    }

    /// Records a datagram that was received, and whether its packet was found.
    pub(super) fn received(
        &self,
        payload: &[u8],
        (message, endpoint): (&Received, &UdpEndpoint),
        found: &Result<Range<usize>, NoPacket>,
    ) {
        let comment = match found {
            Ok(_) => Comment::None,
            Err(NoPacket::Keepalive) => KEEPALIVE,
            Err(NoPacket::Dropped(cause)) => Comment::Dropped(cause.name()),
        };
        let mut destination = endpoint.local();
        if let Some(local) = message.local {
            destination.set_ip(local);
        }
        let unknown = || std::net::SocketAddr::new(destination.ip(), 0);
        let source = message.source.unwrap_or_else(unknown);
        let outer = Some(Outer { source, destination, class: message.class });
        let time = self.moved_at.get();
        let (side, pieces) = (Side::OutsideInbound, &[IoSlice::new(payload)]);
        self.tap.record(&Record { side, time, pieces, outer, comment });
    }

    /// Records a packet that the interface refused, or that is not written any more.
    pub(super) fn refused(&self, buffer: &[u8], packet: &Range<usize>, cause: InboundDrop) {
        if self.is_on() {
            self.for_interface(buffer, packet, Comment::Dropped(cause.name()));
        }
    }

    fn for_interface(&self, buffer: &[u8], packet: &Range<usize>, comment: Comment) {
        let (packet, time) = (packet.clone(), self.moved_at.get());
        let packet = buffer.get(packet).unwrap_or_default();
        self.inside(Side::InsideInbound, time, &[IoSlice::new(packet)], comment);
    }

    /// Records an ICMP error of the relay, which the interface took or did not.
    pub(super) fn reply(&self, packet: &[u8], is_written: bool) {
        if self.is_on() {
            let comment = if is_written { REPLY } else { REPLY_DROPPED };
            let time = self.moved_at.get();
            self.inside(Side::InsideInbound, time, &[IoSlice::new(packet)], comment);
        }
    }
}

/// Returns the datagrams of a message, each as its slices. A slice belongs to one datagram.
fn datagrams<'s>(
    shape: &MessageShape,
    slices: &'s [IoSlice<'s>],
) -> impl Iterator<Item = &'s [IoSlice<'s>]> {
    let mut rest = slices.get(shape.slices.clone()).unwrap_or_default();
    let segment_size = shape.segment_size.map_or(usize::MAX, usize::from);
    let mut is_first = true;
    std::iter::from_fn(move || {
        // A datagram without slices is one too.
        if rest.is_empty() && !is_first {
            return None;
        }
        is_first = false;
        let (mut len, mut count) = (0, 0);
        while let Some(slice) = rest.get(count).filter(|_| len < segment_size) {
            len += slice.len();
            count += 1;
        }
        let (datagram, others) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        rest = others;
        Some(datagram)
    })
}

/// A device that passes the packets that it takes to the captures.
pub(super) struct RecordingSink<'a> {
    pub(super) device: DeviceSink<'a>,
    pub(super) recording: &'a Recording<'a>,
}

impl PacketSink for RecordingSink<'_> {
    fn put_single(&self, buffer: &[u8], range: Range<usize>) -> io::Result<()> {
        self.device.put_single(buffer, range.clone())?;
        self.recording.for_interface(buffer, &range, Comment::None);
        Ok(())
    }

    fn put_joined(&self, write: &Write<'_>, buffer: &[u8]) -> io::Result<()> {
        self.device.put_joined(write, buffer)?;
        for packet in write.singles() {
            self.recording.for_interface(buffer, &packet, Comment::None);
        }
        Ok(())
    }
}
