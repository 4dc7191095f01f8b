//! The next deadline of any peer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The value for "no deadline".
const NEVER: u64 = u64::MAX;

/// The past of the clock of a relay that continues another one, milliseconds: 49 days.
const PAST: u64 = 1 << 32;

/// The next deadline of any peer, shared by all tables of a relay. Times are milliseconds of the relay's clock.
#[derive(Debug)]
pub(super) struct Timers {
    start: Instant,
    /// The time of the clock at `start`.
    offset: u64,
    next: AtomicU64,
}

impl Timers {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), offset: 0, next: AtomicU64::new(NEVER) }
    }

    /// Creates timers whose clock began long ago, so that it also has the times of an earlier relay.
    pub(super) fn with_past() -> Self {
        Self { offset: PAST, ..Self::new() }
    }

    /// Returns `now` as a time of the relay's clock.
    pub(super) fn millis(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start).as_millis();
        u64::try_from(since).unwrap_or(NEVER - 1).saturating_add(self.offset)
    }

    /// Adds a deadline.
    pub(super) fn schedule(&self, deadline: u64) {
        self.next.fetch_min(deadline, Ordering::Relaxed);
    }

    /// Returns the time until the next deadline; `None` if there is none.
    #[inline]
    pub(super) fn time_left(&self) -> Option<Duration> {
        match self.next.load(Ordering::Relaxed) {
            NEVER => None,
            next => Some(Duration::from_millis(next.saturating_sub(self.millis(Instant::now())))),
        }
    }

    /// Removes the deadline if it has passed. The caller handles it and schedules later deadlines again.
    pub(super) fn take_due(&self, now: u64) -> bool {
        let take = |next: u64| (next <= now).then_some(NEVER);
        self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_counts_and_is_taken_once() {
        let timers = Timers::new();
        assert_eq!(timers.time_left(), None);
        assert!(!timers.take_due(NEVER - 1));
        for deadline in [90_000, 60_000, 75_000] {
            timers.schedule(deadline);
        }
        let left = timers.time_left().unwrap();
        assert!(left <= Duration::from_secs(60) && left > Duration::from_secs(50), "{left:?}");
        assert!(!timers.take_due(59_999));
        assert!(timers.take_due(60_000));
        assert!(!timers.take_due(60_000));
        assert_eq!(timers.time_left(), None);
        timers.schedule(0);
        assert_eq!(timers.time_left(), Some(Duration::ZERO));
    }
}
