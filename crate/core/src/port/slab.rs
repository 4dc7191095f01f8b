//! Memory that is filled with packets, end to end.

use crate::device::MAX_READ;

/// The place for packets: they are stored end to end in `slab`, from `start` on.
#[derive(Debug)]
pub struct Space<'a> {
    /// The memory for the packets.
    pub slab: &'a mut [u8],
    /// The boundaries of the packets: the first packet begins at `offsets[0]`, packet n (counted from 0) ends at
    /// `offsets[n + 1]`.
    pub offsets: &'a mut [u32],
    /// Where the first packet begins, bytes.
    pub start: usize,
    /// The maximum number of packets.
    pub max_packets: usize,
}

/// A space that is being filled.
pub(super) struct Filling<'a> {
    room: Space<'a>,
    filled: usize,
    count: usize,
    limit: usize,
}

impl<'a> Filling<'a> {
    /// Creates an empty filling of `room`.
    pub(super) fn new(room: Space<'a>) -> Self {
        let limit = room.max_packets.min(room.offsets.len().saturating_sub(1));
        let mut filling = Self { filled: room.start, count: 0, limit, room };
        filling.mark();
        filling
    }

    /// Returns the number of packets stored.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns the bytes of the packets stored.
    pub(super) fn bytes(&self) -> usize {
        self.filled - self.room.start
    }

    /// Returns whether the maximum number of packets is stored.
    pub(super) fn is_full(&self) -> bool {
        self.count >= self.limit
    }

    /// Returns the number of packets that may still be stored.
    pub(super) fn wanted(&self) -> usize {
        self.limit - self.count
    }

    /// Records where the last packet ends.
    fn mark(&mut self) {
        if let Some(offset) = self.room.offsets.get_mut(self.count) {
            *offset = self.filled as u32;
        }
    }

    /// Adds a packet of `len` bytes, which lies behind the last one.
    pub(super) fn advance(&mut self, len: usize) {
        self.filled += len;
        self.count += 1;
        self.mark();
    }

    /// Returns the unused part of the slab.
    pub(super) fn rest(&mut self) -> &mut [u8] {
        self.room.slab.get_mut(self.filled..).unwrap_or_default()
    }

    /// Returns space for any one packet.
    pub(super) fn space(&mut self) -> Option<&mut [u8]> {
        Some(self.rest()).filter(|space| space.len() >= MAX_READ)
    }

    /// Returns space for any one packet, which begins `header_len` bytes before the packet's place.
    pub(super) fn place_behind(&mut self, header_len: usize) -> Option<&mut [u8]> {
        if self.count == 0 && self.filled < header_len {
            (self.room.start, self.filled) = (header_len, header_len);
            self.mark();
        }
        let start = self.filled.checked_sub(header_len)?;
        self.room.slab.get_mut(start..).filter(|space| space.len() >= MAX_READ)
    }

    /// Copies a packet into the slab. Returns `false` if there is no space for it.
    pub(super) fn push(&mut self, parts: &[&[u8]]) -> bool {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if self.is_full() {
            return false;
        }
        let Some(mut space) = self.room.slab.get_mut(self.filled..self.filled + len) else {
            return false;
        };
        for part in parts {
            let Some((to, rest)) = space.split_at_mut_checked(part.len()) else { return false };
            to.copy_from_slice(part);
            space = rest;
        }
        self.advance(len);
        true
    }
}
