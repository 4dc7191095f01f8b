//! Writing to descriptors of any kind without waiting.

use super::poll::WakeUp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::time::Duration;

/// How a descriptor is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file: a write does not wait for a reader.
    File,
    /// A socket.
    Socket,
    /// A pipe, or a device.
    Pipe,
}

/// The reason why [`wait`] returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// The wake-up was signalled.
    pub is_woken: bool,
    /// There is room to write.
    pub is_writable: bool,
    /// There is no reader any more.
    pub is_gone: bool,
    /// The other end of the socket does not send any more.
    pub is_ending: bool,
}

/// Bytes that a pipe takes without waiting once poll(2) reports room: `PIPE_BUF` (pipe(7)).
const PIPE_BYTES: usize = 4_096;

/// Returns the kind of the file behind a descriptor.
pub fn kind(file: &File) -> io::Result<Kind> {
    let kind = file.metadata()?.file_type();
    Ok(match kind {
        _ if kind.is_file() => Kind::File,
        _ if kind.is_socket() => Kind::Socket,
        _ => Kind::Pipe,
    })
}

/// Writes as many bytes as there is room for, at least one after [`wait`] has reported room. `EPIPE` if there is no
/// reader; no signal is sent to a socket's writer.
pub fn write_some(fd: BorrowedFd<'_>, kind: Kind, bytes: &[u8]) -> io::Result<usize> {
    match kind {
        Kind::File => Ok(rustix::io::write(fd, bytes)?),
        Kind::Socket => {
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            SockRef::from(&fd).send_with_flags(bytes, flags)
        }
        Kind::Pipe => Ok(rustix::io::write(fd, bytes.get(..PIPE_BYTES).unwrap_or(bytes))?),
    }
}

/// The events that [`wait`] waits for, in addition to the end of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events {
    /// There is room to write.
    pub room: bool,
    /// The other end of the socket does not send any more.
    pub ending: bool,
}

/// Waits until the wake-up is signalled, or one of the events of `fd` occurs; at most for `limit`.
pub fn wait(
    wake: &WakeUp,
    fd: Option<BorrowedFd<'_>>,
    events: Events,
    limit: Duration,
) -> io::Result<Waited> {
    let wake = wake.as_fd();
    let mut interest = PollFlags::empty();
    interest.set(PollFlags::OUT, events.room);
    interest.set(PollFlags::RDHUP, events.ending);
    let fd = fd.as_ref();
    let mut fds = vec![PollFd::new(&wake, PollFlags::IN)];
    fds.extend(fd.map(|fd| PollFd::new(fd, interest)));
    let limit = Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    match poll(&mut fds, Some(&limit)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Waited::default()),
        Err(error) => return Err(error.into()),
    }
    let flags = |at: usize| fds.get(at).map_or(PollFlags::empty(), PollFd::revents);
    let (of_wake, of_fd) = (flags(0), flags(1));
    Ok(Waited {
        is_woken: of_wake.contains(PollFlags::IN),
        is_writable: of_fd.contains(PollFlags::OUT),
        is_gone: of_fd.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL),
        is_ending: of_fd.contains(PollFlags::RDHUP),
    })
}
