//! Receiving batches of datagrams.

use super::endpoint::UdpEndpoint;
use super::error_report;
use crate::errno::{Call, Reaction};
use crate::sys::mmsg::{ReceiveBatch, Received};
use crate::sys::socket::ErrorReport;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

/// How often a receive is tried again after an error of a sent datagram took its place.
const MAX_RETRIES: u32 = 8;

/// The receiving half of an endpoint.
pub struct UdpReceiver {
    endpoint: Arc<UdpEndpoint>,
    batch: ReceiveBatch,
}

impl UdpReceiver {
    /// A receiver of up to `capacity` messages at a time.
    #[must_use]
    pub fn new(endpoint: Arc<UdpEndpoint>, capacity: usize) -> Self {
        Self { endpoint, batch: ReceiveBatch::new(capacity) }
    }

    /// Receives up to `limit` messages without waiting: `WouldBlock` if there are none.
    ///
    /// Errors of datagrams sent earlier are appended to `errors`; they are not errors of this call.
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

    /// Moves the socket's error queue into `errors`.
    pub fn drain_errors(&mut self, errors: &mut Vec<ErrorReport>) {
        error_report::drain(self.endpoint.as_fd(), errors);
    }

    /// The messages of the last [`UdpReceiver::receive`].
    pub fn messages(&self) -> impl Iterator<Item = Received> {
        self.batch.iter()
    }

    /// The same bytes, to be changed in place.
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        self.batch.buffer_mut()
    }

    /// The bytes that the messages' ranges point into.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        self.batch.buffer()
    }
}
