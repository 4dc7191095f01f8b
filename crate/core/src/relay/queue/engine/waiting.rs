//! The waits of a loop: asleep, or polling while packets alternate.

use super::{Engine, Ready};
use crate::relay::queue::busy_poll::{BUSY_POLL, Source};
use crate::relay::queue::pause::Pause;
use crate::relay::queue::step::Step;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// A wait that takes longer than this slept: if something is ready, it returns at once.
const SLEEP: Duration = Duration::from_micros(3);

impl Engine {
    /// Returns whether the device probably has the reply to a single packet that was just written into it.
    #[inline]
    pub(super) fn expects_reply(&self, ready: Ready) -> bool {
        self.prompt.are_expected()
            && ready.single_packet
            && !ready.device
            && self.pause.is_none()
            && self.sockets.iter().all(|socket| socket.step != Step::Blocked && socket.is_quiet())
    }

    /// Lets a single packet be read from the device without asking the poller.
    pub(super) fn try_device(&mut self) -> Ready {
        self.prompt.begin_trial();
        self.sockets.iter_mut().for_each(|socket| socket.is_ready = false);
        Ready { device: true, is_any_socket: false, single_packet: true }
    }

    /// Notes what the device had, if it was read without asking the poller.
    #[inline]
    pub(super) fn note_trial(&mut self) {
        if !self.prompt.end_trial() {
            return;
        }
        if self.outbound.has_read() {
            self.busy_poll.record_prompt();
        } else {
            self.prompt.note(false);
        }
    }

    /// Waits for the next packet where the last ones came one by one.
    pub(super) fn wait_for_turn(&mut self) -> io::Result<Ready> {
        let began = Instant::now();
        let (mut now, mut ready) = (began, Ready::NONE);
        if self.busy_poll.should_poll() {
            while !ready.is_any() && now.duration_since(began) < BUSY_POLL {
                thread::yield_now();
                let told = self.poller.poll_now()?;
                ready = self.ready(told);
                now = Instant::now();
            }
        }
        if !ready.is_any() {
            ready = self.sleep()?;
            now = Instant::now();
        }
        let has_slept = now.duration_since(began) > SLEEP;
        let is_turn = match (ready.device, ready.is_any_socket) {
            (true, false) => {
                let is_turn = self.busy_poll.record_turn(Source::Device, now);
                self.prompt.note(is_turn && !has_slept);
                is_turn
            }
            (false, true) => self.busy_poll.record_turn(Source::Endpoint, now),
            _ => {
                self.busy_poll.reset();
                false
            }
        };
        // The clock alone would not show it: a wait can be slow though something is ready, and then there may be
        // more behind it. A source that is ready twice in a row is read in batches.
        Ok(Ready { single_packet: is_turn && has_slept, ..ready })
    }

    /// Sleeps until there is something to do, or something is due with a peer.
    pub(super) fn sleep(&mut self) -> io::Result<Ready> {
        let pauses = self.sockets.iter().map(|socket| &socket.pause).chain([&self.pause]);
        let deadlines = [self.peers.time_left(), self.loops.time_left()].into_iter().flatten();
        let limits = deadlines.chain(self.idle.limit());
        let limit = limits.chain(pauses.filter_map(Pause::left)).min();
        let told = self.poller.wait(limit)?;
        let ready = self.ready(told);
        if self.idle.note_wait(limit, ready.is_any()) {
            self.outbound.release_memory();
            self.sockets.iter_mut().for_each(|socket| socket.inbound.release_memory());
        }
        Ok(ready)
    }
}
