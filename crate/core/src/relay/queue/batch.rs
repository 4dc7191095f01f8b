//! A batch of packets read, and the queue that its packets go to.

use super::lanes::Lane;
use super::oversize::{self, Oversized};
use crate::packet::split::{Split, SplitPlan};
use crate::relay::wire::Wire;
use crate::udp::Envelope;
use std::io::IoSlice;
use std::ops::Range;

/// The packets read, and the pieces that datagrams are gathered from.
pub(super) struct Batch {
    pub(super) arena: Vec<u8>,
    /// Bytes of the arena that are in use.
    pub(super) filled: usize,
    /// Headers of the packets that super-packets are split into, and of fragments.
    pub(super) headers: Vec<u8>,
    pub(super) pieces: Vec<Piece>,
}

/// A part of a datagram.
pub(super) enum Piece {
    /// A range of the arena: a packet, or the payload of one.
    Read(Range<usize>),
    /// A range of the generated headers.
    Made(Range<usize>),
}

/// The counts of a read, for the counters.
#[derive(Default)]
pub(super) struct ReadCount {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) super_packets: u64,
    pub(super) split: u64,
    pub(super) malformed: u64,
    pub(super) no_peer: u64,
    pub(super) unreachable: u64,
    pub(super) looped: u64,
    pub(super) too_long: u64,
    pub(super) fragmented: u64,
}

/// The queue of the packets of one read.
pub(super) struct Sink<'a> {
    pub(super) lane: &'a mut Lane,
    pub(super) wire: Wire,
    /// Bytes of the frame in front of the IP packet that was read; 0 if packets are not in frames.
    pub(super) link_len: usize,
    pub(super) envelope: Envelope,
    pub(super) flow: Option<u16>,
    /// The longest packet or frame that the path carries, bytes; `None`: no limit was reported.
    pub(super) inner_mtu: Option<u32>,
    pub(super) pieces: &'a mut Vec<Piece>,
    pub(super) count: &'a mut ReadCount,
}

impl Batch {
    /// Returns the space for the next read.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.arena.get_mut(self.filled..).unwrap_or_default()
    }

    /// Calls `use_slices` with the bytes of each piece.
    #[inline]
    pub(super) fn with_slices<T>(&self, use_slices: impl FnOnce(&[IoSlice<'_>]) -> T) -> T {
        let Self { arena, headers, pieces, .. } = self;
        let bytes = |piece: &Piece| match piece {
            Piece::Read(range) => arena.get(range.clone()),
            Piece::Made(range) => headers.get(range.clone()),
        };
        let slice = |piece: &Piece| IoSlice::new(bytes(piece).unwrap_or_default());
        if let [only] = pieces.as_slice() {
            return use_slices(&[slice(only)]);
        }
        let slices: Vec<IoSlice<'_>> = pieces.iter().map(slice).collect();
        use_slices(&slices)
    }

    pub(super) fn piece_len(&self, piece: usize) -> usize {
        self.pieces.get(piece).map_or(0, Piece::len)
    }
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Read(range) | Self::Made(range) => range.len(),
        }
    }
}

impl ReadCount {
    pub(super) fn add(&mut self, len: usize) {
        self.packets += 1;
        self.bytes += len as u64;
    }

    /// Counts a packet that was read, or each packet of a super-packet. Returns their number.
    fn add_all(&mut self, packet: &[u8], split: &Split) -> u64 {
        let before = self.packets;
        match split {
            Split::Whole => self.add(packet.len()),
            Split::Segments(plan) => {
                plan.segments().for_each(|(header, payload)| self.add(header.len() + payload.len()))
            }
        }
        self.packets - before
    }

    /// Counts a read that is a super-packet.
    #[inline]
    fn note_split(&mut self, split: &Split) {
        if let Split::Segments(plan) = split {
            self.super_packets += 1;
            self.split += plan.count() as u64;
        }
    }

    /// Counts a packet, or each packet of a super-packet, as read. Returns their number, for the cause of their drop.
    pub(super) fn add_dropped(&mut self, packet: &[u8], split: &Split) -> u64 {
        self.note_split(split);
        self.add_all(packet, split)
    }
}

impl Sink<'_> {
    /// Queues a packet or frame that was read to offset `start` of the arena, split as planned. If it is too long for the path
    /// and may not be fragmented, it is dropped; returns the MTU for the ICMP error about it, bytes.
    pub(super) fn queue(
        &mut self,
        packet: &[u8],
        start: usize,
        split: &Split,
        headers: &mut Vec<u8>,
    ) -> Option<u32> {
        self.count.note_split(split);
        if let Some(mtu) = self.inner_mtu {
            let (longest, link_len) = (oversize::longest(packet, split), self.link_len);
            let limit = oversize::limit(packet, link_len, mtu);
            if longest > limit {
                let oversized = Oversized { packet, link_len, start, split, limit };
                let Some(fragments) = oversized.fragments(headers) else {
                    self.drop_too_long(packet, split);
                    return Some(limit.saturating_sub(link_len) as u32);
                };
                self.fragments(fragments);
                return None;
            }
            if longest > mtu as usize {
                // This is an IPv6 packet that the path carries in fragments only.
                self.lane.allow_fragments();
            }
        }
        match split {
            Split::Whole => self.push(packet.len(), [Piece::Read(start..start + packet.len())]),
            Split::Segments(plan) => self.segments(plan, start),
        }
        None
    }

    /// Queues a packet of `len` bytes that is gathered from `pieces`.
    #[inline]
    fn push<const N: usize>(&mut self, len: usize, pieces: [Piece; N]) {
        let first = self.pieces.len();
        self.pieces.extend(pieces);
        self.lane.queue().push(first..first + N, self.wire.seal(len), self.envelope, self.flow);
        self.count.add(len);
    }

    /// Queues the packets of a super-packet that begins at `start` of the arena.
    fn segments(&mut self, plan: &SplitPlan, start: usize) {
        for (header, payload) in plan.segments() {
            let len = header.len() + payload.len();
            let payload = start + payload.start..start + payload.end;
            self.push(len, [Piece::Made(header), Piece::Read(payload)]);
        }
    }

    fn fragments(&mut self, fragments: Vec<[Piece; 3]>) {
        self.count.fragmented += 1;
        for pieces in fragments {
            self.push(pieces.iter().map(Piece::len).sum(), pieces);
        }
    }

    /// Counts a packet, or each packet of a super-packet, as read and dropped.
    fn drop_too_long(&mut self, packet: &[u8], split: &Split) {
        self.count.too_long += self.count.add_all(packet, split);
    }
}
