//! Receiving batches of datagrams.

use super::endpoint::UdpEndpoint;
use super::news::NewsCount;
use crate::sys::mmsg::{ReceiveBatch, Received};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

/// How often a receive is tried again after news of sent datagrams took its turn.
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

    /// Receives what is there, `limit` messages at the most, without waiting: `WouldBlock` if nothing is.
    ///
    /// News of datagrams sent earlier is counted in `news` and is no error.
    pub fn receive(&mut self, limit: usize, news: &mut NewsCount) -> io::Result<usize> {
        let mut retries = 0;
        loop {
            match self.batch.receive(self.endpoint.as_fd(), limit) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(error) => {
                    news.drain(self.endpoint.as_fd());
                    retries += 1;
                    if retries > MAX_RETRIES {
                        return Err(error);
                    }
                }
                Ok(received) => return Ok(received),
            }
        }
    }

    /// Counts the news that waits of datagrams sent earlier.
    pub fn drain_news(&mut self, news: &mut NewsCount) {
        news.drain(self.endpoint.as_fd());
    }

    /// The messages of the last [`UdpReceiver::receive`].
    pub fn messages(&self) -> impl Iterator<Item = Received> {
        self.batch.iter()
    }

    /// The bytes that the messages' ranges point into.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        self.batch.buffer()
    }
}
