//! Messages to send. A message is a datagram, or a GSO batch of datagrams of one size and one destination.

use crate::sys::mmsg::MessageShape;
use std::ops::Range;

/// Maximum number of datagrams in a GSO batch: `UDP_MAX_SEGMENTS` of kernels before 6.9 (include/linux/udp.h). Newer
/// kernels accept 128.
pub const MAX_SEGMENTS: usize = 64;

/// The messages to send, in order: each is a datagram or a GSO batch of datagrams (udp(7), `UDP_SEGMENT`).
///
/// A datagram is pushed as the range of the slices that hold its bytes. Consecutive datagrams of one flow, one
/// destination and equal length are coalesced into a GSO batch. A shorter datagram may end the batch.
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

/// The properties that all datagrams of a GSO batch share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BatchKey {
    flow: u16,
    to: u32,
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

    /// Adds a datagram of `len` bytes, held by `slices`, for the destination with index `to`. It may share a GSO
    /// batch with datagrams of the same `flow`. `None`: it is a message of its own.
    pub fn push(&mut self, slices: Range<usize>, len: usize, to: u32, flow: Option<u16>) {
        let key = flow.map(|flow| BatchKey { flow, to });
        if key.is_some_and(|key| self.try_append(&slices, len, key)) {
            return;
        }
        self.shapes.push(MessageShape { slices, segment_size: None, to });
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
    pub(super) fn waiting(&self) -> &[MessageShape] {
        self.shapes.get(self.next..).unwrap_or_default()
    }

    /// Returns the number of datagrams still queued. `slice_len` returns the length of a slice by its index,
    /// bytes.
    #[must_use]
    pub fn waiting_datagrams(&self, slice_len: impl Fn(usize) -> usize) -> u64 {
        let bytes = |shape: &MessageShape| shape.slices.clone().map(&slice_len).sum();
        self.waiting().iter().map(|shape| datagrams(shape, bytes(shape))).sum()
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
                    to: batch.to,
                });
                start = slice + 1;
                len = 0;
            }
        }
        self.shapes.splice(self.next..=self.next, singles);
        self.open = None;
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 65_507;

    /// Pushes datagrams of one slice each, given as length, destination and flow.
    fn queue(datagrams: &[(usize, u32, Option<u16>)]) -> SendQueue {
        let mut queue = SendQueue::new(MAX);
        for (slice, (len, to, flow)) in datagrams.iter().enumerate() {
            queue.push(slice..slice + 1, *len, *to, *flow);
        }
        queue
    }

    /// Pushes datagrams of one flow to one destination.
    fn one_flow(lens: &[usize]) -> SendQueue {
        queue(&lens.iter().map(|len| (*len, 0, Some(0))).collect::<Vec<_>>())
    }

    fn shape(slices: Range<usize>, segment_size: Option<u16>) -> MessageShape {
        MessageShape { slices, segment_size, to: 0 }
    }

    #[test]
    fn equal_datagrams_are_coalesced_and_a_shorter_one_ends_the_batch() {
        let queue = one_flow(&[100, 100, 60, 60, 100]);
        assert_eq!(queue.waiting(), [shape(0..3, Some(100)), shape(3..4, None), shape(4..5, None)]);
    }

    #[test]
    fn a_longer_datagram_starts_a_batch() {
        let queue = one_flow(&[60, 100, 100]);
        assert_eq!(queue.waiting(), [shape(0..1, None), shape(1..3, Some(100))]);
    }

    #[test]
    fn empty_datagrams_are_messages_of_their_own() {
        let queue = one_flow(&[0, 0, 5, 0]);
        assert_eq!(queue.waiting().len(), 4);
        assert!(queue.waiting().iter().all(|shape| shape.segment_size.is_none()));
    }

    #[test]
    fn batches_hold_at_most_64_segments_and_the_largest_payload() {
        let small = one_flow(&[10; 65]);
        assert_eq!(small.waiting(), [shape(0..64, Some(10)), shape(64..65, None)]);
        let large = one_flow(&[1_500; 44]);
        assert_eq!(large.waiting(), [shape(0..43, Some(1_500)), shape(43..44, None)]);
    }

    #[test]
    fn without_a_flow_each_datagram_is_a_message() {
        let mut queue = SendQueue::new(MAX);
        queue.push(0..2, 100, 0, None);
        queue.push(2..4, 100, 0, None);
        assert_eq!(queue.waiting(), [shape(0..2, None), shape(2..4, None)]);
    }

    #[test]
    fn a_batch_carries_one_flow() {
        let flows = [1, 1, 2, 1];
        let queue = queue(&flows.map(|flow| (100, 0, Some(flow))));
        assert_eq!(queue.waiting(), [shape(0..2, Some(100)), shape(2..3, None), shape(3..4, None)]);
    }

    #[test]
    fn a_batch_has_one_destination_though_flow_numbers_collide() {
        let queue = queue(&[0, 0, 1, 1, 0].map(|to| (100, to, Some(7))));
        let to = |slices, segment_size, to| MessageShape { slices, segment_size, to };
        assert_eq!(
            queue.waiting(),
            [to(0..2, Some(100), 0), to(2..4, Some(100), 1), to(4..5, None, 0)]
        );
    }

    #[test]
    fn datagrams_that_do_not_lie_next_to_each_other_are_not_coalesced() {
        let mut queue = SendQueue::new(MAX);
        queue.push(0..1, 100, 0, Some(0));
        queue.push(2..3, 100, 0, Some(0));
        assert_eq!(queue.waiting(), [shape(0..1, None), shape(2..3, None)]);
    }

    #[test]
    fn a_batch_of_gathered_datagrams_is_broken_up_into_them() {
        let mut queue = SendQueue::new(MAX);
        for (number, payload) in [60, 60, 20].into_iter().enumerate() {
            queue.push(2 * number..2 * number + 2, 40 + payload, 3, Some(0));
        }
        queue.push(6..7, 7, 0, Some(0));
        let lens = [40, 60, 40, 60, 40, 20, 7];
        assert_eq!(queue.waiting_datagrams(|slice| lens[slice]), 4);
        queue.break_up_first(|slice| lens[slice]);
        let single = |slices| MessageShape { slices, segment_size: None, to: 3 };
        assert_eq!(queue.waiting(), [single(0..2), single(2..4), single(4..6), shape(6..7, None)]);
        queue.advance(2);
        assert_eq!(queue.waiting_datagrams(|slice| lens[slice]), 2);
        queue.advance(2);
        assert!(queue.is_done());
        assert_eq!(queue.waiting_datagrams(|slice| lens[slice]), 0);
    }

    proptest! {
        /// Splits the messages as the kernel does. The result is the datagrams that were pushed, in order, each with
        /// its own destination. A message does not contain datagrams of two flows.
        #[test]
        fn messages_are_the_datagrams_pushed(
            datagrams in prop::collection::vec(
                (prop::sample::select(vec![0, 1, 60, 100, 1_400]), 0..3_u32, prop::option::of(0..2_u16)),
                0..200,
            ),
        ) {
            let queue = queue(&datagrams);
            let mut taken = Vec::new();
            for shape in queue.waiting() {
                let own = &datagrams[shape.slices.clone()];
                let mut left: usize = own.iter().map(|(len, ..)| len).sum();
                prop_assert!(left <= MAX && own.len() <= MAX_SEGMENTS);
                prop_assert!(own.iter().all(|(_, _, flow)| *flow == own[0].2));
                for _ in own {
                    let len = shape.segment_size.map_or(left, |size| left.min(usize::from(size)));
                    left -= len;
                    taken.push((len, shape.to));
                }
            }
            let pushed: Vec<_> = datagrams.iter().map(|(len, to, _)| (*len, *to)).collect();
            prop_assert_eq!(taken, pushed);
        }
    }
}
