//! The signal that pauses and ends the loops of a relay.

use crate::sys::poll::WakeUp;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

const RUNNING: u8 = 0;
const PAUSED: u8 = 1;
const ENDED: u8 = 2;
/// Ended, and everything that the relay set up belongs to another one.
const RELEASED: u8 = 3;

/// Pauses and ends every loop of a relay. Any thread may do so.
///
/// It may outlive the relay and has no descriptor of its own: the wake-up is dropped with the loops.
#[derive(Debug)]
pub(in crate::relay) struct Stop {
    state: AtomicU8,
    /// Whether the loops were ever allowed to run.
    has_run: AtomicBool,
    wake_up: Weak<WakeUp>,
    /// The number of loops that are paused. It is locked while the state changes.
    parked: Mutex<usize>,
    changed: Condvar,
}

impl Stop {
    /// Creates a signal that wakes each sleeping loop with `wake_up`. If `is_paused`, the loops begin when they are
    /// resumed.
    pub(in crate::relay) fn new(wake_up: &Arc<WakeUp>, is_paused: bool) -> Self {
        Self {
            state: AtomicU8::new(if is_paused { PAUSED } else { RUNNING }),
            has_run: AtomicBool::new(!is_paused),
            wake_up: Arc::downgrade(wake_up),
            parked: Mutex::new(0),
            changed: Condvar::new(),
        }
    }

    /// Ends the loops.
    pub(in crate::relay) fn raise(&self) {
        let _parked = self.lock();
        self.state.fetch_max(ENDED, Ordering::AcqRel);
        self.wake();
    }

    /// Pauses the loops: each finishes its batch. Returns `false` if they have ended, or if not all of `loops` are paused
    /// after `limit`; then they go on.
    pub(in crate::relay) fn pause(&self, loops: usize, limit: Duration) -> bool {
        let mut parked = self.lock();
        if self.change(RUNNING, PAUSED) {
            self.wake();
        }
        let deadline = Instant::now() + limit;
        while self.is_pausing() && *parked < loops {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(parked);
                self.resume();
                return false;
            }
            parked =
                self.changed.wait_timeout(parked, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.is_pausing()
    }

    /// Lets paused loops go on. Returns whether they were paused.
    pub(in crate::relay) fn resume(&self) -> bool {
        let _parked = self.lock();
        if !self.change(PAUSED, RUNNING) {
            return false;
        }
        self.has_run.store(true, Ordering::Release);
        if let Some(wake_up) = self.wake_up.upgrade() {
            wake_up.clear();
        }
        self.changed.notify_all();
        true
    }

    /// Ends paused loops, whose relay belongs to another one from now on. Returns whether they were paused.
    pub(in crate::relay) fn release(&self) -> bool {
        let _parked = self.lock();
        let is_released = self.change(PAUSED, RELEASED);
        self.changed.notify_all();
        is_released
    }

    /// Waits in a loop until it is not paused any more.
    pub(super) fn park(&self) {
        let mut parked = self.lock();
        *parked += 1;
        self.changed.notify_all();
        while self.is_pausing() {
            parked = self.changed.wait(parked).unwrap_or_else(PoisonError::into_inner);
        }
        *parked -= 1;
    }

    /// Wakes each sleeping loop, or with `false` ends that. A signal that was raised stays.
    pub(in crate::relay) fn poke(&self, is_on: bool) {
        // The state does not change here: a signal that is raised for a state of the past would stay.
        let _parked = self.lock();
        let Some(wake_up) = self.wake_up.upgrade() else { return };
        if is_on {
            wake_up.wake();
            return;
        }
        wake_up.clear();
        if self.is_raised() {
            wake_up.wake();
        }
    }

    /// Returns whether the loops must pause or end.
    #[inline]
    pub(super) fn is_raised(&self) -> bool {
        self.state.load(Ordering::Acquire) != RUNNING
    }

    /// Returns whether the loops pause.
    pub(in crate::relay) fn is_pausing(&self) -> bool {
        self.state.load(Ordering::Acquire) == PAUSED
    }

    /// Returns whether the relay belongs to another one.
    pub(super) fn is_released(&self) -> bool {
        self.state.load(Ordering::Acquire) == RELEASED
    }

    /// Returns whether the loops began to run, or were resumed after a begin in the pause.
    pub(super) fn has_run(&self) -> bool {
        self.has_run.load(Ordering::Acquire)
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn wake(&self) {
        if let Some(wake_up) = self.wake_up.upgrade() {
            wake_up.wake();
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::output::{Events, wait};
    use std::sync::Barrier;
    use std::thread;

    const LONG: Duration = Duration::from_secs(60);

    /// Runs loops that park while they are paused. Returns how often each was paused.
    fn with_loops(stop: &Stop, loops: usize, work: impl FnOnce()) -> Vec<usize> {
        thread::scope(|scope| {
            let body = || {
                let mut pauses = 0;
                loop {
                    while !stop.is_raised() {
                        thread::yield_now();
                    }
                    if !stop.is_pausing() {
                        return pauses;
                    }
                    pauses += 1;
                    stop.park();
                }
            };
            let threads: Vec<_> = (0..loops).map(|_| scope.spawn(body)).collect();
            work();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn all_loops_pause_and_go_on_until_the_end() {
        let wake_up = Arc::new(WakeUp::new().unwrap());
        let stop = Stop::new(&wake_up, false);
        let pauses = with_loops(&stop, 3, || {
            assert!(!stop.resume() && !stop.release(), "they run");
            assert!(stop.has_run());
            for _ in 0..5 {
                assert!(stop.pause(3, LONG));
                assert!(stop.resume());
            }
            stop.raise();
            assert!(!stop.pause(3, LONG));
        });
        // A loop that is paused again before it runs does not notice.
        assert!(pauses.into_iter().all(|pauses| (1..=5).contains(&pauses)));
        assert!(!stop.is_released());
    }

    #[test]
    fn loops_that_begin_paused_wait_and_a_release_ends_them() {
        let wake_up = Arc::new(WakeUp::new().unwrap());
        let stop = Stop::new(&wake_up, true);
        let pauses = with_loops(&stop, 2, || {
            assert!(stop.pause(2, LONG));
            assert!(!stop.has_run());
            assert!(stop.release());
            stop.raise();
        });
        assert_eq!(pauses, [1, 1]);
        assert!(stop.is_released(), "an end later changes nothing");
    }

    #[test]
    fn a_poke_at_the_moment_of_a_resume_leaves_no_signal() {
        let wake_up = Arc::new(WakeUp::new().unwrap());
        let stop = Stop::new(&wake_up, false);
        let (rounds, start) = (5_000, Barrier::new(2));
        let mut signals = 0;
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..rounds {
                    start.wait();
                    stop.poke(true);
                    stop.poke(false);
                    start.wait();
                }
            });
            for _ in 0..rounds {
                stop.pause(0, LONG);
                start.wait();
                stop.resume();
                start.wait();
                let events = Events { room: false, ending: false };
                let waited = wait(&wake_up, None, events, Duration::ZERO).unwrap_or_default();
                signals += u32::from(waited.is_woken);
            }
        });
        assert_eq!(signals, 0, "the loops would not sleep any more");
    }

    #[test]
    fn without_the_loops_a_pause_is_given_up() {
        let wake_up = Arc::new(WakeUp::new().unwrap());
        let stop = Stop::new(&wake_up, false);
        assert!(!stop.pause(1, Duration::from_millis(1)));
        assert!(!stop.is_raised());
    }
}
