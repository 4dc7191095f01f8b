//! Connections whose descriptors belong to libuv: the process at the other end, and descriptors of their own (unix(7)).

use super::check;
use std::io;
use std::mem;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// The process at the other end of a Unix connection when the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerProcess {
    /// Its process id in this PID namespace; 0 if it is in none.
    pub pid: i32,
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
}

/// Returns the process at the other end of the Unix connection `fd`: `SO_PEERCRED`.
pub fn peer_process(fd: RawFd) -> io::Result<PeerProcess> {
    // SAFETY: `struct ucred` is three integers, valid when all zero.
    let mut found: libc::ucred = unsafe { mem::zeroed() };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    let place = &raw mut found;
    // SAFETY: the pointer and length are those of `found`, and the kernel refuses a number that is not a socket.
    check(unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, place.cast(), &raw mut length)
    })?;
    Ok(PeerProcess { pid: found.pid, uid: found.uid, gid: found.gid })
}

/// Returns a new descriptor of the same open file, which other programs do not inherit: `F_DUPFD_CLOEXEC`.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl takes numbers, and the kernel refuses one that is not open; no memory is touched.
    let copy = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) })?;
    // SAFETY: the kernel has just created the descriptor, and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::effective_user;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_other_end_of_a_pair_is_this_process() {
        let (near, _far) = UnixStream::pair().unwrap();
        let peer = peer_process(near.as_raw_fd()).unwrap();
        assert_eq!(peer.pid, std::process::id().cast_signed());
        assert_eq!(peer.uid, effective_user());
    }

    #[test]
    fn a_duplicate_keeps_the_connection() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let copy = UnixStream::from(duplicate(near.as_raw_fd()).unwrap());
        drop(near);
        (&copy).write_all(b"x").unwrap();
        let mut byte = [0];
        far.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"x");
    }

    #[test]
    fn numbers_that_are_no_sockets_are_errors() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let error = peer_process(file.as_raw_fd()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
        assert_eq!(peer_process(-1).unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert_eq!(duplicate(-1).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
