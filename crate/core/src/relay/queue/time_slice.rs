//! How long a queue's thread runs before another one takes its place.
//!
//! Next to bulk data, a single packet mostly waits for the CPU: the threads of other queues, the peer's relay and the
//! programs at both ends run for 1.4 ms each, on two CPUs. The scheduler lets a thread that wakes up go first if it asks
//! for a shorter slice than the running one. So a thread that moves single packets asks for a short slice. One that moves
//! batches keeps the default, because it would be interrupted more often otherwise. No thread gets a larger share of the
//! CPU.

use crate::sys::sched;
use std::io;

/// The short slice, nanoseconds: the shortest that the kernel accepts.
const SHORT: u64 = 100_000;
/// Waits of the same kind in a row, after which the slice is changed.
const WAITS: u32 = 8;

/// The time slice of the calling thread.
#[derive(Debug)]
pub(super) struct TimeSlice {
    is_short: bool,
    /// Waits in a row that call for the other slice.
    waits: u32,
    is_refused: bool,
    set: fn(u64) -> io::Result<()>,
}

impl Default for TimeSlice {
    fn default() -> Self {
        Self { is_short: false, waits: 0, is_refused: false, set: sched::set_slice }
    }
}

impl TimeSlice {
    /// Notes what was moved before a wait, or while there was none for a long time: single packets, or batches.
    #[inline]
    pub(super) fn note(&mut self, is_single: bool) {
        if is_single == self.is_short {
            self.waits = 0;
            return;
        }
        self.waits += 1;
        if self.waits >= WAITS {
            self.change(is_single);
        }
    }

    /// Changes the slice, unless it was refused before: a filter of system calls does not change its mind.
    #[cold]
    fn change(&mut self, is_short: bool) {
        self.waits = 0;
        self.is_short = is_short;
        if !self.is_refused {
            self.is_refused = (self.set)(if is_short { SHORT } else { 0 }).is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    thread_local! {
        static CALLS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }

    fn accept(slice: u64) -> io::Result<()> {
        CALLS.with_borrow_mut(|calls| calls.push(slice));
        Ok(())
    }

    fn refuse(slice: u64) -> io::Result<()> {
        accept(slice)?;
        Err(io::ErrorKind::PermissionDenied.into())
    }

    /// Returns the slices that are set while these kinds of packets are moved.
    fn slices(set: fn(u64) -> io::Result<()>, kinds: &[(bool, u32)]) -> Vec<u64> {
        let mut slice = TimeSlice { set, ..TimeSlice::default() };
        for (is_single, waits) in kinds {
            (0..*waits).for_each(|_| slice.note(*is_single));
        }
        CALLS.take()
    }

    #[test]
    fn several_waits_of_one_kind_in_a_row_change_the_slice() {
        assert_eq!(slices(accept, &[(false, 100), (true, WAITS - 1)]), [0; 0]);
        assert_eq!(slices(accept, &[(true, WAITS)]), [SHORT]);
        assert_eq!(slices(accept, &[(true, 100), (false, WAITS - 1), (true, 100)]), [SHORT]);
        assert_eq!(slices(accept, &[(true, 100), (false, 100), (true, 100)]), [SHORT, 0, SHORT]);
        let mixed = [(true, 1), (false, 1)].repeat(100);
        assert_eq!(slices(accept, &mixed), [0; 0]);
    }

    #[test]
    fn a_refused_slice_is_not_tried_again() {
        assert_eq!(slices(refuse, &[(true, 100), (false, 100), (true, 100)]), [SHORT]);
    }
}
