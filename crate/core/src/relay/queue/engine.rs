//! The loop of one queue: both directions on one thread, in batches, and asleep when idle.
//!
//! It waits on an epoll set of its own and not in tokio's reactor: a wake-up is one system call then,
//! and being level-triggered it need not read until a source answers EAGAIN (docs/performance.md).

mod pausing;
mod waiting;

use super::busy_poll::BusyPoll;
use super::idle::Idle;
use super::keepalives::Keepalives;
use super::observer::{Observer, Reporter};
use super::outbound::Outbound;
use super::pause::Pause;
use super::prompt::PromptReplies;
use super::recording::Recording;
use super::socket::{Rounds, Socket};
use super::step::Step;
use super::stop::Stop;
use super::time_slice::TimeSlice;
use crate::backoff::Backoff;
use crate::capture::Tap;
use crate::device::TunDevice;
use crate::error::Result;
use crate::relay::loops::Loops;
use crate::relay::peers::Peers;
use crate::relay::stats::Counters;
use crate::sys::poll::{Interest, Poller, Readiness, WakeUp};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

/// One queue of a relay: its device and sockets, both directions, and what ends it.
pub(super) struct Engine {
    outbound: Outbound,
    sockets: Vec<Socket>,
    keepalives: Keepalives,
    /// Signalled when peers have an earlier deadline.
    deadline: Arc<WakeUp>,
    device: Arc<TunDevice>,
    stop: Arc<Stop>,
    peers: Arc<Peers>,
    loops: Arc<Loops>,
    counters: Arc<Counters>,
    tap: Tap,
    poller: Poller,
    /// The events that the device is watched for.
    watched: Interest,
    /// Reading the device.
    pause: Pause,
    /// Waiting itself.
    waiting: Backoff,
    busy_poll: BusyPoll,
    prompt: PromptReplies,
    idle: Idle,
    rounds: Rounds,
    time_slice: TimeSlice,
}

/// The components of an engine.
pub(super) struct Parts {
    pub(super) outbound: Outbound,
    /// Those at the receiving port first.
    pub(super) sockets: Vec<Socket>,
    pub(super) keepalives: Keepalives,
    /// Signalled when peers have an earlier deadline.
    pub(super) deadline: Arc<WakeUp>,
    pub(super) device: Arc<TunDevice>,
    pub(super) stop: Arc<Stop>,
    pub(super) peers: Arc<Peers>,
    pub(super) loops: Arc<Loops>,
    pub(super) counters: Arc<Counters>,
    pub(super) tap: Tap,
}

/// The numbers of the descriptors in the epoll set; the sockets have the numbers from 0 on.
const DEVICE: u64 = u64::MAX;
const STOP: u64 = DEVICE - 1;
const DEADLINE: u64 = DEVICE - 2;

const READABLE: Interest = Interest { readable: true, writable: false };

/// Which of the sources may have something. Each socket knows it itself.
#[derive(Clone, Copy)]
struct Ready {
    device: bool,
    is_any_socket: bool,
    /// All were quiet, and the source is the other one than last time: it has a single packet.
    single_packet: bool,
}

impl Ready {
    const NONE: Self = Self { device: false, is_any_socket: false, single_packet: false };
    const ANY: Self = Self { device: true, is_any_socket: true, single_packet: false };

    fn is_any(self) -> bool {
        self.device || self.is_any_socket
    }
}

impl Engine {
    /// Creates an engine that `wake_up` can wake.
    pub(super) fn new(parts: Parts, wake_up: &WakeUp) -> io::Result<Self> {
        let Parts { outbound, sockets, keepalives, deadline, device, stop, .. } = parts;
        let Parts { peers, loops, counters, tap, .. } = parts;
        let poller = Poller::new()?;
        poller.add(device.as_fd(), DEVICE, READABLE)?;
        for (socket, token) in sockets.iter().zip(0..) {
            poller.add(socket.endpoint.as_fd(), token, socket.watched)?;
        }
        poller.add(wake_up.as_fd(), STOP, READABLE)?;
        poller.add(deadline.as_fd(), DEADLINE, READABLE)?;
        Ok(Self {
            outbound,
            sockets,
            keepalives,
            deadline,
            device,
            stop,
            peers,
            loops,
            counters,
            tap,
            poller,
            watched: READABLE,
            pause: Pause::default(),
            waiting: Backoff::READ,
            busy_poll: BusyPoll::default(),
            prompt: PromptReplies::default(),
            idle: Idle::default(),
            rounds: Rounds::default(),
            time_slice: TimeSlice::default(),
        })
    }

    /// Relays until the owner stops the relay (`Ok`) or the device is gone (`Err`).
    pub(super) fn run(&mut self, reporter: &Reporter<'_>) -> Result<()> {
        let result = self.relay_with_pauses(reporter);
        self.close_batches();
        self.tap.end(&self.counters.capture_totals());
        result
    }

    fn relay(&mut self, reporter: &Reporter<'_>) -> Result<()> {
        let mut ready = Ready::ANY;
        let first = self.sockets.first().map(|socket| Arc::clone(&socket.endpoint));
        let (device, peers) = (Arc::clone(&self.device), Arc::clone(&self.peers));
        let loops = Arc::clone(&self.loops);
        let observer = Observer { device: &device, peers: &peers, loops: &loops, reporter };
        while !self.stop.is_raised() {
            self.tap.refresh(|| self.counters.capture_totals());
            let recording = Recording::new(&self.tap);
            let mut outbound = Step::Drained;
            if ready.device && self.pause.may_read() {
                let report = self.outbound.step(ready.single_packet, &recording);
                outbound = observer.note(first.as_deref(), report)?;
                self.pause.note(outbound);
            }
            let mut has_moved = outbound == Step::Moved;
            for socket in &mut self.sockets {
                socket.step = Step::Drained;
                if socket.is_ready && socket.pause.may_read() {
                    let report = socket.inbound.step(ready.single_packet, &recording);
                    socket.step = observer.note(Some(&socket.endpoint), report)?;
                    socket.pause.note(socket.step);
                    has_moved |= socket.step == Step::Moved;
                }
            }
            self.note_trial();
            ready = if has_moved {
                // During this time another source may have received data.
                self.expect_more()
            } else if self.expects_reply(ready) {
                self.try_device()
            } else {
                match self.wait(outbound) {
                    Ok(ready) => ready,
                    // The next wait may succeed; until then all are tried now and then.
                    Err(_) => self.sleep_after_failure(),
                }
            };
            observer.note_changes();
        }
        Ok(())
    }

    /// Lets the sources be tried that had something a moment ago, or are likely to.
    fn expect_more(&mut self) -> Ready {
        self.idle.note_batch();
        let all = self.rounds.is_for_all();
        if all {
            // While packets are moved all the time, there is no wait.
            self.meet_deadlines();
            self.time_slice.note(false);
        }
        self.sockets.iter_mut().for_each(|socket| socket.expect_more(all));
        Ready::ANY
    }

    /// Waits until a direction can go on, and returns which.
    fn wait(&mut self, outbound: Step) -> io::Result<Ready> {
        let is_device_full = self.sockets.iter().any(|socket| socket.step == Step::Blocked);
        self.watch(outbound, is_device_full)?;
        let is_blocked = outbound == Step::Blocked || is_device_full;
        let mut is_quiet = !is_blocked && self.outbound.is_quiet() && self.pause.is_none();
        is_quiet &= self.sockets.iter().all(Socket::is_quiet);
        self.time_slice.note(is_quiet);
        let mut ready = if is_quiet {
            self.wait_for_turn()?
        } else {
            self.busy_poll.reset();
            self.idle.note_batch();
            self.sleep()?
        };
        self.meet_deadlines();
        if !self.waiting.is_on() {
            self.waiting.accept(Instant::now());
        }
        // Room in one is what the direction from the other waits for.
        ready.device |= outbound == Step::Blocked || self.pause.is_over();
        for socket in &mut self.sockets {
            socket.is_ready |= socket.step == Step::Blocked || socket.pause.is_over();
        }
        Ok(ready)
    }

    /// Handles the deadlines of peers that have passed.
    #[inline]
    fn meet_deadlines(&mut self) {
        if let Some(due) = self.peers.expire()
            && self.keepalives.send(&due, &Recording::new(&self.tap))
            && let Some(socket) = self.sockets.first()
        {
            // The interface of a link-local peer may have another index now.
            self.peers.follow_zones(socket.endpoint.as_fd());
        }
    }

    /// Sleeps after a wait that failed, and lets all sources be tried.
    fn sleep_after_failure(&mut self) -> Ready {
        let now = Instant::now();
        self.waiting.refuse(now);
        thread::sleep(self.waiting.pause_left(now).unwrap_or_default());
        self.sockets.iter_mut().for_each(|socket| socket.is_ready = true);
        Ready::ANY
    }

    /// Changes what the descriptors are watched for, where that is another thing than before.
    fn watch(&mut self, outbound: Step, is_device_full: bool) -> io::Result<()> {
        let readable = outbound != Step::Blocked && self.pause.is_none();
        let device = Interest { readable, writable: is_device_full };
        if self.watched != device {
            self.poller.change(self.device.as_fd(), DEVICE, device)?;
            self.watched = device;
        }
        for (socket, number) in self.sockets.iter_mut().zip(0..) {
            let writable = outbound == Step::Blocked && self.outbound.is_blocked(number);
            let readable = socket.step != Step::Blocked && socket.pause.is_none();
            let interest = Interest { readable, writable };
            if socket.watched != interest {
                self.poller.change(socket.endpoint.as_fd(), number as u64, interest)?;
                socket.watched = interest;
            }
        }
        Ok(())
    }

    /// Returns which sources the poller reports as ready.
    fn ready(&mut self, told: impl Iterator<Item = Readiness>) -> Ready {
        let mut ready = Ready::NONE;
        self.sockets.iter_mut().for_each(|socket| socket.is_ready = false);
        for Readiness { token, has_error } in told {
            if token == DEVICE {
                ready.device = true;
                if has_error {
                    self.pause = Pause::default();
                }
                continue;
            }
            if token == DEADLINE {
                self.deadline.clear();
                continue;
            }
            let number = usize::try_from(token).unwrap_or(usize::MAX);
            if let Some(socket) = self.sockets.get_mut(number) {
                socket.is_ready = true;
                ready.is_any_socket = true;
                if has_error {
                    socket.inbound.take_errors();
                }
            }
        }
        ready
    }
}
