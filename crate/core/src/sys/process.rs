//! The process itself, and the descriptors of others.

use super::{check, check_count};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The effective user id: geteuid(2).
#[must_use]
pub fn effective_user() -> u32 {
    // SAFETY: geteuid takes nothing, touches no memory and cannot fail.
    unsafe { libc::geteuid() }
}

/// Ends the process as writing to a pipe without a reader does by default: by `SIGPIPE` (signal(7)).
///
/// Comes back only where that signal is blocked.
pub fn end_by_broken_pipe() {
    // SAFETY: signal takes a number and the default disposition, which is no function of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    // SAFETY: raise takes a number; no memory is touched.
    unsafe { libc::raise(libc::SIGPIPE) };
}

/// A copy of the descriptor `fd` of the process `pid`: pidfd_getfd(2), Linux ≥ 5.6.
///
/// It takes the right to trace that process (ptrace(2), `PTRACE_MODE_ATTACH_REALCREDS`).
pub fn copy_descriptor(pid: u32, fd: RawFd) -> io::Result<OwnedFd> {
    let process = open_process(pid)?;
    // SAFETY: pidfd_getfd takes numbers by value; no memory is touched.
    let copy = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0) };
    own(copy)
}

fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes numbers by value; no memory is touched.
    own(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// The descriptor that a system call just made, which nobody else owns.
fn own(result: libc::c_long) -> io::Result<OwnedFd> {
    let fd = check_count(result as isize)?;
    let fd = check(fd as libc::c_int)?;
    // SAFETY: the kernel made the descriptor for the call that answered it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;

    #[test]
    fn a_copy_of_ones_own_descriptor_is_of_the_same_file() {
        let file = File::open("/dev/null").unwrap();
        let copy = copy_descriptor(std::process::id(), file.as_raw_fd()).unwrap();
        assert_ne!(copy.as_raw_fd(), file.as_raw_fd());
        assert_eq!(File::from(copy).read(&mut [0; 4]).unwrap(), 0);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        let error = copy_descriptor(u32::MAX >> 1, 0).unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOSYS)), "{error}");
    }
}
