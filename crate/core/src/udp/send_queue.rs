//! Messages to send. A message is a datagram, or a GSO batch of datagrams of one size and one destination.

use crate::sys::mmsg::MessageShape;
use std::net::IpAddr;
use std::ops::Range;

/// Maximum number of datagrams in a GSO batch: `UDP_MAX_SEGMENTS` of kernels before 6.9 (include/linux/udp.h). Newer
/// kernels accept 128.
pub const MAX_SEGMENTS: usize = 64;

/// The messages to send, in order: each is a datagram or a GSO batch of datagrams (udp(7), `UDP_SEGMENT`).
///
/// A datagram is pushed as the range of the slices that hold its bytes. Consecutive datagrams of one flow, one
/// destination, one traffic class and equal length are coalesced into a GSO batch. A shorter datagram may end the batch.
///
/// A GSO batch carries one flow. A receiver with several queues gets the whole batch on one of them; packets of
/// another flow in the batch could overtake packets on that flow's own queue, or be overtaken by them. The key
/// includes the destination, because flow numbers have 16 bits and may be equal for different peers.
#[derive(Debug)]
pub struct SendQueue {
    shapes: Vec<MessageShape>,
    next: usize,
    open: Option<OpenBatch>,
    max_batch_bytes: usize,
}

/// Where a datagram goes, and the fields of its IP header that the sender decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Index of the destination.
    pub to: u32,
    /// Traffic class; `None`: that of the socket.
    pub class: Option<u8>,
    /// Source address; `None`: the kernel chooses it.
    pub source: Option<IpAddr>,
}

/// The properties that all datagrams of a GSO batch share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BatchKey {
    flow: u16,
    to: u32,
    class: Option<u8>,
}

/// The GSO batch at the end of the queue that may still grow.
#[derive(Debug)]
struct OpenBatch {
    key: BatchKey,
    segment_len: usize,
    segments: usize,
    len: usize,
}

impl SendQueue {
    /// Creates a queue whose GSO batches hold at most `max_batch_bytes` bytes.
    #[must_use]
    pub fn new(max_batch_bytes: usize) -> Self {
        Self { shapes: Vec::new(), next: 0, open: None, max_batch_bytes }
    }

    /// Adds a datagram of `len` bytes, held by `slices`. It may share a GSO batch with datagrams of the same `flow`,
    /// destination and traffic class. `None`: it is a message of its own.
    pub fn push(
        &mut self,
        slices: Range<usize>,
        len: usize,
        envelope: Envelope,
        flow: Option<u16>,
    ) {
        let Envelope { to, class, source } = envelope;
        let key = flow.map(|flow| BatchKey { flow, to, class });
        if key.is_some_and(|key| self.try_append(&slices, len, key)) {
            return;
        }
        self.shapes.push(MessageShape { slices, segment_size: None, to, class, source });
        // A datagram without payload is a message of its own: the kernel takes a segment size of 0 as "no segments".
        self.open = key.filter(|_| len > 0).map(|key| OpenBatch {
            key,
            segment_len: len,
            segments: 1,
            len,
        });
    }

    fn try_append(&mut self, slices: &Range<usize>, len: usize, key: BatchKey) -> bool {
        let (Some(open), Some(shape)) = (&mut self.open, self.shapes.last_mut()) else {
            return false;
        };
        let fits = len > 0
            && key == open.key
            && slices.start == shape.slices.end
            && len <= open.segment_len
            && open.segments < MAX_SEGMENTS
            && open.len + len <= self.max_batch_bytes;
        let Ok(segment_size) = u16::try_from(open.segment_len) else { return false };
        if !fits {
            return false;
        }
        open.segments += 1;
        open.len += len;
        shape.slices.end = slices.end;
        shape.segment_size = Some(segment_size);
        if len < open.segment_len {
            self.open = None;
        }
        true
    }

    /// Returns whether every message was sent or dropped.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.next >= self.shapes.len()
    }

    /// Returns the messages that wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> &[MessageShape] {
        self.shapes.get(self.next..).unwrap_or_default()
    }

    /// Returns the destination of each message still queued, and the number of its datagrams. `slice_len` returns the
    /// length of a slice by its index, bytes.
    pub fn waiting_datagrams(
        &self,
        slice_len: impl Fn(usize) -> usize,
    ) -> impl Iterator<Item = (u32, u64)> {
        self.waiting().iter().map(move |shape| {
            let bytes = shape.slices.clone().map(&slice_len).sum();
            (shape.to, datagrams(shape, bytes))
        })
    }

    /// Skips the first `count` waiting messages, which were sent or dropped.
    pub(super) fn advance(&mut self, count: usize) {
        self.next += count;
    }

    /// Replaces the first waiting message, a GSO batch, by its datagrams.
    ///
    /// `slice_len` returns the length of a slice by its index, bytes.
    pub(super) fn break_up_first(&mut self, slice_len: impl Fn(usize) -> usize) {
        let Some(batch) = self.shapes.get(self.next).cloned() else { return };
        let Some(segment_size) = batch.segment_size.map(usize::from) else { return };
        let mut singles = Vec::with_capacity(MAX_SEGMENTS);
        let mut start = batch.slices.start;
        let mut len = 0;
        for slice in batch.slices.clone() {
            len += slice_len(slice);
            if len >= segment_size || slice + 1 == batch.slices.end {
                singles.push(MessageShape {
                    slices: start..slice + 1,
                    segment_size: None,
                    ..batch.clone()
                });
                start = slice + 1;
                len = 0;
            }
        }
        self.shapes.splice(self.next..=self.next, singles);
        self.open = None;
    }

    /// Sets the source address of the first waiting message, and returns the one that it had.
    pub(super) fn replace_source(&mut self, source: Option<IpAddr>) -> Option<IpAddr> {
        let first = self.shapes.get_mut(self.next)?;
        std::mem::replace(&mut first.source, source)
    }

    /// Removes this source address from the waiting messages.
    pub(super) fn forget_source(&mut self, source: IpAddr) {
        for shape in self.shapes.iter_mut().skip(self.next) {
            if shape.source == Some(source) {
                shape.source = None;
            }
        }
    }

    /// Removes all messages and keeps the memory.
    pub fn clear(&mut self) {
        self.shapes.clear();
        self.next = 0;
        self.open = None;
    }
}

/// Returns the number of datagrams in a message of `bytes` bytes.
pub(super) fn datagrams(shape: &MessageShape, bytes: usize) -> u64 {
    shape.segment_size.map_or(1, |size| bytes.div_ceil(usize::from(size).max(1)) as u64)
}

#[cfg(test)]
mod tests;
