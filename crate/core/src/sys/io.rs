//! Plain reads and writes on a descriptor that is borrowed, without a `File` round it.
//!
//! Those of one packet are made by syscall(2): libc's own functions are points where a thread may be
//! cancelled, which costs a process of several threads two atomic exchanges a call.

use super::check_count;
use std::io;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `read(2)`: for a TUN device one packet; what does not fit into `buffer` is lost silently.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let (fd, pointer, length) = (fd.as_raw_fd(), buffer.as_mut_ptr(), buffer.len());
    // SAFETY: the pointer and length are those of `buffer`, which is writable for the call.
    check_count(unsafe { libc::syscall(libc::SYS_read, fd, pointer, length) } as isize)
}

/// `write(2)`: for a TUN device one packet.
pub fn write(fd: BorrowedFd<'_>, buffer: &[u8]) -> io::Result<usize> {
    let (fd, pointer, length) = (fd.as_raw_fd(), buffer.as_ptr(), buffer.len());
    // SAFETY: the pointer and length are those of `buffer`, which is readable for the call.
    check_count(unsafe { libc::syscall(libc::SYS_write, fd, pointer, length) } as isize)
}

/// `writev(2)`: for a TUN device one packet gathered from `slices` (at most `UIO_MAXIOV`, 1,024).
pub fn write_vectored(fd: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let count = libc::c_int::try_from(slices.len())
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: `IoSlice` has the layout of `struct iovec` on Unix, and each lives for the call.
    check_count(unsafe { libc::writev(fd.as_raw_fd(), slices.as_ptr().cast(), count) })
}
