//! Unix connections: creating one without waiting, and the process at the other end (unix(7)).

use super::check;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::mem;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

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

/// Connects to the Unix socket at `path`, with a socket that does not block. `EAGAIN` if the process there has not accepted
/// its earlier connections.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(OwnedFd::from(socket).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::descriptor::duplicate;
    use crate::sys::process::effective_user;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;

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
    fn a_process_that_accepts_no_connection_is_an_error() {
        let folder = std::env::temp_dir().join(format!("tun2udp-backlog-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("socket");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        listener.listen(0).unwrap();
        let mut waiting = Vec::new();
        let error = loop {
            match connect(&path) {
                Ok(connection) => waiting.push(connection),
                Err(error) => break error,
            }
            assert!(waiting.len() < 100, "the backlog is 0");
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(!waiting.is_empty());
        let (mut accepted, _) = listener.accept().unwrap();
        waiting[0].write_all(b"x").unwrap();
        accepted.read_exact(&mut [0]).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
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
