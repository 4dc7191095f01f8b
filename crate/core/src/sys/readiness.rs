//! Readiness of descriptors by tokio's reactor.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
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
