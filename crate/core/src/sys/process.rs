//! This process, and descriptors of other processes.

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::io;
use std::os::fd::{OwnedFd, RawFd};

/// Returns the effective user id: geteuid(2).
#[must_use]
pub fn effective_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Ends the process by `SIGPIPE` (signal(7)), as a write to a pipe without a reader does by default.
///
/// Returns only if that signal is blocked.
pub fn end_by_broken_pipe() {
    // SAFETY: signal takes a number and the default disposition, which is not a function of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    // SAFETY: raise takes a number; no memory is touched.
    unsafe { libc::raise(libc::SIGPIPE) };
}

/// Returns a copy of the descriptor `fd` of the process `pid`: pidfd_getfd(2), Linux ≥ 5.6. `ESRCH` if the
/// process does not exist.
///
/// Needs the right to trace that process (ptrace(2), `PTRACE_MODE_ATTACH_REALCREDS`).
pub fn copy_descriptor(pid: u32, fd: RawFd) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    Ok(pidfd_getfd(process, fd, PidfdGetfdFlags::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_copy_of_ones_own_descriptor_is_of_the_same_file() {
        let file = File::open("/dev/null").unwrap();
        let copy = copy_descriptor(std::process::id(), file.as_raw_fd()).unwrap();
        assert_ne!(copy.as_raw_fd(), file.as_raw_fd());
        assert_eq!(File::from(copy).read(&mut [0; 4]).unwrap(), 0);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        for pid in [0, u32::MAX >> 1, u32::MAX] {
            let error = copy_descriptor(pid, 0).unwrap_err();
            assert!(matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOSYS)), "{error}");
        }
    }
}
