//! Receives batches of datagrams.

use super::endpoint::UdpEndpoint;
use super::error_report;
use crate::backoff::Backoff;
use crate::errno::{Call, Reaction};
use crate::sys::mmsg::{ReceiveBatch, Received};
use crate::sys::socket::ErrorReport;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

/// How often receiving is tried again after the error of a sent datagram was returned in its place.
const MAX_RETRIES: u32 = 8;

/// The receiving half of an endpoint.
pub struct UdpReceiver {
    endpoint: Arc<UdpEndpoint>,
    batch: ReceiveBatch,
    /// Whether UDP_GRO is off because the kernel refused it, and when to try it again.
    gro: Backoff,
}

impl UdpReceiver {
    /// Creates a receiver for up to `capacity` messages at a time.
    #[must_use]
    pub fn new(endpoint: Arc<UdpEndpoint>, capacity: usize) -> Self {
        let mut gro = Backoff::OFFLOAD;
        if endpoint.lacks_gro() {
            gro.refuse(Instant::now());
        }
        Self { endpoint, batch: ReceiveBatch::new(capacity), gro }
    }

    /// Returns the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &UdpEndpoint {
        &self.endpoint
    }

    /// Receives up to `limit` messages without blocking. Fails with `WouldBlock` if there are none.
    ///
    /// Errors of datagrams sent earlier are appended to `errors`. They are not errors of this call.
    pub fn receive(&mut self, limit: usize, errors: &mut Vec<ErrorReport>) -> io::Result<usize> {
        let mut retries = 0;
        loop {
            let error = match self.batch.receive(self.endpoint.as_fd(), limit) {
                Ok(received) => return Ok(received),
                Err(error) => error,
            };
            match Reaction::to(Call::SocketReceive, error.raw_os_error().unwrap_or(0)) {
                Reaction::Repeat => {}
                Reaction::Await => return Err(error),
                _ => {
                    error_report::drain(self.endpoint.as_fd(), errors);
                    retries += 1;
                    if retries > MAX_RETRIES {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Tries UDP_GRO again if the kernel refused it and a trial is due. Returns whether it is in use from now on. Reads
    /// the clock only while it is off.
    pub fn regains_gro(&mut self) -> bool {
        if self.gro.is_on() {
            return false;
        }
        let now = Instant::now();
        if !self.gro.allows(now) {
            return false;
        }
        match self.endpoint.request_gro() {
            Ok(()) => self.gro.accept(now),
            Err(_) => {
                self.gro.refuse(now);
                false
            }
        }
    }

    /// Moves the socket's error queue into `errors`.
    pub fn drain_errors(&mut self, errors: &mut Vec<ErrorReport>) {
        error_report::drain(self.endpoint.as_fd(), errors);
    }

    /// Returns the messages of the last [`UdpReceiver::receive`].
    pub fn messages(&self) -> impl Iterator<Item = Received> {
        self.batch.iter()
    }

    /// Returns the bytes of the received messages, for changes in place.
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        self.batch.buffer_mut()
    }

    /// Returns the bytes that the ranges of the messages refer to.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        self.batch.buffer()
    }
}
