//! The ends of captures in the threads of a relay.

use super::channel::Channel;
use super::outer::Outer;
use super::pcapng::Comment;
use super::stats::{SIDES, Side};
use std::cell::Cell;
use std::fmt;
use std::io::IoSlice;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The totals of a relay's counters, of each side, in one thread.
pub(crate) type Totals = [u64; SIDES];

/// Time after which sleeping threads are woken again: another capture may have cleared the wake-up.
const PATIENCE: Duration = Duration::from_millis(10);
/// The version of a thread that has ended.
const ENDED: u32 = u32::MAX;

/// Wakes the threads of a relay that sleep, and with `false` ends that.
type Poke = Box<dyn Fn(bool) + Send + Sync>;

/// The captures of a relay.
pub(crate) struct Taps {
    /// Incremented with each change of the list.
    version: AtomicU32,
    state: Mutex<State>,
    changed: Condvar,
    poke: Poke,
}

impl fmt::Debug for Taps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taps").field("version", &self.version).finish_non_exhaustive()
    }
}

struct State {
    channels: Vec<Arc<Channel>>,
    /// The version that each thread has.
    queues: Vec<u32>,
}

impl Taps {
    /// Creates the list for the threads of `queues` queues.
    pub(crate) fn new(queues: usize, poke: Poke) -> Self {
        let state = State { channels: Vec::new(), queues: vec![0; queues] };
        Self { version: AtomicU32::new(0), state: Mutex::new(state), changed: Condvar::new(), poke }
    }

    /// Sets the number of threads that were really started.
    pub(crate) fn set_queues(&self, queues: usize) {
        self.state().queues.truncate(queues);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of threads.
    pub(super) fn queues(&self) -> usize {
        self.state().queues.len()
    }

    /// Returns whether all threads have ended.
    pub(super) fn is_ended(&self) -> bool {
        self.state().queues.iter().all(|version| *version == ENDED)
    }

    /// Adds a capture, and waits until each thread captures. If all threads have ended, it closes the capture.
    pub(super) fn add(&self, channel: &Arc<Channel>) {
        self.change(|channels| channels.push(Arc::clone(channel)));
        if self.is_ended() {
            channel.close();
        }
    }

    /// Removes a capture, and waits until no thread captures any more.
    pub(super) fn remove(&self, channel: &Arc<Channel>) {
        self.change(|channels| channels.retain(|other| !Arc::ptr_eq(other, channel)));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Channel>>)) {
        let mut state = self.state();
        change(&mut state.channels);
        let version = self.version.load(Ordering::Relaxed) + 1;
        self.version.store(version, Ordering::Release);
        while !state.queues.iter().all(|seen| *seen >= version) {
            (self.poke)(true);
            let waited = self.changed.wait_timeout(state, PATIENCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        (self.poke)(false);
    }
}

/// A packet that passes a point.
pub(crate) struct Record<'a> {
    pub(crate) side: Side,
    /// Nanoseconds since 1970.
    pub(crate) time: u64,
    /// The bytes of the packet, or of the payload of the datagram.
    pub(crate) pieces: &'a [IoSlice<'a>],
    /// The endpoints of a datagram.
    pub(crate) outer: Option<Outer>,
    pub(crate) comment: Comment,
}

/// The captures of one thread of a relay. It changes between batches only.
pub(crate) struct Tap {
    taps: Arc<Taps>,
    queue: usize,
    version: u32,
    active: Vec<Arc<Channel>>,
    /// Memory for filters: packets in one piece.
    scratch: Cell<Vec<u8>>,
}

impl Tap {
    /// Creates the end of the thread of this queue.
    pub(crate) fn new(taps: &Arc<Taps>, queue: usize) -> Self {
        let (taps, scratch) = (Arc::clone(taps), Cell::default());
        Self { taps, queue, version: 0, active: Vec::new(), scratch }
    }

    /// Returns whether anything is captured.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        !self.active.is_empty()
    }

    /// Begins and ends captures as requested. If nothing was requested, this is one relaxed load. `totals` returns the
    /// totals of this thread.
    #[inline]
    pub(crate) fn refresh(&mut self, totals: impl FnOnce() -> Totals) {
        if self.taps.version.load(Ordering::Relaxed) != self.version {
            self.change(&totals());
        }
    }

    #[cold]
    fn change(&mut self, totals: &Totals) {
        let taps = Arc::clone(&self.taps);
        let mut state = taps.state();
        self.version = taps.version.load(Ordering::Acquire);
        let has = |list: &[Arc<Channel>], one| list.iter().any(|other| Arc::ptr_eq(other, one));
        for channel in self.active.iter().filter(|channel| !has(&state.channels, channel)) {
            channel.end(self.queue, totals);
        }
        for channel in state.channels.iter().filter(|channel| !has(&self.active, channel)) {
            channel.begin(self.queue, totals);
        }
        self.active.clone_from(&state.channels);
        if let Some(seen) = state.queues.get_mut(self.queue) {
            *seen = self.version;
        }
        taps.changed.notify_all();
    }

    /// Passes a packet to the captures.
    pub(crate) fn record(&self, record: &Record<'_>) {
        let mut scratch = self.scratch.take();
        for channel in &self.active {
            channel.record(self.queue, record, &mut scratch);
        }
        self.scratch.set(scratch);
    }

    /// Ends the captures in this thread, with its totals.
    pub(crate) fn end(&mut self, totals: &Totals) {
        for channel in self.active.drain(..) {
            channel.end(self.queue, totals);
        }
        self.leave();
    }

    fn leave(&mut self) {
        let mut state = self.taps.state();
        if let Some(seen) = state.queues.get_mut(self.queue) {
            *seen = ENDED;
        }
        if state.queues.iter().all(|version| *version == ENDED) {
            state.channels.iter().for_each(|channel| channel.close());
        }
        self.taps.changed.notify_all();
    }
}

/// A thread that ends without [`Tap::end`] must not be waited for.
impl Drop for Tap {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Returns the time of the system's clock, nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::channel::Selection;
    use super::*;
    use crate::sys::poll::WakeUp;

    #[test]
    fn a_capture_that_begins_when_all_threads_have_ended_is_closed() {
        let taps = Arc::new(Taps::new(2, Box::new(|_| {})));
        let selection =
            Selection { interfaces: [None; 2], snap_length: 1, filter: None, buffer_bytes: 1 };
        let channel = Arc::new(Channel::new(selection, 2, WakeUp::new().unwrap()));
        (0..2).for_each(|number| Tap::new(&taps, number).end(&[0; SIDES]));
        taps.add(&channel);
        assert!(channel.is_closing());
    }
}
