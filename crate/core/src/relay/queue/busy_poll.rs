//! Whether to poll for a short time before sleeping.
//!
//! If a program waits for a reply before it sends the next request, packets cross the relay one by one, in
//! alternating directions. A relay that sleeps between them must be woken for each packet. If an idle CPU is halted,
//! waking takes longer than everything else. So while round trips are short, the relay yields the CPU and polls for a
//! short time before it sleeps. It continues only while round trips are shorter than they were when it slept. With
//! any other traffic it sleeps immediately.

use std::time::{Duration, Instant};

/// How long to busy-poll before sleeping, and the longest average round trip for which it is worthwhile.
pub(super) const BUSY_POLL: Duration = Duration::from_micros(100);
/// Number of turns that are evaluated together.
const TURNS: u32 = 64;
/// Rounds without an attempt, after an attempt that did not make turns shorter.
const PAUSE: u32 = 16;

/// The source of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Device,
    Endpoint,
}

/// Measures alternating packets and decides whether polling makes them faster.
#[derive(Debug, Default)]
pub(super) struct BusyPoll {
    /// Number of turns in this round.
    turns: u32,
    /// The last turn: its source and its time.
    last: Option<(Source, Instant)>,
    /// Duration of the turns in this round.
    spent: Duration,
    /// The duration of a round while the relay slept; set while polling is on.
    slept: Option<Duration>,
    /// Rounds until the next attempt.
    pause: u32,
}

impl BusyPoll {
    /// Returns whether to poll before sleeping.
    pub(super) fn should_poll(&self) -> bool {
        self.slept.is_some()
    }

    /// Records that a packet came from this source. Returns whether the last one came from the other source.
    pub(super) fn record_turn(&mut self, source: Source, now: Instant) -> bool {
        let is_turn = match self.last {
            Some((last, at)) if last != source => {
                self.spent += now.duration_since(at);
                self.turns += 1;
                true
            }
            _ => {
                self.reset();
                false
            }
        };
        self.last = Some((source, now));
        if self.turns == TURNS {
            self.judge();
            (self.turns, self.spent) = (0, Duration::ZERO);
        }
        is_turn
    }

    /// Records a packet of the device that was there without a wait, after one of the endpoint. The next wait is a turn,
    /// and its time counts from the last one.
    pub(super) fn record_prompt(&mut self) {
        if let Some((source, _)) = &mut self.last {
            *source = Source::Device;
        }
    }

    /// Starts again after packets that do not alternate.
    pub(super) fn reset(&mut self) {
        *self = Self { pause: self.pause, ..Self::default() };
    }

    fn judge(&mut self) {
        match self.slept {
            Some(slept) if self.spent > slept * 7 / 8 => (self.slept, self.pause) = (None, PAUSE),
            Some(_) => {}
            None if self.pause > 0 => self.pause -= 1,
            None if self.spent < BUSY_POLL * TURNS => self.slept = Some(self.spent),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs rounds of turns that last `sleeping` microseconds while the relay sleeps, and `polling` while it polls.
    fn rounds(busy_poll: &mut BusyPoll, count: u32, sleeping: u64, polling: u64) -> Vec<bool> {
        let mut now = Instant::now();
        let mut turn = |busy_poll: &mut BusyPoll, source| {
            let micros = if busy_poll.should_poll() { polling } else { sleeping };
            now += Duration::from_micros(micros);
            busy_poll.record_turn(source, now);
        };
        let mut polled = Vec::new();
        turn(busy_poll, Source::Endpoint);
        for _ in 0..count {
            for _ in 0..TURNS / 2 {
                turn(busy_poll, Source::Device);
                turn(busy_poll, Source::Endpoint);
            }
            polled.push(busy_poll.should_poll());
        }
        polled
    }

    #[test]
    fn it_should_poll_while_turns_are_quicker_by_it() {
        let mut busy_poll = BusyPoll::default();
        assert!(!busy_poll.should_poll());
        assert_eq!(rounds(&mut busy_poll, 3, 50, 30), [true; 3]);
        // Polling does not make turns shorter any more.
        assert_eq!(rounds(&mut busy_poll, 2, 50, 48)[1..], [false]);
    }

    #[test]
    fn an_attempt_in_vain_is_followed_by_a_pause() {
        let mut busy_poll = BusyPoll::default();
        let polled = rounds(&mut busy_poll, 2 * PAUSE + 6, 50, 48);
        let pause = vec![false; PAUSE as usize + 1];
        let expected = [&[true], pause.as_slice(), &[true], &pause, &[true, false]].concat();
        assert_eq!(polled, expected[..polled.len()]);
    }

    #[test]
    fn slow_turns_are_slept_through() {
        assert_eq!(rounds(&mut BusyPoll::default(), 3, 101, 20), [false; 3]);
    }

    #[test]
    fn what_is_no_turn_ends_it() {
        let mut busy_poll = BusyPoll::default();
        rounds(&mut busy_poll, 1, 50, 30);
        assert!(busy_poll.should_poll());
        busy_poll.record_turn(Source::Endpoint, Instant::now());
        assert!(!busy_poll.should_poll(), "the same way twice");
        rounds(&mut busy_poll, 1, 50, 30);
        assert!(busy_poll.should_poll());
        busy_poll.reset();
        assert!(!busy_poll.should_poll());
    }

    #[test]
    fn a_packet_without_a_wait_makes_the_next_one_a_turn() {
        for (micros, expected) in [(20, true), (975, false)] {
            let mut busy_poll = BusyPoll::default();
            let mut now = Instant::now();
            busy_poll.record_prompt();
            busy_poll.record_turn(Source::Endpoint, now);
            for _ in 0..TURNS {
                busy_poll.record_prompt();
                now += Duration::from_micros(micros);
                assert!(busy_poll.record_turn(Source::Endpoint, now));
            }
            assert_eq!(busy_poll.should_poll(), expected, "{micros} µs");
        }
    }

    #[test]
    fn packets_one_way_are_no_turns() {
        let mut busy_poll = BusyPoll::default();
        let mut now = Instant::now();
        for _ in 0..4 * TURNS {
            now += Duration::from_micros(20);
            assert!(!busy_poll.record_turn(Source::Device, now));
        }
        assert!(!busy_poll.should_poll());
    }
}
