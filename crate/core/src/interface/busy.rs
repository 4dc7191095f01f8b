//! Waits for a device that was closed a moment ago.

use crate::error::{Error, ErrorCode};
use std::thread;
use std::time::Duration;

const RETRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// Attempts to open a busy device: at most five more, 10 ms apart.
///
/// A device stays busy after its last `close()` while another process has a copy of the descriptor: a
/// child between fork(2) and execve(2), or a process that looks up the holders of the device.
#[derive(Debug, Default)]
pub(crate) struct BusyWait(u32);

impl BusyWait {
    /// Waits and returns `true` if `error` means that the device is busy and an attempt is left.
    pub(crate) fn should_retry(&mut self, error: &Error) -> bool {
        if error.code() != ErrorCode::Busy || self.0 >= RETRIES {
            return false;
        }
        self.0 = self.0.saturating_add(1);
        thread::sleep(PAUSE);
        true
    }
}
