//! Passes descriptors to another process over a Unix socket: `SCM_RIGHTS` (unix(7)).

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The maximum number of descriptors of one message, `SCM_MAX_FD` of include/net/scm.h.
pub const MAX_DESCRIPTORS: usize = 253;

/// Sends `bytes`, at least one, with duplicates of `descriptors`. Returns the number of bytes sent. The descriptors are
/// sent with the first byte. Does not raise `SIGPIPE`.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}

/// Receives bytes into `buffer`, and the descriptors that were sent with them, which are close-on-exec. Returns the
/// number of bytes; 0: the other end is closed. `EMFILE` if not all descriptors fit into the process: those that did are
/// closed, and the bytes are lost.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        // The buffer has room for the most that a message can have, so the limit of the process is reached.
        return Err(io::Error::from_raw_os_error(libc::EMFILE));
    }
    Ok((received.bytes, descriptors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn descriptors_arrive_with_their_message_and_refer_to_the_same_file() {
        let (one, other) = UnixStream::pair().unwrap();
        let (mut mine, theirs) = UnixStream::pair().unwrap();
        let many = vec![theirs.as_fd(); MAX_DESCRIPTORS];
        assert_eq!(send(one.as_fd(), b"take these", &many).unwrap(), 10);
        assert_eq!(send(one.as_fd(), b"and this", &[]).unwrap(), 8);
        let mut buffer = [0; 64];
        let (len, received) = receive(other.as_fd(), &mut buffer).unwrap();
        assert_eq!((&buffer[..len], received.len()), (&b"take these"[..], MAX_DESCRIPTORS));
        let (len, none) = receive(other.as_fd(), &mut buffer).unwrap();
        assert_eq!((&buffer[..len], none.len()), (&b"and this"[..], 0));
        UnixStream::from(received.into_iter().next_back().unwrap()).write_all(b"x").unwrap();
        mine.read_exact(&mut buffer[..1]).unwrap();
        assert_eq!(buffer[0], b'x');
        drop(one);
        assert_eq!(receive(other.as_fd(), &mut buffer).unwrap().0, 0);
        let error = send(other.as_fd(), b"x", &[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_message_whose_descriptors_do_not_all_arrive_is_an_error() {
        let (one, other) = UnixStream::pair().unwrap();
        // The credentials take the room of some descriptors, like a process that may not have more of them.
        rustix::net::sockopt::set_socket_passcred(&other, true).unwrap();
        let many = vec![one.as_fd(); MAX_DESCRIPTORS];
        assert_eq!(send(one.as_fd(), b"x", &many).unwrap(), 1);
        let error = receive(other.as_fd(), &mut [0; 8]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        assert_eq!(send(one.as_fd(), b"next", &[one.as_fd()]).unwrap(), 4);
        let (len, received) = receive(other.as_fd(), &mut [0; 8]).unwrap();
        assert_eq!((len, received.len()), (4, 1));
    }

    #[test]
    fn more_descriptors_than_a_message_can_have_are_refused() {
        let (one, _other) = UnixStream::pair().unwrap();
        let many = vec![one.as_fd(); MAX_DESCRIPTORS + 1];
        let error = send(one.as_fd(), b"x", &many).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
