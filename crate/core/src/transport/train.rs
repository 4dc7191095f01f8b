//! Joining datagrams of one size into trains, which one system call sends.

use crate::sys::mmsg::MessageShape;

/// Datagrams of a train at the most: `UDP_MAX_SEGMENTS` of kernels before 6.9 (include/linux/udp.h); newer ones take 128.
pub const MAX_SEGMENTS: usize = 64;

/// Messages to send, in order: each a datagram or a train of datagrams.
///
/// Datagrams are pushed by the number and total length of the slices that hold their bytes. Those
/// of one flow and of equal length join a train; a shorter one may end it (udp(7), `UDP_SEGMENT`).
///
/// A train carries one flow: a receiver with several queues gets a train whole on one of them, and
/// packets of another flow in it could overtake, or be overtaken by, those on that flow's own queue.
#[derive(Debug)]
pub struct TrainQueue {
    shapes: Vec<MessageShape>,
    next: usize,
    slices: usize,
    open: Option<OpenTrain>,
    max_train: usize,
}

/// The train at the end of the queue that may still grow.
#[derive(Debug)]
struct OpenTrain {
    flow: u16,
    segment_len: usize,
    segments: usize,
    len: usize,
}

impl TrainQueue {
    /// A queue whose trains hold at most `max_train` bytes.
    #[must_use]
    pub fn new(max_train: usize) -> Self {
        Self { shapes: Vec::new(), next: 0, slices: 0, open: None, max_train }
    }

    /// Adds a datagram of `len` bytes that the next `slices` slices hold. `flow` is the number of
    /// the flow that it may share a train with; `None`: it leaves alone.
    pub fn push(&mut self, slices: usize, len: usize, flow: Option<u16>) {
        let end = self.slices + slices;
        if !flow.is_some_and(|flow| self.try_join(end, len, flow)) {
            self.shapes.push(MessageShape { slices: self.slices..end, segment_size: None });
            // A datagram without payload is a message of its own: a segment size of 0 means none.
            self.open = flow.filter(|_| len > 0).map(|flow| OpenTrain {
                flow,
                segment_len: len,
                segments: 1,
                len,
            });
        }
        self.slices = end;
    }

    fn try_join(&mut self, end: usize, len: usize, flow: u16) -> bool {
        let (Some(open), Some(shape)) = (&mut self.open, self.shapes.last_mut()) else {
            return false;
        };
        let fits = len > 0
            && flow == open.flow
            && len <= open.segment_len
            && open.segments < MAX_SEGMENTS
            && open.len + len <= self.max_train;
        let Ok(segment_size) = u16::try_from(open.segment_len) else { return false };
        if !fits {
            return false;
        }
        open.segments += 1;
        open.len += len;
        shape.slices.end = end;
        shape.segment_size = Some(segment_size);
        if len < open.segment_len {
            self.open = None;
        }
        true
    }

    /// Whether everything was sent or dropped.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.next >= self.shapes.len()
    }

    /// Messages that wait to be sent.
    #[must_use]
    pub(super) fn waiting(&self) -> &[MessageShape] {
        self.shapes.get(self.next..).unwrap_or_default()
    }

    /// How many datagrams still wait to be sent; `slice_len` tells the length of a slice by its
    /// index, in bytes.
    #[must_use]
    pub fn waiting_datagrams(&self, slice_len: impl Fn(usize) -> usize) -> u64 {
        let bytes = |shape: &MessageShape| shape.slices.clone().map(&slice_len).sum();
        self.waiting().iter().map(|shape| datagrams(shape, bytes(shape))).sum()
    }

    /// Passes over the first `count` waiting messages: they were sent or dropped.
    pub(super) fn advance(&mut self, count: usize) {
        self.next += count;
    }

    /// Puts the datagrams of the first waiting message, a train, in its place one by one.
    ///
    /// `slice_len` tells the length of a slice by its index, in bytes.
    pub(super) fn break_up_first(&mut self, slice_len: impl Fn(usize) -> usize) {
        let Some(train) = self.shapes.get(self.next).cloned() else { return };
        let Some(segment_size) = train.segment_size.map(usize::from) else { return };
        let mut singles = Vec::with_capacity(MAX_SEGMENTS);
        let mut start = train.slices.start;
        let mut len = 0;
        for slice in train.slices.clone() {
            len += slice_len(slice);
            if len >= segment_size || slice + 1 == train.slices.end {
                singles.push(MessageShape { slices: start..slice + 1, segment_size: None });
                start = slice + 1;
                len = 0;
            }
        }
        self.shapes.splice(self.next..=self.next, singles);
        self.open = None;
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.shapes.clear();
        self.next = 0;
        self.slices = 0;
        self.open = None;
    }
}

/// How many datagrams a message of `bytes` makes.
pub(super) fn datagrams(shape: &MessageShape, bytes: usize) -> u64 {
    shape.segment_size.map_or(1, |size| bytes.div_ceil(usize::from(size).max(1)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    fn queue(lens: &[usize]) -> TrainQueue {
        let mut queue = TrainQueue::new(65_507);
        for len in lens {
            queue.push(1, *len, Some(0));
        }
        queue
    }

    fn shape(slices: Range<usize>, segment_size: Option<u16>) -> MessageShape {
        MessageShape { slices, segment_size }
    }

    #[test]
    fn equal_datagrams_join_and_a_shorter_one_ends_the_train() {
        let queue = queue(&[100, 100, 60, 60, 100]);
        assert_eq!(queue.waiting(), [shape(0..3, Some(100)), shape(3..4, None), shape(4..5, None)]);
    }

    #[test]
    fn a_longer_datagram_starts_a_train() {
        assert_eq!(queue(&[60, 100, 100]).waiting(), [shape(0..1, None), shape(1..3, Some(100))]);
    }

    #[test]
    fn empty_datagrams_stay_alone() {
        let queue = queue(&[0, 0, 5, 0]);
        assert_eq!(queue.waiting().len(), 4);
        assert!(queue.waiting().iter().all(|shape| shape.segment_size.is_none()));
    }

    #[test]
    fn trains_hold_at_most_64_segments_and_the_largest_payload() {
        assert_eq!(queue(&[10; 65]).waiting(), [shape(0..64, Some(10)), shape(64..65, None)]);
        let large = queue(&[1_500; 44]);
        assert_eq!(large.waiting(), [shape(0..43, Some(1_500)), shape(43..44, None)]);
    }

    #[test]
    fn without_joining_each_datagram_is_a_message() {
        let mut queue = TrainQueue::new(65_507);
        queue.push(2, 100, None);
        queue.push(2, 100, None);
        assert_eq!(queue.waiting(), [shape(0..2, None), shape(2..4, None)]);
    }

    #[test]
    fn a_train_carries_one_flow() {
        let mut queue = TrainQueue::new(65_507);
        for flow in [1, 1, 2, 1] {
            queue.push(1, 100, Some(flow));
        }
        assert_eq!(queue.waiting(), [shape(0..2, Some(100)), shape(2..3, None), shape(3..4, None)]);
    }

    #[test]
    fn a_train_of_gathered_datagrams_breaks_up_where_it_was_joined() {
        let mut queue = TrainQueue::new(65_507);
        for payload in [60, 60, 20] {
            queue.push(2, 40 + payload, Some(0));
        }
        queue.push(1, 7, Some(0));
        let lens = [40, 60, 40, 60, 40, 20, 7];
        assert_eq!(queue.waiting_datagrams(|slice| lens[slice]), 4);
        queue.break_up_first(|slice| lens[slice]);
        assert_eq!(
            queue.waiting(),
            [shape(0..2, None), shape(2..4, None), shape(4..6, None), shape(6..7, None)]
        );
        queue.advance(2);
        assert_eq!(queue.waiting_datagrams(|slice| lens[slice]), 2);
        queue.advance(2);
        assert!(queue.is_done());
        assert_eq!(queue.waiting_datagrams(|slice| lens[slice]), 0);
    }
}
