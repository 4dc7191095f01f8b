//! Options of UDP sockets that socket2 lacks, and the error queue (ip(7), udp(7)).

use super::address::AddressBuffer;
use super::cmsg::{self, ControlMessage};
use super::{check, check_count};
use std::io;
use std::mem::{self, offset_of};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};

/// An integer option that is set by [`set_option`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketOption {
    /// `IP_RECVERR` (ip(7)): errors of sent datagrams are added to the error queue.
    ReceiveErrorsV4,
    /// `IPV6_RECVERR` (ipv6(7)).
    ReceiveErrorsV6,
    /// `UDP_GRO` (udp(7), Linux ≥ 5.0): GSO batches arrive as one message.
    Gro,
    /// `IP_MTU_DISCOVER` (ip(7)): an `IP_PMTUDISC_…` value.
    PathMtuDiscoveryV4,
    /// `IPV6_MTU_DISCOVER` (ipv6(7)): an `IPV6_PMTUDISC_…` value.
    PathMtuDiscoveryV6,
    /// `IP_TOS` (ip(7)): the traffic class of datagrams that have none of their own.
    TrafficClassV4,
    /// `IPV6_TCLASS` (ipv6(7)).
    TrafficClassV6,
    /// `IP_RECVTOS` (ip(7)): each message received has its traffic class.
    ReceiveTrafficClassV4,
    /// `IPV6_RECVTCLASS` (ipv6(7)).
    ReceiveTrafficClassV6,
    /// `IP_PKTINFO` (ip(7)): each message received has the local address that it was sent to.
    ReceiveLocalAddressV4,
    /// `IPV6_RECVPKTINFO` (ipv6(7)).
    ReceiveLocalAddressV6,
    /// `SO_RCVBUFFORCE` (socket(7)): bytes, not limited by `rmem_max`; needs CAP_NET_ADMIN.
    ReceiveBufferForce,
    /// `SO_SNDBUFFORCE` (socket(7)): bytes, not limited by `wmem_max`; needs CAP_NET_ADMIN.
    SendBufferForce,
}

impl SocketOption {
    const fn level_and_name(self) -> (libc::c_int, libc::c_int) {
        match self {
            Self::ReceiveErrorsV4 => (libc::SOL_IP, libc::IP_RECVERR),
            Self::ReceiveErrorsV6 => (libc::SOL_IPV6, libc::IPV6_RECVERR),
            Self::Gro => (libc::SOL_UDP, libc::UDP_GRO),
            Self::PathMtuDiscoveryV4 => (libc::SOL_IP, libc::IP_MTU_DISCOVER),
            Self::PathMtuDiscoveryV6 => (libc::SOL_IPV6, libc::IPV6_MTU_DISCOVER),
            Self::TrafficClassV4 => (libc::SOL_IP, libc::IP_TOS),
            Self::TrafficClassV6 => (libc::SOL_IPV6, libc::IPV6_TCLASS),
            Self::ReceiveTrafficClassV4 => (libc::SOL_IP, libc::IP_RECVTOS),
            Self::ReceiveTrafficClassV6 => (libc::SOL_IPV6, libc::IPV6_RECVTCLASS),
            Self::ReceiveLocalAddressV4 => (libc::SOL_IP, libc::IP_PKTINFO),
            Self::ReceiveLocalAddressV6 => (libc::SOL_IPV6, libc::IPV6_RECVPKTINFO),
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

/// The origin of an error of a sent datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOrigin {
    /// This kernel (`SO_EE_ORIGIN_LOCAL`).
    Local,
    /// The network, by ICMP for IPv4 or IPv6.
    Network,
    /// Any other, for example a time stamp, which is not an error.
    Other,
}

/// An error of a datagram sent earlier, from the error queue: `struct sock_extended_err`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorReport {
    /// The error: `ECONNREFUSED`, `EHOSTUNREACH`, `EMSGSIZE`, …
    pub errno: i32,
    /// Its origin.
    pub origin: ErrorOrigin,
    /// Destination of the datagram; `None` if the kernel does not report it.
    pub destination: Option<SocketAddr>,
    /// With `EMSGSIZE`: the MTU of the path, bytes.
    pub mtu: Option<u32>,
    /// The host or router that sent the ICMP error (`SO_EE_OFFENDER`); `None` if the error is of this kernel.
    pub reporter: Option<IpAddr>,
}

/// Removes one message from the error queue; `None` if it is empty.
pub fn receive_error(fd: BorrowedFd<'_>) -> io::Result<Option<ErrorReport>> {
    // The control data: traffic class and local address of the datagram, sock_extended_err and the address of the
    // router that reports the error.
    let mut control = [0_u64; 24];
    let mut destination = AddressBuffer::default();
    // SAFETY: `struct msghdr` is plain data, valid when all zero.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = destination.as_mut_ptr();
    header.msg_namelen = AddressBuffer::LEN as libc::socklen_t;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control) as _;
    // The payload is not used, but QEMU user-mode emulation requires a buffer; without one it reports success
    // without reading.
    let mut payload = [0_u8; 1];
    let mut buffer =
        libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: size_of_val(&payload) };
    header.msg_iov = &raw mut buffer;
    header.msg_iovlen = 1;
    let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
    // SAFETY: the header has buffers of name, payload and control that live for the call.
    match check_count(unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags) }) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let bytes: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).collect();
    #[allow(clippy::unnecessary_cast, reason = "musl counts it in 32 bits")]
    let filled = bytes.get(..header.msg_controllen as usize).unwrap_or_default();
    let destination = destination.address(header.msg_namelen as usize);
    let report = cmsg::messages(filled).find_map(|message| report(&message, destination));
    let origin = ErrorOrigin::Other;
    let unknown = ErrorReport { errno: 0, origin, destination, mtu: None, reporter: None };
    Ok(Some(report.unwrap_or(unknown)))
}

/// Reads `struct sock_extended_err` (linux/errqueue.h).
fn report(message: &ControlMessage<'_>, destination: Option<SocketAddr>) -> Option<ErrorReport> {
    let is_error = matches!(
        (message.level, message.kind),
        (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR)
    );
    if !is_error {
        return None;
    }
    let errno = i32::from_ne_bytes(*message.data.first_chunk()?);
    let origin = match *message.data.get(offset_of!(libc::sock_extended_err, ee_origin))? {
        libc::SO_EE_ORIGIN_LOCAL => ErrorOrigin::Local,
        libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6 => ErrorOrigin::Network,
        _ => ErrorOrigin::Other,
    };
    let info = message.data.get(offset_of!(libc::sock_extended_err, ee_info)..)?;
    let info = u32::from_ne_bytes(*info.first_chunk()?);
    let mtu = Some(info).filter(|mtu| errno == libc::EMSGSIZE && *mtu > 0);
    let behind = message.data.get(size_of::<libc::sock_extended_err>()..).unwrap_or_default();
    let reporter = AddressBuffer::of(behind).map(|address| address.ip());
    Some(ErrorReport { errno, origin, destination, mtu, reporter })
}

/// Returns the number of a socket, which each duplicate of its descriptor has: `SO_COOKIE` (Linux ≥ 4.12).
pub fn cookie(socket: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(rustix::net::sockopt::socket_cookie(socket)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    #[test]
    #[allow(clippy::print_stdout, reason = "a skipped part says why")]
    fn a_refused_datagram_is_reported_with_its_destination() {
        for (listen, option) in [
            ("127.0.0.1:0", SocketOption::ReceiveErrorsV4),
            ("[::1]:0", SocketOption::ReceiveErrorsV6),
        ] {
            let sender = match UdpSocket::bind(listen) {
                Ok(socket) => socket,
                Err(error) => {
                    println!("SKIP {listen}: {error}");
                    continue;
                }
            };
            set_option(sender.as_fd(), option, 1).unwrap();
            // The port of a socket that was closed.
            let nobody = UdpSocket::bind(listen).unwrap().local_addr().unwrap();
            assert_eq!(receive_error(sender.as_fd()).unwrap(), None);
            sender.send_to(b"anybody there?", nobody).unwrap();
            let expected = ErrorReport {
                errno: libc::ECONNREFUSED,
                origin: ErrorOrigin::Network,
                destination: Some(nobody),
                mtu: None,
                reporter: Some(nobody.ip()),
            };
            assert_eq!(receive_error(sender.as_fd()).unwrap(), Some(expected));
            assert_eq!(receive_error(sender.as_fd()).unwrap(), None);
        }
    }

    #[test]
    fn fields_are_read_as_the_kernel_lays_them_out() {
        let data = |errno: i32, origin: u8, info: u32| {
            [&errno.to_ne_bytes()[..], &[origin, 3, 4, 0], &info.to_ne_bytes(), &[0; 4]].concat()
        };
        let read = |level, kind, data: &[u8]| report(&ControlMessage { level, kind, data }, None);
        let v4 = (libc::SOL_IP, libc::IP_RECVERR);
        let too_long = data(libc::EMSGSIZE, libc::SO_EE_ORIGIN_ICMP, 1_300);
        let found = read(v4.0, v4.1, &too_long).unwrap();
        assert_eq!((found.origin, found.mtu), (ErrorOrigin::Network, Some(1_300)));
        assert_eq!(found.reporter, None, "no address follows");
        let router =
            [&too_long[..], &(libc::AF_INET as u16).to_ne_bytes(), &[0, 0, 192, 0, 2, 254]];
        let router = [&router.concat()[..], &[0; 8]].concat();
        let found = read(v4.0, v4.1, &router).unwrap();
        assert_eq!(found.reporter, Some([192, 0, 2, 254].into()));
        // An error of this kernel has an address without a family.
        let nobody = [&too_long[..], &[0; 16]].concat();
        assert_eq!(read(v4.0, v4.1, &nobody).unwrap().reporter, None);
        let local = data(libc::EMSGSIZE, libc::SO_EE_ORIGIN_LOCAL, 0);
        let found = read(libc::SOL_IPV6, libc::IPV6_RECVERR, &local).unwrap();
        assert_eq!((found.origin, found.mtu), (ErrorOrigin::Local, None));
        // Any other error has no MTU, regardless of the field.
        let found = read(v4.0, v4.1, &data(libc::EHOSTUNREACH, 9, 1_300)).unwrap();
        assert_eq!((found.origin, found.mtu), (ErrorOrigin::Other, None));
        assert_eq!(read(libc::SOL_SOCKET, libc::IP_RECVERR, &too_long), None);
        for len in 0..12 {
            assert_eq!(read(v4.0, v4.1, &too_long[..len]), None, "{len} bytes");
        }
    }
}
