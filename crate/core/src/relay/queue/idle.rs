//! When a queue that sleeps returns the memory of its batches.

use std::time::Duration;

/// How long a queue sleeps until it returns the memory. Until then, the next batch finds its pages.
const IDLE: Duration = Duration::from_secs(1);

/// Whether the buffers may hold pages of an earlier batch, and how long nothing has been ready since.
#[derive(Default)]
pub(super) struct Idle {
    is_holding: bool,
    slept: Duration,
}

impl Idle {
    /// Notes a batch of several packets. Single packets use the first page of a buffer only.
    #[inline]
    pub(super) fn note_batch(&mut self) {
        self.is_holding = true;
    }

    /// Returns how long the next wait may take; `None`: there is nothing to return.
    #[inline]
    pub(super) fn limit(&self) -> Option<Duration> {
        self.is_holding.then(|| IDLE.saturating_sub(self.slept))
    }

    /// Notes a wait of up to `limit`. Returns true, once, when nothing was ready for long enough.
    #[inline]
    pub(super) fn note_wait(&mut self, limit: Option<Duration>, is_any_ready: bool) -> bool {
        if is_any_ready {
            self.slept = Duration::ZERO;
            return false;
        }
        self.slept = self.slept.saturating_add(limit.unwrap_or_default());
        let is_due = self.is_holding && self.slept >= IDLE;
        if is_due {
            *self = Self::default();
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Option<Duration> = Some(Duration::from_millis(500));

    #[test]
    fn nothing_is_returned_without_a_batch() {
        let mut idle = Idle::default();
        assert_eq!(idle.limit(), None);
        assert!(!idle.note_wait(Some(10 * IDLE), false));
    }

    #[test]
    fn the_memory_is_returned_once_after_enough_sleep() {
        let mut idle = Idle::default();
        idle.note_batch();
        assert_eq!(idle.limit(), Some(IDLE));
        assert!(!idle.note_wait(HALF, false), "the deadline of a peer ended the wait");
        assert_eq!(idle.limit(), HALF);
        assert!(idle.note_wait(HALF, false));
        assert_eq!(idle.limit(), None);
        assert!(!idle.note_wait(None, false));
    }

    #[test]
    fn a_packet_begins_the_time_again() {
        let mut idle = Idle::default();
        idle.note_batch();
        assert!(!idle.note_wait(HALF, false));
        assert!(!idle.note_wait(HALF, true));
        assert_eq!(idle.limit(), Some(IDLE));
        assert!(!idle.note_wait(HALF, false));
        assert!(idle.note_wait(HALF, false));
    }
}
