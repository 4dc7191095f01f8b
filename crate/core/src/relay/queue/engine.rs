//! The loop of one queue: both directions on one thread, in batches, and asleep when idle.
//!
//! It waits on an epoll set of its own and not in tokio's reactor: a wake-up is one system call then,
//! and being level-triggered it need not read until a source answers EAGAIN (docs/performance.md).

use super::busy_poll::{BUSY_POLL, BusyPoll, Source};
use super::inbound::Inbound;
use super::outbound::Outbound;
use super::pauses::Pauses;
use super::step::{Failure, Step, StepReport};
use crate::backoff::Backoff;
use crate::device::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::relay::fallback::Fallback;
use crate::relay::peers::Peers;
use crate::relay::steering;
use crate::sys::poll::{Bell, Interest, Poller, Readiness};
use crate::transport::UdpEndpoint;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Tells every loop of a relay to end; may be raised from any thread.
///
/// It may outlive the relay and has no descriptor of its own: the bell ends with the loops.
#[derive(Debug)]
pub(in crate::relay) struct Stop {
    is_raised: AtomicBool,
    bell: Weak<Bell>,
}

impl Stop {
    /// Rings `bell`, which each loop hears while it sleeps.
    pub(in crate::relay) fn new(bell: &Arc<Bell>) -> Self {
        Self { is_raised: AtomicBool::new(false), bell: Arc::downgrade(bell) }
    }

    pub(in crate::relay) fn raise(&self) {
        self.is_raised.store(true, Ordering::Release);
        if let Some(bell) = self.bell.upgrade() {
            bell.ring();
        }
    }

    pub(super) fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Acquire)
    }
}

/// One queue of a relay: its device and socket, both halves, and the word to stop.
pub(super) struct Engine {
    outbound: Outbound,
    inbound: Inbound,
    device: Arc<TunDevice>,
    endpoint: Arc<UdpEndpoint>,
    stop: Arc<Stop>,
    peers: Arc<Peers>,
    poller: Poller,
    /// What the device and the socket are watched for.
    watched: [Interest; 2],
    busy_poll: BusyPoll,
    pauses: Pauses,
    /// Waiting itself.
    waiting: Backoff,
}

/// What an engine is made of.
pub(super) struct Parts {
    pub(super) outbound: Outbound,
    pub(super) inbound: Inbound,
    pub(super) device: Arc<TunDevice>,
    pub(super) endpoint: Arc<UdpEndpoint>,
    pub(super) stop: Arc<Stop>,
    pub(super) peers: Arc<Peers>,
}

/// What the epoll set calls its descriptors.
const DEVICE: u64 = 0;
const ENDPOINT: u64 = 1;
const STOP: u64 = 2;

const READABLE: Interest = Interest { readable: true, writable: false };

/// Which of the two sources may have something.
#[derive(Clone, Copy)]
struct Ready {
    device: bool,
    endpoint: bool,
    /// Both were quiet until now: what there is will be a single packet.
    single_packet: bool,
}

impl Ready {
    const NONE: Self = Self { device: false, endpoint: false, single_packet: false };
    const ANY: Self = Self { device: true, endpoint: true, single_packet: false };

    fn is_any(self) -> bool {
        self.device || self.endpoint
    }
}

/// A wait that takes longer than this was one: with something to tell it returns at once.
const SLEEP: Duration = Duration::from_micros(3);

impl Engine {
    /// An engine that hears `bell`.
    pub(super) fn new(parts: Parts, bell: &Bell) -> io::Result<Self> {
        let Parts { outbound, inbound, device, endpoint, stop, peers } = parts;
        let poller = Poller::new()?;
        poller.add(device.as_fd(), DEVICE, READABLE)?;
        poller.add(endpoint.as_fd(), ENDPOINT, READABLE)?;
        poller.add(bell.as_fd(), STOP, READABLE)?;
        Ok(Self {
            outbound,
            inbound,
            device,
            endpoint,
            stop,
            peers,
            poller,
            watched: [READABLE; 2],
            busy_poll: BusyPoll::default(),
            pauses: Pauses::default(),
            waiting: Backoff::READ,
        })
    }

    /// Relays until told to stop (`Ok`) or the device is gone (`Err`).
    pub(super) fn run(&mut self, on_fallback: &(dyn Fn(Fallback) + Sync)) -> Result<()> {
        let result = self.relay(on_fallback);
        self.outbound.close();
        self.inbound.close();
        result
    }

    fn relay(&mut self, on_fallback: &(dyn Fn(Fallback) + Sync)) -> Result<()> {
        let mut ready = Ready::ANY;
        while !self.stop.is_raised() {
            let (mut outbound, mut inbound) = (Step::Drained, Step::Drained);
            if ready.device && self.pauses.may_read(Source::Device) {
                let report = self.outbound.step(ready.single_packet);
                outbound = self.note(report, on_fallback)?;
                self.pauses.note(Source::Device, outbound);
            }
            if ready.endpoint && self.pauses.may_read(Source::Endpoint) {
                let report = self.inbound.step(ready.single_packet);
                inbound = self.note(report, on_fallback)?;
                self.pauses.note(Source::Endpoint, inbound);
            }
            ready = if outbound == Step::Moved || inbound == Step::Moved {
                // Meanwhile the other may have got something.
                Ready::ANY
            } else {
                match self.wait(outbound, inbound) {
                    Ok(ready) => ready,
                    // The next wait may succeed; until then both are tried now and then.
                    Err(_) => self.pause(),
                }
            };
        }
        Ok(())
    }

    /// Passes on what a round found out; returns how far it came.
    fn note(
        &self,
        report: std::result::Result<StepReport, Failure>,
        on_fallback: &(dyn Fn(Fallback) + Sync),
    ) -> Result<Step> {
        let report = report.map_err(|failure| self.fatal(&failure))?;
        if let Some(fallback) = report.fallback {
            on_fallback(fallback);
        }
        if report.is_misdirected && steering::redirect_datagrams(&self.endpoint).is_ok() {
            on_fallback(Fallback::Receivers);
        }
        Ok(report.step)
    }

    /// Waits until either half can go on, and returns which.
    fn wait(&mut self, outbound: Step, inbound: Step) -> io::Result<Ready> {
        let may_watch = |source, step| step != Step::Blocked && self.pauses.is_watched(source);
        let device = Interest {
            readable: may_watch(Source::Device, outbound),
            writable: inbound == Step::Blocked,
        };
        let endpoint = Interest {
            readable: may_watch(Source::Endpoint, inbound),
            writable: outbound == Step::Blocked,
        };
        if self.watched != [device, endpoint] {
            self.poller.change(self.device.as_fd(), DEVICE, device)?;
            self.poller.change(self.endpoint.as_fd(), ENDPOINT, endpoint)?;
            self.watched = [device, endpoint];
        }
        let is_blocked = outbound == Step::Blocked || inbound == Step::Blocked;
        let is_busy = is_blocked || !self.pauses.are_none();
        let is_quiet = !is_busy && self.outbound.is_quiet() && self.inbound.is_quiet();
        let ready = if is_quiet {
            self.wait_for_turn()?
        } else {
            self.busy_poll.reset();
            self.sleep()?
        };
        if !self.waiting.is_on() {
            self.waiting.accept(Instant::now());
        }
        // Room in one is what the half that comes from the other waits for.
        let is_over = |source| self.pauses.is_over(source);
        Ok(Ready {
            device: ready.device || outbound == Step::Blocked || is_over(Source::Device),
            endpoint: ready.endpoint || inbound == Step::Blocked || is_over(Source::Endpoint),
            ..ready
        })
    }

    /// Sleeps after a wait that failed, and lets both sources be tried.
    fn pause(&mut self) -> Ready {
        let now = Instant::now();
        self.waiting.refuse(now);
        thread::sleep(self.waiting.pause_left(now).unwrap_or_default());
        Ready::ANY
    }

    /// Waits for the next packet where the last ones came one by one.
    fn wait_for_turn(&mut self) -> io::Result<Ready> {
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
        match (ready.device, ready.endpoint) {
            (true, false) => self.busy_poll.record_turn(Source::Device, now),
            (false, true) => self.busy_poll.record_turn(Source::Endpoint, now),
            _ => self.busy_poll.reset(),
        }
        Ok(Ready { single_packet: now.duration_since(began) > SLEEP, ..ready })
    }

    /// Sleeps until there is something to do, with the peers too.
    fn sleep(&mut self) -> io::Result<Ready> {
        let time_left = self.peers.time_left();
        let pause_left = self.pauses.limit();
        let told = self.poller.wait(time_left.into_iter().chain(pause_left).min())?;
        let ready = self.ready(told);
        if time_left.is_some() {
            self.peers.expire();
        }
        Ok(ready)
    }

    /// Which sources the poller tells of.
    fn ready(&mut self, told: impl Iterator<Item = Readiness>) -> Ready {
        let mut ready = Ready::NONE;
        for Readiness { token, has_error } in told {
            match token {
                DEVICE => {
                    ready.device = true;
                    if has_error {
                        self.pauses.end(Source::Device);
                    }
                }
                ENDPOINT => {
                    ready.endpoint = true;
                    if has_error {
                        self.inbound.take_errors();
                    }
                }
                _ => {}
            }
        }
        ready
    }

    fn fatal(&self, failure: &Failure) -> Error {
        let name = self.device.name();
        let base = Error::os(failure.operation, name, failure.syscall, &failure.error);
        // After the deletion of the interface every call says EBADFD (drivers/net/tun.c).
        if base.code() == ErrorCode::DeviceDeleted {
            return base.with_advice(
                "the interface was deleted: start the relay again, and leave its interface alone",
            );
        }
        base
    }
}
