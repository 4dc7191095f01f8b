//! Descriptors of any kind: duplicates, the end of a given one, and non-blocking mode (fcntl(2), close(2)).

use super::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Duplicates the descriptor with the number `fd`: `fcntl(F_DUPFD_CLOEXEC)`; `EBADF` if it is not open.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers only, and an unopened one is an error.
    let copy = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the call has just returned this descriptor, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Closes the descriptor `fd`, whose ownership was passed to the caller: close(2).
pub fn close_given(fd: RawFd) -> io::Result<()> {
    // SAFETY: close takes a number only. The previous owner guarantees that nothing else in this process
    // owns it.
    check(unsafe { libc::close(fd) }).map(drop)
}

/// Makes reads and writes of `fd` non-blocking: `O_NONBLOCK`.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    // SAFETY: the call takes numbers only.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) }).map(drop)
}
