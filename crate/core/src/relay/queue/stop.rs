//! The signal that ends the loops of a relay.

use crate::sys::poll::WakeUp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// Ends every loop of a relay. Any thread may raise it.
///
/// It may outlive the relay and has no descriptor of its own: the wake-up is dropped with the loops.
#[derive(Debug)]
pub(in crate::relay) struct Stop {
    is_raised: AtomicBool,
    wake_up: Weak<WakeUp>,
}

impl Stop {
    /// Creates a signal that wakes each sleeping loop with `wake_up`.
    pub(in crate::relay) fn new(wake_up: &Arc<WakeUp>) -> Self {
        Self { is_raised: AtomicBool::new(false), wake_up: Arc::downgrade(wake_up) }
    }

    pub(in crate::relay) fn raise(&self) {
        self.is_raised.store(true, Ordering::Release);
        if let Some(wake_up) = self.wake_up.upgrade() {
            wake_up.wake();
        }
    }

    pub(super) fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Acquire)
    }
}
