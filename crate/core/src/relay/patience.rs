//! Whether to look again before sleeping.
//!
//! Where one waits for an answer before it asks again, packets cross the relay one by one and each way
//! in turn. A relay that sleeps in between has to be woken for each of them, which takes longer than
//! all else where a CPU without work is halted. So while quick turns are taken the relay yields the CPU
//! and looks again, for a short time, before it sleeps; and it goes on doing so only while the turns are
//! quicker by it than they were when it slept. Any other traffic has it sleep at once.

use std::time::{Duration, Instant};

/// How long to look before sleeping, and what a turn may take on average that it is done for.
pub(super) const LOOK: Duration = Duration::from_micros(100);
/// Turns that are judged together.
const TURNS: u32 = 64;
/// Rounds of turns without a try, after one that made nothing quicker.
const PAUSE: u32 = 16;

/// Where a packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Device,
    Endpoint,
}

/// Watches turns being taken.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// The turns of this round.
    turns: u32,
    /// The last turn: whose, and when.
    last: Option<(Source, Instant)>,
    /// What the turns of this round took.
    spent: Duration,
    /// Looking again pays: what a round took when the relay slept.
    slept: Option<Duration>,
    /// Rounds until the next try.
    pause: u32,
}

impl Patience {
    /// Whether to look again before sleeping.
    pub(super) fn is_given(&self) -> bool {
        self.slept.is_some()
    }

    /// A packet came alone, from this source.
    pub(super) fn take_turn(&mut self, source: Source, now: Instant) {
        match self.last {
            Some((last, at)) if last != source => {
                self.spent += now.duration_since(at);
                self.turns += 1;
            }
            _ => self.forget(),
        }
        self.last = Some((source, now));
        if self.turns == TURNS {
            self.judge();
            (self.turns, self.spent) = (0, Duration::ZERO);
        }
    }

    /// Other traffic than turns.
    pub(super) fn forget(&mut self) {
        *self = Self { pause: self.pause, ..Self::default() };
    }

    fn judge(&mut self) {
        match self.slept {
            Some(slept) if self.spent > slept * 7 / 8 => (self.slept, self.pause) = (None, PAUSE),
            Some(_) => {}
            None if self.pause > 0 => self.pause -= 1,
            None if self.spent < LOOK * TURNS => self.slept = Some(self.spent),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes rounds of turns that last so many microseconds, as they are while the relay sleeps and
    /// while it looks.
    fn rounds(patience: &mut Patience, count: u32, sleeping: u64, looking: u64) -> Vec<bool> {
        let mut now = Instant::now();
        let mut turn = |patience: &mut Patience, source| {
            let micros = if patience.is_given() { looking } else { sleeping };
            now += Duration::from_micros(micros);
            patience.take_turn(source, now);
        };
        let mut given = Vec::new();
        turn(patience, Source::Endpoint);
        for _ in 0..count {
            for _ in 0..TURNS / 2 {
                turn(patience, Source::Device);
                turn(patience, Source::Endpoint);
            }
            given.push(patience.is_given());
        }
        given
    }

    #[test]
    fn it_is_given_while_turns_are_quicker_by_it() {
        let mut patience = Patience::default();
        assert!(!patience.is_given());
        assert_eq!(rounds(&mut patience, 3, 50, 30), [true; 3]);
        // They are no longer.
        assert_eq!(rounds(&mut patience, 2, 50, 48)[1..], [false]);
    }

    #[test]
    fn a_try_in_vain_is_followed_by_a_pause() {
        let mut patience = Patience::default();
        let given = rounds(&mut patience, 2 * PAUSE + 6, 50, 48);
        let pause = vec![false; PAUSE as usize + 1];
        let expected = [&[true], pause.as_slice(), &[true], &pause, &[true, false]].concat();
        assert_eq!(given, expected[..given.len()]);
    }

    #[test]
    fn slow_turns_are_slept_through() {
        assert_eq!(rounds(&mut Patience::default(), 3, 101, 20), [false; 3]);
    }

    #[test]
    fn what_is_no_turn_ends_it() {
        let mut patience = Patience::default();
        rounds(&mut patience, 1, 50, 30);
        assert!(patience.is_given());
        patience.take_turn(Source::Endpoint, Instant::now());
        assert!(!patience.is_given(), "the same way twice");
        rounds(&mut patience, 1, 50, 30);
        assert!(patience.is_given());
        patience.forget();
        assert!(!patience.is_given());
    }

    #[test]
    fn packets_one_way_are_no_turns() {
        let mut patience = Patience::default();
        let mut now = Instant::now();
        for _ in 0..4 * TURNS {
            now += Duration::from_micros(20);
            patience.take_turn(Source::Device, now);
        }
        assert!(!patience.is_given());
    }
}
