//! Decides how long the loop of a queue does not read a source after a failure.

use super::step::Step;
use crate::backoff::Backoff;
use std::time::{Duration, Instant};

/// The back-off of one source. Reads the clock only during a pause.
#[derive(Debug)]
pub(super) struct Pause(Backoff);

impl Default for Pause {
    fn default() -> Self {
        Self(Backoff::READ)
    }
}

impl Pause {
    /// Returns whether the source is not paused, so that it may be watched.
    pub(super) const fn is_none(&self) -> bool {
        self.0.is_on()
    }

    /// Returns whether the source may be read now.
    pub(super) fn may_read(&self) -> bool {
        self.is_none() || self.0.allows(Instant::now())
    }

    /// Returns whether a pause has ended.
    pub(super) fn is_over(&self) -> bool {
        !self.is_none() && self.may_read()
    }

    /// Returns the remaining time of a pause; `None` if the source is not paused.
    pub(super) fn left(&self) -> Option<Duration> {
        if self.is_none() { None } else { self.0.pause_left(Instant::now()) }
    }

    /// Records the result of reading the source.
    pub(super) fn note(&mut self, step: Step) {
        if step == Step::Failed {
            self.0.refuse(Instant::now());
        } else if !self.is_none() && step != Step::Blocked {
            self.0.accept(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_failed_is_left_alone_for_a_while_and_longer_each_time() {
        let mut pause = Pause::default();
        assert!(pause.is_none() && pause.left().is_none() && !pause.is_over());
        for step in [Step::Moved, Step::Drained, Step::Blocked] {
            pause.note(step);
            assert!(pause.is_none());
        }
        pause.note(Step::Failed);
        assert!(!pause.is_none());
        let left = pause.left().expect("a pause");
        assert!(left <= Duration::from_millis(1));
        std::thread::sleep(left);
        assert!(pause.is_over());
        pause.note(Step::Failed);
        assert!(pause.left().expect("a pause") > Duration::from_millis(1), "twice as long");
        pause.note(Step::Blocked);
        assert!(!pause.is_none(), "a full sink says nothing of the source");
        pause.note(Step::Drained);
        assert!(pause.is_none());
    }
}
