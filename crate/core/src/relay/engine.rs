//! The loop of one queue: both directions on one thread, in batches, and asleep when idle.
//!
//! It waits on an epoll set of its own and not in tokio's reactor: a wake-up is one system call then,
//! and being level-triggered it need not read until a source answers EAGAIN (docs/performance.md).

use super::fallback::Fallback;
use super::inbound::Inbound;
use super::outbound::Outbound;
use super::{Failure, Step, steering};
use crate::device::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::poll::{Bell, Interest, Poller};
use crate::transport::{Downgrade, UdpEndpoint};
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// Tells every loop of a relay to end; may be raised from any thread.
///
/// It may outlive the relay and has no descriptor of its own: the bell ends with the loops.
#[derive(Debug)]
pub(super) struct Stop {
    is_raised: AtomicBool,
    bell: Weak<Bell>,
}

impl Stop {
    /// Rings `bell`, which each loop hears while it sleeps.
    pub(super) fn new(bell: &Arc<Bell>) -> Self {
        Self { is_raised: AtomicBool::new(false), bell: Arc::downgrade(bell) }
    }

    pub(super) fn raise(&self) {
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
    poller: Poller,
    /// What the device and the socket are watched for.
    watched: [Interest; 2],
}

/// What an engine is made of.
pub(super) struct Parts {
    pub(super) outbound: Outbound,
    pub(super) inbound: Inbound,
    pub(super) device: Arc<TunDevice>,
    pub(super) endpoint: Arc<UdpEndpoint>,
    pub(super) stop: Arc<Stop>,
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
}

impl Engine {
    /// An engine that hears `bell`.
    pub(super) fn new(parts: Parts, bell: &Bell) -> io::Result<Self> {
        let Parts { outbound, inbound, device, endpoint, stop } = parts;
        let poller = Poller::new()?;
        poller.add(device.as_fd(), DEVICE, READABLE)?;
        poller.add(endpoint.as_fd(), ENDPOINT, READABLE)?;
        poller.add(bell.as_fd(), STOP, READABLE)?;
        Ok(Self { outbound, inbound, device, endpoint, stop, poller, watched: [READABLE; 2] })
    }

    /// Relays until told to stop (`Ok`) or the device is gone (`Err`).
    pub(super) fn run(&mut self, on_fallback: &(dyn Fn(Fallback) + Sync)) -> Result<()> {
        let result = self.relay(on_fallback);
        self.outbound.close();
        self.inbound.close();
        result
    }

    fn relay(&mut self, on_fallback: &(dyn Fn(Fallback) + Sync)) -> Result<()> {
        let mut ready = Ready { device: true, endpoint: true };
        while !self.stop.is_raised() {
            let (mut outbound, mut inbound) = (Step::Drained, Step::Drained);
            if ready.device {
                outbound = self.outbound.step().map_err(|failure| self.fatal(&failure))?;
                if let Some(Downgrade::SegmentationOff { errno }) = self.outbound.take_downgrade() {
                    on_fallback(Fallback::UdpSegment(errno));
                }
            }
            if ready.endpoint {
                inbound = self.inbound.step().map_err(|failure| self.fatal(&failure))?;
                if let Some(errno) = self.inbound.take_refusal() {
                    on_fallback(Fallback::Coalesce(errno));
                }
                if self.inbound.take_stray() && steering::gather_datagrams(&self.endpoint).is_ok() {
                    on_fallback(Fallback::Receivers);
                }
            }
            ready = if outbound == Step::Moved || inbound == Step::Moved {
                // Meanwhile the other may have got something.
                Ready { device: true, endpoint: true }
            } else {
                self.wait(outbound, inbound).map_err(|error| {
                    Error::os("wait for", self.device.name(), "epoll_wait", &error)
                })?
            };
        }
        Ok(())
    }

    /// Waits until either half can go on, and answers which.
    fn wait(&mut self, outbound: Step, inbound: Step) -> io::Result<Ready> {
        let device =
            Interest { readable: outbound != Step::Blocked, writable: inbound == Step::Blocked };
        let endpoint =
            Interest { readable: inbound != Step::Blocked, writable: outbound == Step::Blocked };
        if self.watched != [device, endpoint] {
            self.poller.change(self.device.as_fd(), DEVICE, device)?;
            self.poller.change(self.endpoint.as_fd(), ENDPOINT, endpoint)?;
            self.watched = [device, endpoint];
        }
        let mut ready = Ready { device: false, endpoint: false };
        for readiness in self.poller.wait()? {
            match readiness.token {
                DEVICE => ready.device = true,
                ENDPOINT => {
                    ready.endpoint = true;
                    if readiness.has_error {
                        self.inbound.take_news();
                    }
                }
                _ => {}
            }
        }
        // Room in one is what the half that comes from the other waits for.
        Ok(Ready {
            device: ready.device || outbound == Step::Blocked,
            endpoint: ready.endpoint || inbound == Step::Blocked,
        })
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
