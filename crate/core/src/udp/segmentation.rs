//! Decides whether UDP_SEGMENT is used. It is switched off if the kernel refuses GSO batches but accepts their
//! datagrams singly, and is tried again later.

use crate::backoff::Backoff;
use crate::errno::{Call, Reaction};
use std::time::Instant;

/// Consecutive refusals of GSO batches after which their datagrams are tried singly, regardless of the errno.
const MAX_REFUSALS: u32 = 3;

/// A change between GSO batches and single datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentationChange {
    /// The kernel refused UDP_SEGMENT with this errno, and accepted datagrams of the batch singly.
    Off {
        /// The errno of the batch.
        errno: i32,
    },
    /// The kernel accepted a batch again.
    On,
}

/// The next action after a refused datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterSingle {
    /// Continue with the next message.
    Next,
    /// Also drop this number of messages behind it: the rest of a GSO batch, which would fail in the same way.
    DropRest(usize),
}

/// The state of UDP_SEGMENT for one sender.
#[derive(Debug)]
pub(super) struct Segmentation {
    /// Whether it may be used at all.
    is_wanted: bool,
    state: Backoff,
    /// Whether it is used for the current batch: it is on, or a trial is due.
    is_used: bool,
    /// GSO batches that were refused in a row.
    refusals: u32,
    split: Option<SplitBatch>,
}

/// A refused GSO batch, whose datagrams are sent singly.
#[derive(Clone, Copy, Debug)]
struct SplitBatch {
    errno: i32,
    /// Datagrams that were not sent or dropped yet.
    left: u64,
    /// Whether none of its datagrams was sent or refused yet.
    is_first: bool,
    /// Whether the kernel accepted one of its datagrams.
    is_taken: bool,
    /// Whether one of its datagrams was too long for the path. This explains the refusal of the batch.
    is_too_long: bool,
}

impl Segmentation {
    pub(super) const fn new(is_wanted: bool) -> Self {
        Self { is_wanted, state: Backoff::OFFLOAD, is_used: is_wanted, refusals: 0, split: None }
    }

    /// Begins a batch. Reads the clock only while UDP_SEGMENT is off.
    pub(super) fn start_batch(&mut self) {
        if self.is_wanted && !self.is_used && self.state.allows(Instant::now()) {
            self.is_used = true;
        }
    }

    pub(super) const fn is_used(&self) -> bool {
        self.is_used
    }

    /// Returns whether [`Segmentation::note_sent`] must be called for the messages that were sent.
    pub(super) const fn needs_outcomes(&self) -> bool {
        self.split.is_some() || self.refusals > 0 || !self.state.is_on()
    }

    /// Records that the kernel accepted the first message.
    pub(super) fn note_sent(&mut self, is_batch: bool) -> Option<SegmentationChange> {
        if is_batch {
            self.refusals = 0;
            let was_off = self.state.accept(Instant::now());
            self.is_used = true;
            return was_off.then_some(SegmentationChange::On);
        }
        let split = self.split.as_mut()?;
        let is_first_taken = !std::mem::replace(&mut split.is_taken, true);
        let (errno, is_too_long) = (split.errno, split.is_too_long);
        self.pass_single();
        // Either the segments were too long for the path, or the batch for a queue. The next batch may fit.
        let is_passing =
            is_too_long || matches!(errno, libc::EMSGSIZE | libc::ENOBUFS | libc::ENOMEM);
        if !is_first_taken || is_passing {
            return None;
        }
        self.is_used = false;
        self.refusals = 0;
        self.state.refuse(Instant::now()).then_some(SegmentationChange::Off { errno })
    }

    /// Records that a batch of `datagrams` was refused. Returns whether to send its datagrams singly; otherwise they
    /// are dropped.
    ///
    /// Most errnos are caused by the destination or a full queue, and apply to each datagram alike. But a queue may
    /// be too short for any batch, and a firewall may drop by length. So if batches are refused in a row, single
    /// datagrams are tried too.
    pub(super) fn splits(&mut self, errno: i32, datagrams: u64) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        let is_split = Reaction::to(Call::SocketSendBatch, errno) == Reaction::Split
            || self.refusals >= MAX_REFUSALS;
        if is_split {
            self.split = Some(SplitBatch {
                errno,
                left: datagrams,
                is_first: true,
                is_taken: false,
                is_too_long: false,
            });
        }
        is_split
    }

    /// Records that a single datagram was refused.
    pub(super) fn note_refused_single(&mut self, errno: i32) -> AfterSingle {
        let Some(split) = self.split.as_mut() else { return AfterSingle::Next };
        split.is_too_long |= errno == libc::EMSGSIZE;
        let split = *split;
        self.pass_single();
        let is_same = split.is_first && errno == split.errno;
        if is_same && Reaction::to(Call::SocketSendBatch, errno) != Reaction::Split {
            self.split = None;
            return AfterSingle::DropRest(split.left.saturating_sub(1) as usize);
        }
        AfterSingle::Next
    }

    /// Records that one datagram of the split batch was sent or refused.
    fn pass_single(&mut self) {
        self.split = self.split.and_then(|split| {
            let left = split.left.saturating_sub(1);
            (left > 0).then_some(SplitBatch { left, is_first: false, ..split })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const OFF: fn(i32) -> Option<SegmentationChange> =
        |errno| Some(SegmentationChange::Off { errno });

    /// Refuses a batch of three with `errno`, and accepts its datagrams.
    fn refuse_batch_only(
        segmentation: &mut Segmentation,
        errno: i32,
    ) -> Option<SegmentationChange> {
        assert!(segmentation.splits(errno, 3));
        let changes = [(); 3].map(|()| segmentation.note_sent(false));
        assert_eq!(changes[1..], [None; 2]);
        assert!(segmentation.split.is_none());
        changes[0]
    }

    /// Lets the pause pass.
    fn pass_pause(segmentation: &mut Segmentation) {
        let pause = segmentation.state.pause_left(Instant::now()).expect("it is off");
        std::thread::sleep(pause + Duration::from_millis(1));
    }

    #[test]
    fn a_batch_that_is_taken_singly_turns_it_off_and_a_trial_on_again() {
        for errno in [libc::EIO, libc::EINVAL] {
            let mut segmentation = Segmentation::new(true);
            assert!(segmentation.is_used() && !segmentation.needs_outcomes());
            assert_eq!(refuse_batch_only(&mut segmentation, errno), OFF(errno));
            segmentation.start_batch();
            assert!(!segmentation.is_used(), "no trial before the pause ends");
            pass_pause(&mut segmentation);
            segmentation.start_batch();
            assert!(segmentation.is_used());
            // The trial is refused. This is not a change, and no further trial is due now.
            assert_eq!(refuse_batch_only(&mut segmentation, errno), None);
            segmentation.start_batch();
            assert!(!segmentation.is_used());
            pass_pause(&mut segmentation);
            segmentation.start_batch();
            assert!(segmentation.needs_outcomes());
            assert_eq!(segmentation.note_sent(true), Some(SegmentationChange::On));
            assert_eq!(segmentation.note_sent(true), None);
            assert!(segmentation.is_used() && !segmentation.needs_outcomes());
        }
    }

    /// A route of type blackhole refuses batches and single datagrams alike.
    #[test]
    fn a_batch_whose_datagrams_are_refused_too_turns_nothing_off() {
        let mut segmentation = Segmentation::new(true);
        for _ in 0..100 {
            assert!(segmentation.splits(libc::EINVAL, 3));
            for _ in 0..3 {
                let after = segmentation.note_refused_single(libc::EINVAL);
                assert_eq!(after, AfterSingle::Next);
            }
            segmentation.start_batch();
            assert!(segmentation.is_used());
        }
        assert_eq!(segmentation.note_sent(true), None, "it was never off");
    }

    #[test]
    fn every_errno_of_batches_alone_ends_in_datagrams_that_are_taken_singly() {
        for errno in (1..=133).filter(|errno| ![libc::EINTR, libc::EAGAIN].contains(errno)) {
            let mut segmentation = Segmentation::new(true);
            let is_split_at_once = [libc::EIO, libc::EINVAL, libc::EMSGSIZE].contains(&errno);
            if !is_split_at_once {
                for _ in 1..MAX_REFUSALS {
                    assert!(!segmentation.splits(errno, 3), "{errno}");
                }
            }
            let is_passing = [libc::EMSGSIZE, libc::ENOBUFS, libc::ENOMEM].contains(&errno);
            let expected = if is_passing { None } else { OFF(errno) };
            assert_eq!(refuse_batch_only(&mut segmentation, errno), expected, "{errno}");
            assert_eq!(segmentation.is_used(), is_passing, "{errno}");
        }
    }

    #[test]
    fn of_a_destination_that_refuses_all_one_datagram_of_a_batch_is_tried() {
        let mut segmentation = Segmentation::new(true);
        for _ in 1..MAX_REFUSALS {
            assert!(!segmentation.splits(libc::EPERM, 5));
        }
        assert!(segmentation.splits(libc::EPERM, 5));
        assert_eq!(segmentation.note_refused_single(libc::EPERM), AfterSingle::DropRest(4));
        assert_eq!(segmentation.note_refused_single(libc::EPERM), AfterSingle::Next, "another one");
        // The other errno concerns that datagram only.
        assert!(segmentation.splits(libc::EPERM, 5));
        assert_eq!(segmentation.note_refused_single(libc::ENOBUFS), AfterSingle::Next);
        assert_eq!(segmentation.note_refused_single(libc::EPERM), AfterSingle::Next);
    }

    #[test]
    fn a_batch_that_is_taken_in_between_lets_the_count_begin_anew() {
        let mut segmentation = Segmentation::new(true);
        for _ in 0..10 {
            for _ in 1..MAX_REFUSALS {
                assert!(!segmentation.splits(libc::ENOBUFS, 5));
            }
            assert!(segmentation.needs_outcomes());
            assert_eq!(segmentation.note_sent(true), None);
        }
    }

    #[test]
    fn what_is_not_wanted_is_never_tried() {
        let mut segmentation = Segmentation::new(false);
        segmentation.start_batch();
        assert!(!segmentation.is_used() && !segmentation.needs_outcomes());
    }
}
