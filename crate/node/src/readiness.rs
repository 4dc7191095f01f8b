//! Reports when a device can be read or written.

use crate::sys::uv::Poll;
use napi_derive::napi;

/// A device that the event loop watches.
#[napi]
pub struct NativeReadiness {
    poll: Poll,
}

impl NativeReadiness {
    pub(crate) fn new(poll: Poll) -> Self {
        Self { poll }
    }
}

#[napi]
impl NativeReadiness {
    /// Watches for events, a sum of 1 (readable) and 2 (writable), and reports each of them once; 0: none.
    #[napi(catch_unwind)]
    pub fn watch(&self, events: i32) {
        self.poll.watch(events);
    }

    /// Sets whether the watcher keeps the process alive.
    #[napi(catch_unwind)]
    pub fn set_referenced(&self, is_referenced: bool) {
        self.poll.set_referenced(is_referenced);
    }

    /// Stops the watcher.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.poll.close();
    }
}
