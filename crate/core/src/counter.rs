//! A counter of the packet path.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter with one writer, so that adding needs no locked instruction.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        if amount != 0 {
            let sum = self.0.load(Ordering::Relaxed).wrapping_add(amount);
            self.0.store(sum, Ordering::Relaxed);
        }
    }

    pub(crate) fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
