//! Pauses of a loop: another relay may take over its descriptors.

use super::Engine;
use crate::error::Result;
use crate::relay::queue::observer::Reporter;
use crate::relay::queue::recording::Recording;
use std::thread;
use std::time::{Duration, Instant};

/// How long a paused queue waits until the kernel accepts its last packets, and how often it tries.
const FINISH_LIMIT: Duration = Duration::from_millis(20);
const FINISH_INTERVAL: Duration = Duration::from_micros(500);

impl Engine {
    /// Relays until the relay ends. While it is paused, no packet is left in this process.
    pub(super) fn relay_with_pauses(&mut self, reporter: &Reporter<'_>) -> Result<()> {
        loop {
            self.relay(reporter)?;
            if !self.stop.is_pausing() {
                return Ok(());
            }
            self.finish_batches();
            self.stop.park();
        }
    }

    /// Sends and writes the packets that wait in this process. Those that the kernel does not accept in time are counted
    /// as dropped.
    fn finish_batches(&mut self) {
        let deadline = Instant::now() + FINISH_LIMIT;
        loop {
            let recording = Recording::new(&self.tap);
            let mut is_done = self.outbound.finish(&recording);
            for socket in &mut self.sockets {
                is_done &= socket.inbound.finish(&recording);
            }
            if is_done || Instant::now() >= deadline {
                break;
            }
            thread::sleep(FINISH_INTERVAL);
        }
        self.close_batches();
    }

    /// Counts the packets that wait as dropped.
    pub(super) fn close_batches(&mut self) {
        let recording = Recording::new(&self.tap);
        self.outbound.close(&recording);
        for socket in &mut self.sockets {
            socket.inbound.close(&recording);
        }
    }
}
