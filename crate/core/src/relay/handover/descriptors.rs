//! The descriptors of a relay, by queue.

use crate::error::{Error, ErrorCode, Result};
use crate::sys::descriptor;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// A descriptor, with the number that messages name it by.
#[derive(Debug)]
pub struct Descriptor {
    pub(in crate::relay) fd: OwnedFd,
    pub(in crate::relay) number: RawFd,
}

/// The descriptors of one queue.
#[derive(Debug)]
pub struct QueueDescriptors {
    /// The queue of the TUN or TAP device.
    pub device: Descriptor,
    /// The UDP sockets of the queue: those at the receiving port, one per address family, and those at its further source
    /// ports, in any order.
    pub sockets: Vec<Descriptor>,
}

impl Descriptor {
    /// Duplicates the descriptor with this number, which stays open.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidArgument`] if it is not open.
    pub fn duplicate(number: RawFd) -> Result<Self> {
        let failed = |e: &std::io::Error| {
            Error::os("adopt the descriptor", number.to_string(), "fcntl(F_DUPFD)", e)
        };
        match descriptor::duplicate(number) {
            Ok(fd) => Ok(Self { fd, number }),
            Err(e) if e.raw_os_error() == Some(libc::EBADF) => {
                Err(failed(&e).with_code(ErrorCode::InvalidArgument))
            }
            Err(e) => Err(failed(&e)),
        }
    }

    /// Returns the descriptor, which the caller owns.
    #[must_use]
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Self { number: fd.as_raw_fd(), fd }
    }
}
