//! A NETLINK_ROUTE socket whose reads and writes are asynchronous (tokio).

use super::codec::Malformed;
use crate::advice;
use crate::error::{Error, Result};
use crate::sys::readiness;
use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;
use std::io;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The initial length of the receive buffer. A datagram of a dump has at most 32 KiB unless one object is
/// longer (`netlink_dump`, net/netlink/af_netlink.c). The buffer grows for longer datagrams.
const BUFFER_BYTES: usize = 64 * 1024;

/// The length of the longest datagram that is received. An attribute has at most 64 KiB, and an object
/// has at most a few attributes of that length.
const DATAGRAM_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A socket of a network namespace. The thread that uses it may be in another namespace.
pub(super) struct Socket {
    socket: AsyncFd<NlSocket>,
    buffer: Vec<u8>,
}

/// A socket, possibly of another namespace, that is not registered with a tokio runtime yet.
pub(crate) struct RawSocket(NlSocket);

impl RawSocket {
    /// Creates a socket in the calling thread's network namespace. It receives the messages for `groups`
    /// (`RTNLGRP_*`).
    ///
    /// If the kernel supports it, it adds explanations to errors (`NETLINK_EXT_ACK`, Linux ≥ 4.12) and
    /// checks requests strictly (`NETLINK_GET_STRICT_CHK`, Linux ≥ 4.20).
    pub(crate) fn open(groups: &[u32]) -> Result<Self> {
        let failed = |cause: io::Error| {
            let error = Error::os("open", "a netlink socket", "socket(AF_NETLINK)", &cause);
            match cause.raw_os_error() {
                Some(libc::EMFILE | libc::ENFILE) => error.with_advice(advice::DESCRIPTORS),
                _ => error,
            }
        };
        let groups = Groups::new_groups(groups);
        let socket = NlSocket::connect(NlFamily::Route, None, groups).map_err(failed)?;
        socket.nonblock().map_err(failed)?;
        // Older kernels support neither: their errors are only shorter.
        let _ = socket.enable_ext_ack(true);
        let _ = socket.enable_strict_checking(true);
        Ok(Self(socket))
    }
}

impl RawSocket {
    /// Returns the same socket. The kernel keeps about `bytes` bytes that are not received yet for it.
    pub(super) fn keeping(self, bytes: usize) -> Self {
        // If the kernel grants less, an overflow may follow, which is reported.
        let _ = self.0.set_recv_buffer_size(bytes);
        self
    }
}

impl Socket {
    /// Registers a socket with the current tokio runtime.
    pub(super) fn watch(RawSocket(socket): RawSocket) -> Result<Self> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        let socket = readiness::watch_owner(socket, interest)
            .map_err(|cause| Error::os("watch", "a netlink socket", "epoll_ctl", &cause))?;
        Ok(Self { socket, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Sends consecutive requests.
    pub(super) async fn send(&self, requests: &[u8]) -> io::Result<()> {
        let send = |socket: &NlSocket| socket.send(requests, Msg::empty());
        self.socket.async_io(Interest::WRITABLE, send).await.map(drop)
    }

    /// Receives the next datagram of the kernel, which contains consecutive messages.
    ///
    /// Reads the length first (`MSG_PEEK | MSG_TRUNC`), and grows the buffer if the datagram is longer.
    /// Otherwise the kernel would discard the excess.
    pub(super) async fn receive(&mut self) -> io::Result<&[u8]> {
        let Self { socket, buffer } = self;
        let length = socket_io(socket, |socket| receive_whole(socket, buffer)).await?;
        self.buffer.get(..length).ok_or_else(|| io::Error::other(Malformed::MessageLength))
    }

    /// Discards all datagrams that were received. After `ENOBUFS` the kernel discards replies without
    /// another error until the queue is empty (`netlink_overrun`, net/netlink/af_netlink.c).
    pub(super) fn discard_received(&self) {
        let socket = self.socket.get_ref();
        loop {
            match socket.recv(&mut [0_u8; 0][..], Msg::empty()) {
                Ok(_) => {}
                Err(cause) if cause.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    }
}

/// Receives one datagram, and returns its length.
fn receive_whole(socket: &NlSocket, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let (length, _) = socket.recv(&mut [0_u8; 0][..], Msg::PEEK | Msg::TRUNC)?;
    if length > DATAGRAM_BYTES_MAX {
        return Err(io::Error::other(Malformed::MessageLength));
    }
    if length > buffer.len() {
        buffer.resize(length, 0);
    }
    // With MSG_TRUNC the kernel returns the datagram's length, even if the buffer is shorter.
    socket.recv(buffer.as_mut_slice(), Msg::TRUNC).map(|(length, _)| length)
}

async fn socket_io<T>(
    socket: &AsyncFd<NlSocket>,
    mut operation: impl FnMut(&NlSocket) -> io::Result<T>,
) -> io::Result<T> {
    loop {
        let mut guard = socket.readable().await?;
        match guard.try_io(|socket| operation(socket.get_ref())) {
            Ok(result) => return result,
            Err(_would_block) => {}
        }
    }
}
