//! News of datagrams sent earlier (ICMP), which the error queue holds.

use crate::sys::socket;
use std::os::fd::BorrowedFd;

/// How many errors the network reported of datagrams that had been sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewsCount {
    /// Nobody listens on the peer's port (`ECONNREFUSED`).
    pub refused: u64,
    /// The peer or its network cannot be reached, and any other ICMP error.
    pub unreachable: u64,
    /// A router could not pass on a datagram of that length (`EMSGSIZE`).
    pub too_long: u64,
}

impl NewsCount {
    /// All news together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.refused + self.unreachable + self.too_long
    }

    /// Empties the error queue of `fd`, which also clears the error that the next call would get.
    pub(super) fn drain(&mut self, fd: BorrowedFd<'_>) {
        // The queue is bounded by the receive buffer, so this ends.
        while let Ok(Some(news)) = socket::receive_error(fd) {
            if !news.is_from_network {
                continue;
            }
            match news.errno {
                libc::ECONNREFUSED => self.refused += 1,
                libc::EMSGSIZE => self.too_long += 1,
                _ => self.unreachable += 1,
            }
        }
    }
}
