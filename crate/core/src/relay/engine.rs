//! The loop of one queue: both directions on one thread, in batches, and asleep when idle.

use super::fallback::Fallback;
use super::inbound::Inbound;
use super::outbound::Outbound;
use super::{Failure, Step};
use crate::device::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::readiness;
use crate::transport::{Downgrade, UdpEndpoint};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// Tells every loop of a relay to end; may be raised from any thread.
#[derive(Debug)]
pub(super) struct Stop {
    is_raised: AtomicBool,
    wake: watch::Sender<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { is_raised: AtomicBool::new(false), wake: watch::Sender::new(false) }
    }
}

impl Stop {
    pub(super) fn raise(&self) {
        self.is_raised.store(true, Ordering::Release);
        // The value stays, so a loop that is not asleep yet does not miss it.
        self.wake.send_replace(true);
    }

    pub(super) fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Acquire)
    }

    async fn raised(&self) {
        // The sender lives as long as this.
        let _ = self.wake.subscribe().wait_for(|is_raised| *is_raised).await;
    }
}

/// One queue of a relay: its device and socket, both halves, and the word to stop.
pub(super) struct Engine {
    pub(super) outbound: Outbound,
    pub(super) inbound: Inbound,
    pub(super) device: Arc<TunDevice>,
    pub(super) endpoint: Arc<UdpEndpoint>,
    pub(super) device_ready: AsyncFd<OwnedFd>,
    pub(super) endpoint_ready: AsyncFd<OwnedFd>,
    pub(super) stop: Arc<Stop>,
}

/// `AsyncFd`s see an error (a deleted interface, news of the peer) only if they ask for it.
pub(super) const READABLE: Interest = Interest::READABLE.add(Interest::ERROR);

impl Engine {
    /// Relays until told to stop (`Ok`) or the device is gone (`Err`).
    pub(super) async fn run(&mut self, on_fallback: &(dyn Fn(Fallback) + Sync)) -> Result<()> {
        let result = self.relay(on_fallback).await;
        self.outbound.close();
        self.inbound.close();
        result
    }

    async fn relay(&mut self, on_fallback: &(dyn Fn(Fallback) + Sync)) -> Result<()> {
        while !self.stop.is_raised() {
            let outbound = self.outbound.step().map_err(|failure| self.fatal(&failure))?;
            if let Some(Downgrade::SegmentationOff { errno }) = self.outbound.take_downgrade() {
                on_fallback(Fallback::UdpSegment(errno));
            }
            let inbound = self.inbound.step().map_err(|failure| self.fatal(&failure))?;
            if let Some(errno) = self.inbound.take_refusal() {
                on_fallback(Fallback::Coalesce(errno));
            }
            if outbound == Step::Moved || inbound == Step::Moved {
                continue;
            }
            self.sleep(outbound, inbound).await?;
        }
        Ok(())
    }

    /// Waits until either half can go on.
    async fn sleep(&self, outbound: Step, inbound: Step) -> Result<()> {
        // Both sides have just answered EAGAIN, and the driver reports readiness only while this
        // task sleeps: what arrived since then is reported anew, so nothing is missed here.
        if outbound == Step::Idle {
            clear_readiness(&self.device_ready);
        }
        if inbound == Step::Idle {
            clear_readiness(&self.endpoint_ready);
        }
        let wait = async {
            tokio::select! {
                () = self.stop.raised() => Ok(()),
                ready = readable(&self.device_ready), if outbound == Step::Idle => ready,
                ready = writable(&*self.endpoint), if outbound == Step::Blocked => ready,
                ready = readable(&self.endpoint_ready), if inbound == Step::Idle => ready,
                ready = writable(&*self.device), if inbound == Step::Blocked => ready,
            }
        };
        wait.await
            .map_err(|e: io::Error| Error::os("wait for", self.device.name(), "epoll_wait", &e))
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

fn clear_readiness(fd: &AsyncFd<OwnedFd>) {
    let _: io::Result<()> = fd.try_io(READABLE, |_| Err(io::ErrorKind::WouldBlock.into()));
}

async fn readable(fd: &AsyncFd<OwnedFd>) -> io::Result<()> {
    fd.ready(READABLE).await.map(drop)
}

/// Waits until a full socket or device has room again.
///
/// This is rare. The descriptors are not watched for it all the time, since each datagram that
/// leaves the socket would then wake the loop.
async fn writable(fd: &impl AsFd) -> io::Result<()> {
    const WRITABLE: Interest = Interest::WRITABLE.add(Interest::ERROR);
    readiness::watch(fd, WRITABLE)?.ready(WRITABLE).await.map(drop)
}
