//! How long the loop of a queue leaves a source alone that it cannot read.

use super::step::Step;
use crate::backoff::Backoff;
use std::time::{Duration, Instant};

/// The back-off of one source. Needs the time only while the source is left alone.
#[derive(Debug)]
pub(super) struct Pause(Backoff);

impl Default for Pause {
    fn default() -> Self {
        Self(Backoff::READ)
    }
}

impl Pause {
    /// Returns whether the source is not left alone, so that it may be watched.
    pub(super) const fn is_none(&self) -> bool {
        self.0.is_on()
    }

    /// Returns whether the source may be read now.
    pub(super) fn may_read(&self) -> bool {
        self.is_none() || self.0.allows(Instant::now())
    }

    /// Returns whether the source was left alone long enough.
    pub(super) fn is_over(&self) -> bool {
        !self.is_none() && self.may_read()
    }

    /// Returns the time until the source may be read again, if it is left alone.
    pub(super) fn left(&self) -> Option<Duration> {
        if self.is_none() { None } else { self.0.pause_left(Instant::now()) }
    }

    /// Records what reading the source came to.
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
