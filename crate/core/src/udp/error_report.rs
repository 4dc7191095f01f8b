//! ICMP errors for datagrams sent earlier, read from the socket's error queue.

use crate::sys::socket::{self, ErrorOrigin, ErrorReport};
use std::os::fd::BorrowedFd;

/// The cause that an error report states for a datagram that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No socket listens on the peer's port (`ECONNREFUSED`).
    Refused,
    /// The peer or its network cannot be reached, and any other ICMP error.
    Unreachable,
    /// A router could not forward a datagram of that length (`EMSGSIZE`).
    TooLong,
}

impl ErrorKind {
    /// Returns the cause in `report`; `None` if the report does not come from the network.
    #[must_use]
    pub fn of(report: &ErrorReport) -> Option<Self> {
        if report.origin != ErrorOrigin::Network {
            return None;
        }
        Some(match report.errno {
            libc::ECONNREFUSED => Self::Refused,
            libc::EMSGSIZE => Self::TooLong,
            _ => Self::Unreachable,
        })
    }
}

/// Moves the error queue of `fd` into `reports`. This also clears the error that the next call would return. Returns
/// whether one of the reports came from the network.
pub(super) fn drain(fd: BorrowedFd<'_>, reports: &mut Vec<ErrorReport>) -> bool {
    let before = reports.len();
    // The receive buffer limits the queue, so this loop ends.
    while let Ok(Some(report)) = socket::receive_error(fd) {
        reports.push(report);
    }
    let mut new = reports.iter().skip(before);
    new.any(|report| ErrorKind::of(report).is_some())
}
