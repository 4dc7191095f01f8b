//! The state of the interface, and the packets that the kernel dropped before the relay could read them.
//!
//! The kernel counts them per interface, and its reply to a request can take long: each request waits while another
//! process creates or deletes interfaces. Therefore a thread of its own asks, which is started when the counters are
//! read for the first time. The packet path is not involved, and an idle relay sends no requests.

use crate::device::TunDevice;
use crate::interface::{InterfaceState, StateReader};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// By default, a value of the kernel that is younger than this is not read again.
pub(super) const FRESH: Duration = Duration::from_millis(10);
/// How long the reader of the counters waits for a new value. After that it gets the last one.
const WAIT: Duration = Duration::from_millis(2);
/// Size of the stack of the thread, bytes.
const STACK_BYTES: usize = 256 * 1024;

/// Returns the state of the interface; `None` if it cannot be read. It may block.
type Source = Box<dyn FnMut() -> Option<InterfaceState> + Send>;

/// The packets that the interface dropped since the start of the relay.
pub(super) struct Missed {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The source, unless the thread has it.
    source: Option<Source>,
    thread: Option<JoinHandle<()>>,
    /// The state of the interface when it was read last.
    interface: Option<InterfaceState>,
    /// The value of the kernel's counter at that time. `None`: it is not counted yet.
    last: Option<u64>,
    /// The value of the kernel's counter that another relay counted up to, until the count begins.
    inherited: Option<u64>,
    /// The packets since the start of the relay.
    total: u64,
    /// Incremented when the count continues from another value: a value of the kernel that is older is not used.
    epoch: u64,
    /// When the kernel was asked last.
    sampled: Option<Instant>,
    /// Numbers of the last request to the thread and of the last one that it has handled.
    requested: u64,
    handled: u64,
    is_closed: bool,
}

impl State {
    /// Records a value of the kernel. A value below the last one is that of a counter that was reset.
    fn record(&mut self, interface: Option<InterfaceState>) {
        if let (Some(interface), Some(last)) = (interface, &mut self.last) {
            let added = interface.dropped.checked_sub(*last).unwrap_or(interface.dropped);
            self.total = self.total.saturating_add(added);
            *last = interface.dropped;
            self.interface = Some(interface);
        }
        self.sampled = Some(Instant::now());
    }
}

impl Default for Missed {
    fn default() -> Self {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }
}

impl Missed {
    /// Starts to count the drops of the interface of `device`, which is in the calling thread's network namespace. If
    /// the interface existed before, earlier drops are not counted. If the kernel's counter cannot be read, none are.
    pub(super) fn start(&self, device: &TunDevice, existed: bool) {
        let Ok(mut reader) = StateReader::of(device) else { return };
        let inherited = self.shared.lock().inherited;
        let start = match (inherited, existed) {
            (Some(inherited), _) => Some(inherited),
            (None, true) => reader.read().ok().flatten().map(|state| state.dropped),
            (None, false) => Some(0),
        };
        if let Some(start) = start {
            self.count_from(start, Box::new(move || reader.read().ok().flatten()));
        }
    }

    /// Counts from `start` on, the value of the kernel's counter now.
    fn count_from(&self, start: u64, source: Source) {
        let mut state = self.shared.lock();
        let start = state.inherited.take().unwrap_or(start);
        (state.source, state.last) = (Some(source), Some(start));
    }

    /// Continues the count of another relay, which counted up to `dropped`, a value of the kernel's counter.
    pub(super) fn restore(&self, dropped: u64) {
        let mut state = self.shared.lock();
        match &mut state.last {
            Some(last) => *last = dropped,
            None => state.inherited = Some(dropped),
        }
        (state.total, state.sampled) = (0, None);
        state.epoch += 1;
    }

    /// Returns the packets so far, and the value of the kernel's counter that they were counted up to.
    pub(super) fn reading(&self) -> (u64, Option<u64>) {
        let state = self.shared.lock();
        (state.total, state.last.or(state.inherited))
    }

    /// Returns the packets so far without asking the kernel.
    pub(super) fn count(&self) -> u64 {
        self.shared.lock().total
    }

    /// Returns the state of the interface when it was read last; `None` before the first [`Missed::refresh`].
    pub(super) fn interface(&self) -> Option<InterfaceState> {
        self.shared.lock().interface.clone()
    }

    /// Asks the kernel unless the value is younger than `age`, and waits for a moment until it has answered.
    pub(super) fn refresh(&self, age: Duration) {
        let mut state = self.shared.lock();
        let is_fresh = state.sampled.is_some_and(|at| at.elapsed() < age);
        if is_fresh || state.is_closed || !self.has_thread(&mut state) {
            return;
        }
        if state.requested == state.handled {
            state.requested += 1;
            self.shared.changed.notify_all();
        }
        let number = state.requested;
        let is_pending = |state: &mut State| state.handled < number && !state.is_closed;
        let waited = self.shared.changed.wait_timeout_while(state, WAIT, is_pending);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Asks the kernel for the last time, and releases the interface.
    pub(super) fn finish(&self) {
        let thread = {
            let mut state = self.shared.lock();
            state.is_closed = true;
            self.shared.changed.notify_all();
            state.thread.take()
        };
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        let source = self.shared.lock().source.take();
        if let Some(mut source) = source {
            let value = source();
            self.shared.lock().record(value);
        }
    }

    /// Starts the thread, unless it runs. Returns whether there is one.
    fn has_thread(&self, state: &mut State) -> bool {
        if state.thread.is_none() && state.source.is_some() {
            let shared = Arc::clone(&self.shared);
            let thread = Builder::new().name("tun2udp-missed".to_owned()).stack_size(STACK_BYTES);
            // If it is refused, the counter is read at the end.
            state.thread = thread.spawn(move || shared.run()).ok();
        }
        state.thread.is_some()
    }
}

impl Shared {
    /// Handles requests until the relay is closed, and returns the source.
    fn run(&self) {
        let Some(mut source) = self.lock().source.take() else { return };
        let mut state = self.lock();
        while !state.is_closed {
            if state.handled == state.requested {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (number, epoch) = (state.requested, state.epoch);
            drop(state);
            let value = source();
            state = self.lock();
            if state.epoch == epoch {
                state.record(value);
            }
            state.handled = number;
            self.changed.notify_all();
        }
        state.source = Some(source);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Missed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Missed").field("count", &self.count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc;

    fn state(dropped: u64) -> Option<InterfaceState> {
        (dropped != u64::MAX).then(|| InterfaceState { dropped, ..InterfaceState::default() })
    }

    /// A source that returns the value of the kernel; `u64::MAX`: it cannot be read.
    fn source(kernel: &Arc<AtomicU64>) -> Source {
        let kernel = Arc::clone(kernel);
        Box::new(move || state(kernel.load(Ordering::Relaxed)))
    }

    /// Refreshes until the count is `expected`: a slow machine may need more than the time of one call.
    fn assert_count(missed: &Missed, expected: u64) {
        let end = Instant::now() + Duration::from_secs(60);
        while missed.count() != expected {
            assert!(Instant::now() < end, "{missed:?} instead of {expected}");
            missed.refresh(Duration::ZERO);
        }
    }

    #[test]
    fn packets_before_the_start_are_not_counted_and_the_count_never_falls() {
        let kernel = Arc::new(AtomicU64::new(100));
        let missed = Missed::default();
        missed.count_from(100, source(&kernel));
        for (value, expected) in
            [(100, 0), (107, 7), (u64::MAX, 7), (110, 10), (4, 14), (4, 14), (0, 14), (6, 20)]
        {
            kernel.store(value, Ordering::Relaxed);
            assert_count(&missed, expected);
            missed.refresh(Duration::ZERO);
            assert_eq!(missed.count(), expected, "{value}");
        }
        assert_eq!(missed.interface(), state(6));
        kernel.store(8, Ordering::Relaxed);
        missed.finish();
        assert_eq!(missed.count(), 22);
    }

    #[test]
    fn the_count_of_another_relay_is_continued_without_a_gap() {
        for is_started in [false, true] {
            let kernel = Arc::new(AtomicU64::new(40));
            let missed = Missed::default();
            assert_eq!(missed.reading(), (0, None));
            if is_started {
                missed.count_from(10, source(&kernel));
                assert_count(&missed, 30);
            }
            missed.restore(35);
            if !is_started {
                assert_eq!(missed.reading(), (0, Some(35)), "it can be passed on again");
                missed.count_from(10, source(&kernel));
            }
            assert_eq!(missed.reading(), (0, Some(35)), "{is_started}");
            assert_count(&missed, 5);
            assert_eq!(missed.reading(), (5, Some(40)));
            missed.finish();
        }
    }

    #[test]
    fn the_end_reads_the_counter_once_more_and_releases_the_source() {
        for reads in [0, 1] {
            let kernel = Arc::new(AtomicU64::new(0));
            let missed = Missed::default();
            missed.count_from(0, source(&kernel));
            for _ in 0..reads {
                missed.refresh(Duration::ZERO);
            }
            kernel.store(5, Ordering::Relaxed);
            missed.finish();
            assert_eq!((missed.count(), Arc::strong_count(&kernel)), (5, 1), "{reads} reads");
            kernel.store(9, Ordering::Relaxed);
            missed.refresh(Duration::ZERO);
            missed.finish();
            assert_eq!(missed.count(), 5);
        }
    }

    #[test]
    fn a_value_that_is_young_enough_is_used_again() {
        let missed = Missed::default();
        missed.count_from(0, source(&Arc::new(AtomicU64::new(3))));
        assert_count(&missed, 3);
        let requests = || missed.shared.lock().requested;
        let before = requests();
        missed.refresh(Duration::MAX);
        assert_eq!(requests(), before);
        missed.finish();
    }

    #[test]
    fn a_kernel_that_does_not_answer_delays_nobody() {
        let (answer, answers) = mpsc::channel::<u64>();
        let missed = Missed::default();
        missed.count_from(0, Box::new(move || answers.recv().ok().and_then(state)));
        for _ in 0..3 {
            missed.refresh(Duration::ZERO);
            assert_eq!(missed.count(), 0);
        }
        answer.send(3).unwrap();
        // The next request blocks as well, until the sender is dropped.
        assert_count(&missed, 3);
        drop(answer);
        missed.finish();
        assert_eq!(missed.count(), 3);
    }
}
