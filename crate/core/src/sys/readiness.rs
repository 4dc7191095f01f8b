//! Readiness of descriptors by tokio's reactor.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches a descriptor of its own for what `fd` refers to.
///
/// Each caller gets a duplicate, so the same device or socket can be watched for one thing all the
/// time and for another now and then. Must be called inside a tokio runtime.
pub fn watch(fd: &impl AsFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    let copy = fd.as_fd().try_clone_to_owned()?;
    // SAFETY: an OwnedFd keeps its number from here until the AsyncFd, which owns it, is dropped.
    unsafe { AsyncFd::register_with_interest(copy, interest) }.map_err(io::Error::from)
}

/// Watches the descriptor of `owner`, which must own it: it keeps it open, under the same number, until
/// it is dropped. For types that do not say so by `AsFd`. Must be called inside a tokio runtime.
pub fn watch_owner<T: AsRawFd>(owner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: the descriptor is the owner's until the AsyncFd, which owns that, is dropped.
    unsafe { AsyncFd::register_with_interest(owner, interest) }.map_err(io::Error::from)
}
