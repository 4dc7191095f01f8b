//! Decides when to try again what the kernel refused: after a pause that grows with each refusal.
//!
//! It makes no system call: callers pass the time, and only need it while something is off.

use std::time::{Duration, Instant};

/// Whether something that the kernel may refuse is in use, and when to try it again.
///
/// It is on until it is refused. Then it is off for the first pause. After that it may be tried: if the
/// trial is accepted, it is on again; if it is refused, the pause doubles, up to the longest. A refusal
/// that follows soon after an accepted trial also doubles the pause, so that something that is refused
/// every now and then changes its state less and less often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// The last pause; zero before the first refusal.
    pause: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In use; `since`: the end of a pause.
    On { since: Option<Instant> },
    /// Off; a trial is due from that time on.
    Off { until: Instant },
}

impl Backoff {
    /// The first pause of [`Backoff::OFFLOAD`].
    pub const OFFLOAD_PAUSE: Duration = Duration::from_millis(500);
    /// For an offload of the kernel: half a second, up to half a minute.
    pub const OFFLOAD: Self = Self::new(Self::OFFLOAD_PAUSE, Duration::from_secs(30));
    /// For a descriptor that cannot be read: a millisecond, up to half a second.
    pub const READ: Self = Self::new(Duration::from_millis(1), Duration::from_millis(500));

    /// Returns a back-off that is on. `first` and `longest` are the limits of its pauses.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, pause: Duration::ZERO, state: State::On { since: None } }
    }

    /// Returns whether it is on. Needs no time.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        matches!(self.state, State::On { .. })
    }

    /// Returns whether it may be used at `now`: it is on, or a trial is due.
    #[must_use]
    pub fn allows(&self, now: Instant) -> bool {
        match self.state {
            State::On { .. } => true,
            State::Off { until } => now >= until,
        }
    }

    /// Returns how long it stays off from `now` on; `None` while it is on, zero if a trial is due.
    #[must_use]
    pub fn pause_left(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::On { .. } => None,
            State::Off { until } => Some(until.saturating_duration_since(now)),
        }
    }

    /// Records a refusal at `now`. Returns whether it was on until now.
    ///
    /// A refusal before a trial is due belongs to an attempt made before the first refusal. It changes nothing.
    pub fn refuse(&mut self, now: Instant) -> bool {
        let doubled = (self.pause * 2).clamp(self.first, self.longest);
        let (was_on, pause) = match self.state {
            State::Off { until } if now < until => return false,
            State::Off { .. } => (false, doubled),
            State::On { since: Some(since) }
                if now.saturating_duration_since(since) < self.longest =>
            {
                (true, doubled)
            }
            State::On { .. } => (true, self.first),
        };
        self.pause = pause;
        self.state = State::Off { until: now + pause };
        was_on
    }

    /// Records at `now` that the kernel accepted it. Returns whether it was off until now.
    pub fn accept(&mut self, now: Instant) -> bool {
        if self.is_on() {
            return false;
        }
        self.state = State::On { since: Some(now) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u64 = 100;
    const LONGEST: u64 = 1_000;

    /// An event at a time in milliseconds, and its expected result.
    enum Row {
        /// A refusal, and whether it turns it off.
        Refuse(u64, bool),
        /// An accepted use, and whether it turns it on.
        Accept(u64, bool),
        /// Whether it may be used.
        Allows(u64, bool),
        /// The rest of the pause.
        Left(u64, Option<u64>),
    }
    use Row::{Accept, Allows, Left, Refuse};

    fn assert_rows(name: &str, rows: &[Row]) {
        let start = Instant::now();
        let at = |ms: &u64| start + Duration::from_millis(*ms);
        let mut backoff =
            Backoff::new(Duration::from_millis(FIRST), Duration::from_millis(LONGEST));
        for (number, row) in rows.iter().enumerate() {
            let case = format!("{name}, row {number}");
            match row {
                Refuse(ms, expected) => assert_eq!(backoff.refuse(at(ms)), *expected, "{case}"),
                Accept(ms, expected) => assert_eq!(backoff.accept(at(ms)), *expected, "{case}"),
                Allows(ms, expected) => assert_eq!(backoff.allows(at(ms)), *expected, "{case}"),
                Left(ms, expected) => {
                    assert_eq!(
                        backoff.pause_left(at(ms)),
                        expected.map(Duration::from_millis),
                        "{case}"
                    );
                    assert_eq!(backoff.is_on(), expected.is_none(), "{case}");
                }
            }
        }
    }

    #[test]
    fn what_is_refused_is_off_for_a_pause_and_on_again_after_an_accepted_trial() {
        assert_rows("on", &[Allows(0, true), Left(0, None), Accept(1, false), Left(1, None)]);
        assert_rows(
            "one refusal",
            &[
                Refuse(10, true),
                Left(10, Some(100)),
                Allows(109, false),
                Left(109, Some(1)),
                Allows(110, true),
                Left(500, Some(0)),
                Accept(500, true),
                Left(500, None),
                Accept(501, false),
            ],
        );
    }

    #[test]
    fn refusals_before_a_trial_is_due_change_nothing() {
        assert_rows(
            "early",
            &[Refuse(0, true), Refuse(50, false), Refuse(99, false), Left(99, Some(1))],
        );
    }

    #[test]
    fn each_refused_trial_doubles_the_pause_up_to_the_longest() {
        assert_rows(
            "trials",
            &[
                Refuse(0, true),
                Refuse(100, false),
                Left(100, Some(200)),
                Refuse(300, false),
                Left(300, Some(400)),
                Refuse(700, false),
                Left(700, Some(800)),
                Refuse(1_500, false),
                Left(1_500, Some(1_000)),
                Refuse(2_500, false),
                Left(2_500, Some(1_000)),
                Accept(3_500, true),
            ],
        );
    }

    #[test]
    fn a_refusal_soon_after_an_accepted_trial_doubles_the_pause_and_a_late_one_restarts_it() {
        assert_rows(
            "soon",
            &[
                Refuse(0, true),
                Accept(100, true),
                Refuse(150, true),
                Left(150, Some(200)),
                Accept(350, true),
                Refuse(1_349, true),
                Left(1_349, Some(400)),
                Accept(1_749, true),
                Refuse(2_749, true),
                Left(2_749, Some(100)),
            ],
        );
    }

    #[test]
    fn a_clock_that_does_not_advance_is_no_error() {
        assert_rows(
            "still",
            &[Refuse(5, true), Accept(5, true), Refuse(5, true), Left(5, Some(200))],
        );
        assert_rows(
            "back",
            &[Refuse(50, true), Left(0, Some(150)), Accept(0, true), Refuse(0, true)],
        );
    }
}
