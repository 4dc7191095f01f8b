//! How long the loop of a queue leaves alone what it cannot read or wait for.

use super::busy_poll::Source;
use super::step::Step;
use crate::backoff::Backoff;
use std::time::{Duration, Instant};

/// A back-off for each of the two sources. Needs the time only while one is left alone.
#[derive(Debug)]
pub(super) struct Pauses {
    device: Backoff,
    endpoint: Backoff,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { device: Backoff::READ, endpoint: Backoff::READ }
    }
}

impl Pauses {
    /// Returns whether a source may be watched: it is not left alone.
    pub(super) const fn is_watched(&self, source: Source) -> bool {
        self.of(source).is_on()
    }

    /// Returns whether both may be watched.
    pub(super) const fn are_none(&self) -> bool {
        self.device.is_on() && self.endpoint.is_on()
    }

    /// Returns whether a source may be read now.
    pub(super) fn may_read(&self, source: Source) -> bool {
        self.is_watched(source) || self.of(source).allows(Instant::now())
    }

    /// Returns the time until a source may be read again, if one is left alone.
    pub(super) fn limit(&self) -> Option<Duration> {
        if self.are_none() {
            return None;
        }
        let now = Instant::now();
        [self.device, self.endpoint].iter().filter_map(|pause| pause.pause_left(now)).min()
    }

    /// Returns whether a source was left alone long enough.
    pub(super) fn is_over(&self, source: Source) -> bool {
        !self.is_watched(source) && self.may_read(source)
    }

    /// Records what reading a source came to.
    pub(super) fn note(&mut self, source: Source, step: Step) {
        let pause = self.of_mut(source);
        if step == Step::Failed {
            pause.refuse(Instant::now());
        } else if !pause.is_on() && step != Step::Blocked {
            pause.accept(Instant::now());
        }
    }

    /// Ends the pause of a source, which has an error to report.
    pub(super) fn end(&mut self, source: Source) {
        *self.of_mut(source) = Backoff::READ;
    }

    const fn of(&self, source: Source) -> &Backoff {
        match source {
            Source::Device => &self.device,
            Source::Endpoint => &self.endpoint,
        }
    }

    const fn of_mut(&mut self, source: Source) -> &mut Backoff {
        match source {
            Source::Device => &mut self.device,
            Source::Endpoint => &mut self.endpoint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_left_alone_for_a_while_and_the_other_source_is_not() {
        let mut pauses = Pauses::default();
        assert!(pauses.are_none() && pauses.limit().is_none());
        for step in [Step::Moved, Step::Drained, Step::Blocked] {
            pauses.note(Source::Device, step);
            assert!(pauses.are_none());
        }
        pauses.note(Source::Device, Step::Failed);
        assert!(!pauses.is_watched(Source::Device) && pauses.is_watched(Source::Endpoint));
        assert!(pauses.may_read(Source::Endpoint) && !pauses.is_over(Source::Endpoint));
        let limit = pauses.limit().expect("a limit");
        assert!(limit <= Duration::from_millis(1));
        std::thread::sleep(limit);
        assert!(pauses.is_over(Source::Device));
        pauses.note(Source::Device, Step::Failed);
        assert!(pauses.limit().expect("a limit") > Duration::from_millis(1), "twice as long");
        pauses.note(Source::Device, Step::Drained);
        assert!(pauses.are_none());
    }
}
