//! Readiness of descriptors, reported by tokio's reactor.

use std::io;
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches the descriptor of `owner`, which must keep it open under the same number until it is dropped. Meant for
/// types without `AsFd`. Must be called inside a tokio runtime.
pub fn watch_owner<T: AsRawFd>(owner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: the descriptor is the owner's until the AsyncFd, which owns that, is dropped.
    unsafe { AsyncFd::register_with_interest(owner, interest) }.map_err(io::Error::from)
}
