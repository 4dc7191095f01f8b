//! Relays end with the JavaScript environment that started them.
//!
//! The relay's thread is not one of Node's: without this the relay of a terminated worker would run on,
//! and an interface that was there before would keep what the relay added. Two ways lead here, since
//! neither covers all: `worker.terminate()` runs no JavaScript but the environment's clean-up hooks,
//! `process.exit()` on the main thread runs no such hooks but the listeners of its `exit` event.

use napi::Env;
use napi_derive::napi;
use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tun2udp_core::relay::Relay;

/// How long the end of an environment waits for a start that is under way. A start takes milliseconds; what
/// takes longer hangs in the kernel, and the process is not to hang with it.
const START_TIMEOUT: Duration = Duration::from_secs(2);

/// The slots of one environment.
type Slots = Arc<Mutex<Vec<Arc<Slot>>>>;

thread_local! {
    /// Those of the environment that runs on this thread.
    static ENVIRONMENT: RefCell<Option<Slots>> = const { RefCell::new(None) };
}

/// The place of one relay, from before its start to after its end.
#[derive(Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
enum State {
    /// The start is under way.
    #[default]
    Starting,
    /// It runs, or ran.
    Started(Arc<Relay>),
    /// It never started, or nobody needs it any more.
    Gone,
}

impl Slot {
    /// A slot that ends with the environment of `env`.
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

    /// Takes the relay in; gives nothing, and closes it, when the environment is gone already.
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

    /// Lets go of the relay: it has ended, or did not start.
    pub(crate) fn release(&self) {
        *lock(&self.state) = State::Gone;
        self.changed.notify_all();
    }

    fn is_gone(&self) -> bool {
        matches!(*lock(&self.state), State::Gone)
    }

    /// Tells the relay to end, if it runs.
    fn close(&self) {
        if let State::Started(relay) = &*lock(&self.state) {
            relay.close();
        }
    }

    /// Waits until nothing of the relay is left.
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

/// Closes all relays of this thread's environment and waits until nothing of them is left; one whose start
/// is under way, too. For the listeners of `exit`: it blocks.
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
    // All are told first, so that they end side by side.
    slots.iter().for_each(|slot| slot.close());
    slots.iter().for_each(|slot| slot.finish());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
