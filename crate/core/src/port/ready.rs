//! Waiting for a device by tokio's reactor, where no other event loop can be asked.

use crate::device::TunDevice;
use crate::sys::readiness::watch_owner;
use std::io;
use std::sync::Arc;
use tokio::io::{Interest, Ready};

/// Waits until the device can be read, or written, of what is asked for; answers what it can be, in
/// the same order, or the error that the device is in. Must run inside a tokio runtime, and one wait
/// for a device at a time.
pub async fn ready(
    device: Arc<TunDevice>,
    readable: bool,
    writable: bool,
) -> io::Result<(bool, bool)> {
    let mut interest = Interest::ERROR;
    if readable {
        interest = interest.add(Interest::READABLE);
    }
    if writable {
        interest = interest.add(Interest::WRITABLE);
    }
    // Registered anew each time: what is ready then is told, though it was before.
    let watched = watch_owner(device, interest)?;
    let state: Ready = watched.ready(interest).await?.ready();
    if state.is_error() {
        return Err(io::Error::from_raw_os_error(libc::EBADFD));
    }
    Ok((state.is_readable(), state.is_writable()))
}
