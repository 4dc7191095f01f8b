//! Ends relays with the JavaScript environment that started them.
//!
//! A relay's thread is not one of Node's. Without this module, the relay of a terminated worker would
//! continue to run, and an interface that existed before would keep everything the relay added. There are two
//! paths, since neither covers all cases: `worker.terminate()` runs the environment's clean-up hooks but no
//! JavaScript; `process.exit()` on the main thread runs the listeners of its `exit` event but no such hooks.

use napi::Env;
use napi_derive::napi;
use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tun2udp_core::relay::Relay;

/// How long the end of an environment waits for a start that is still running. A start takes milliseconds.
/// One that takes longer hangs in the kernel, and the process must not hang with it.
const START_TIMEOUT: Duration = Duration::from_secs(2);

/// The slots of one environment.
type Slots = Arc<Mutex<Vec<Arc<Slot>>>>;

thread_local! {
    /// The slots of the environment that runs on this thread.
    static ENVIRONMENT: RefCell<Option<Slots>> = const { RefCell::new(None) };
}

/// The slot of one relay, from before its start until after its end.
#[derive(Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
enum State {
    /// The start is running.
    #[default]
    Starting,
    /// The relay runs, or ran.
    Started(Arc<Relay>),
    /// The relay never started, or is no longer needed.
    Gone,
}

impl Slot {
    /// Creates a slot that ends with the environment of `env`.
    pub(crate) fn register(env: &Env) -> napi::Result<Arc<Self>> {
        let slot = Arc::new(Self::default());
        ENVIRONMENT.with_borrow_mut(|environment| {
            let slots = match environment {
                Some(slots) => Arc::clone(slots),
                None => Arc::clone(environment.insert(install(env)?)),
            };
            let mut slots = lock(&slots);
            slots.retain(|slot| !slot.is_gone());
            slots.push(Arc::clone(&slot));
            Ok(slot)
        })
    }

    /// Stores the relay. Returns `None`, and closes the relay, if the environment has already ended.
    pub(crate) fn started(&self, relay: Relay) -> Option<Arc<Relay>> {
        let mut state = lock(&self.state);
        if matches!(*state, State::Gone) {
            return None;
        }
        let relay = Arc::new(relay);
        *state = State::Started(Arc::clone(&relay));
        self.changed.notify_all();
        Some(relay)
    }

    /// Releases the relay, which has ended or did not start.
    pub(crate) fn release(&self) {
        *lock(&self.state) = State::Gone;
        self.changed.notify_all();
    }

    fn is_gone(&self) -> bool {
        matches!(*lock(&self.state), State::Gone)
    }

    /// Asks the relay to end, if it runs.
    fn close(&self) {
        if let State::Started(relay) = &*lock(&self.state) {
            relay.close();
        }
    }

    /// Waits until everything of the relay is removed.
    fn finish(&self) {
        let is_starting = |state: &mut State| matches!(state, State::Starting);
        let waited = self.changed.wait_timeout_while(lock(&self.state), START_TIMEOUT, is_starting);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let last = std::mem::replace(&mut *state, State::Gone);
        drop(state);
        if let State::Started(relay) = last {
            relay.close();
            relay.join();
        }
    }
}

/// Closes all relays of this thread's environment, including those that are still starting, and waits until
/// everything of them is removed. It blocks, and is meant for listeners of `exit`.
#[napi(catch_unwind)]
pub fn close_relays() {
    if let Some(slots) = ENVIRONMENT.with_borrow(Clone::clone) {
        finish_all(&slots);
    }
}

fn install(env: &Env) -> napi::Result<Slots> {
    let slots = Slots::default();
    env.add_env_cleanup_hook(Arc::clone(&slots), |slots: Slots| {
        ENVIRONMENT.with_borrow_mut(|environment| *environment = None);
        finish_all(&slots);
    })?;
    Ok(slots)
}

fn finish_all(slots: &Slots) {
    let slots = std::mem::take(&mut *lock(slots));
    // All relays are asked first, so that they end in parallel.
    slots.iter().for_each(|slot| slot.close());
    slots.iter().for_each(|slot| slot.finish());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
