//! Options of UDP sockets that socket2 does not have, and the error queue (ip(7), udp(7)).

use super::cmsg::{self, ControlMessage};
use super::{check, check_count};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

/// An integer option that is set by [`set_option`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketOption {
    /// `IP_RECVERR` (ip(7)): errors of sent datagrams go to the error queue.
    ReceiveErrorsV4,
    /// `IPV6_RECVERR` (ipv6(7)).
    ReceiveErrorsV6,
    /// `UDP_GRO` (udp(7), Linux ≥ 5.0): trains arrive as one message.
    Gro,
    /// `SO_RCVBUFFORCE` (socket(7)): bytes, past `rmem_max`; needs CAP_NET_ADMIN.
    ReceiveBufferForce,
    /// `SO_SNDBUFFORCE` (socket(7)): bytes, past `wmem_max`; needs CAP_NET_ADMIN.
    SendBufferForce,
}

impl SocketOption {
    const fn level_and_name(self) -> (libc::c_int, libc::c_int) {
        match self {
            Self::ReceiveErrorsV4 => (libc::SOL_IP, libc::IP_RECVERR),
            Self::ReceiveErrorsV6 => (libc::SOL_IPV6, libc::IPV6_RECVERR),
            Self::Gro => (libc::SOL_UDP, libc::UDP_GRO),
            Self::ReceiveBufferForce => (libc::SOL_SOCKET, libc::SO_RCVBUFFORCE),
            Self::SendBufferForce => (libc::SOL_SOCKET, libc::SO_SNDBUFFORCE),
        }
    }
}

/// `setsockopt(2)` with a C int.
pub fn set_option(fd: BorrowedFd<'_>, option: SocketOption, value: i32) -> io::Result<()> {
    let (level, name) = option.level_and_name();
    let length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the pointer and length are those of `value`, which lives for the call.
    check(unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), length)
    })
    .map(drop)
}

/// News of a datagram sent earlier, from the error queue: `struct sock_extended_err`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketNews {
    /// What went wrong: `ECONNREFUSED`, `EHOSTUNREACH`, `EMSGSIZE`, …
    pub errno: i32,
    /// The network reported it (ICMP), rather than this kernel refusing to send.
    pub is_from_network: bool,
}

/// Takes one message off the error queue; `None` when it is empty.
pub fn receive_error(fd: BorrowedFd<'_>) -> io::Result<Option<SocketNews>> {
    // The control data: cmsghdr, sock_extended_err and the address of the router that complained.
    let mut control = [0_u64; 16];
    // SAFETY: `struct msghdr` is plain data, valid when all zero.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control) as _;
    // Nobody wants the payload, but qemu's emulation of user programs makes no call without a buffer
    // for it, and answers that there was a message.
    let mut payload = [0_u8; 1];
    let mut buffer =
        libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: size_of_val(&payload) };
    header.msg_iov = &raw mut buffer;
    header.msg_iovlen = 1;
    let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
    // SAFETY: the header has no name, and buffers of payload and control that live for the call.
    match check_count(unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags) }) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let bytes: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).collect();
    #[allow(clippy::unnecessary_cast, reason = "musl counts it in 32 bits")]
    let filled = bytes.get(..header.msg_controllen as usize).unwrap_or_default();
    let news = cmsg::messages(filled).find_map(|message| news(&message));
    Ok(Some(news.unwrap_or(SocketNews { errno: 0, is_from_network: false })))
}

/// Reads `struct sock_extended_err` (linux/errqueue.h): errno, then a byte of its origin.
fn news(message: &ControlMessage<'_>) -> Option<SocketNews> {
    let is_error = matches!(
        (message.level, message.kind),
        (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR)
    );
    if !is_error {
        return None;
    }
    let (errno, rest) = message.data.split_first_chunk()?;
    Some(SocketNews {
        errno: i32::from_ne_bytes(*errno),
        is_from_network: matches!(
            rest.first(),
            Some(&(libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6))
        ),
    })
}
