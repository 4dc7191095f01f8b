//! Waits for a device with tokio's reactor, for callers without another event loop.

use crate::device::TunDevice;
use crate::sys::readiness::watch_owner;
use std::io;
use std::sync::Arc;
use tokio::io::{Interest, Ready};

/// Waits until the device can be read or written, as requested. Returns the conditions that are met, in the order of
/// the parameters, or the error state of the device. The caller must be inside a tokio runtime, and may run only one
/// wait per device at a time.
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
    // Registering for each wait also reports conditions that were met before.
    let watched = watch_owner(device, interest)?;
    let state: Ready = watched.ready(interest).await?.ready();
    if state.is_error() {
        return Err(io::Error::from_raw_os_error(libc::EBADFD));
    }
    Ok((state.is_readable(), state.is_writable()))
}
