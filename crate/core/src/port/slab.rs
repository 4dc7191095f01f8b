//! Memory that is filled with packets, end to end.

use crate::device::MAX_READ;

/// Where packets go: end to end into `slab` from `start` on.
#[derive(Debug)]
pub struct Space<'a> {
    /// Memory for the packets.
    pub slab: &'a mut [u8],
    /// `offsets[0]` becomes where the first packet begins, `offsets[n + 1]` where the n-th ends.
    pub offsets: &'a mut [u32],
    /// Where the first packet is to begin, bytes.
    pub start: usize,
    /// Packets wanted at the most.
    pub max_packets: usize,
}

/// A room that is being filled.
pub(super) struct Filling<'a> {
    room: Space<'a>,
    filled: usize,
    count: usize,
    limit: usize,
}

impl<'a> Filling<'a> {
    /// Begins with an empty room.
    pub(super) fn new(room: Space<'a>) -> Self {
        let limit = room.max_packets.min(room.offsets.len().saturating_sub(1));
        let mut filling = Self { filled: room.start, count: 0, limit, room };
        filling.mark();
        filling
    }

    /// Packets so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> usize {
        self.filled - self.room.start
    }

    /// Whether there are as many packets as are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.count >= self.limit
    }

    /// How many more are wanted.
    pub(super) fn wanted(&self) -> usize {
        self.limit - self.count
    }

    /// Notes where the last packet ends.
    fn mark(&mut self) {
        if let Some(offset) = self.room.offsets.get_mut(self.count) {
            *offset = self.filled as u32;
        }
    }

    /// Takes in a packet of so many bytes, which lies behind the last one.
    pub(super) fn advance(&mut self, len: usize) {
        self.filled += len;
        self.count += 1;
        self.mark();
    }

    /// What is not in use.
    pub(super) fn rest(&mut self) -> &mut [u8] {
        self.room.slab.get_mut(self.filled..).unwrap_or_default()
    }

    /// Space for any one packet.
    pub(super) fn space(&mut self) -> Option<&mut [u8]> {
        Some(self.rest()).filter(|space| space.len() >= MAX_READ)
    }

    /// Space for any one packet, from as many bytes before it as its header has.
    pub(super) fn place_behind(&mut self, header_len: usize) -> Option<&mut [u8]> {
        if self.count == 0 && self.filled < header_len {
            (self.room.start, self.filled) = (header_len, header_len);
            self.mark();
        }
        let start = self.filled.checked_sub(header_len)?;
        self.room.slab.get_mut(start..).filter(|space| space.len() >= MAX_READ)
    }

    /// Copies a packet in, or answers that there is no room for it.
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
