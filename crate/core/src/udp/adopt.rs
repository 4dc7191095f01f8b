//! Endpoints over sockets that exist: each is examined first, and a foreign one is refused.

use super::address::canonical;
use super::endpoint::{UdpEndpoint, UdpOptions};
use super::socket_options::set_options;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::netns;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd, RawFd};

/// The operation that [`local_address`] and [`UdpEndpoint::adopt`] report as failed.
const OPERATION: &str = "adopt the descriptor";

/// Returns the address of a descriptor that is a bound UDP socket. `number` is the number of the descriptor, for messages.
///
/// # Errors
///
/// [`ErrorCode::InvalidArgument`] if it is not a UDP socket, or not bound.
pub fn local_address(fd: &OwnedFd, number: RawFd) -> Result<SocketAddr> {
    let socket = SockRef::from(fd);
    let failed = |e: &io::Error| Error::os(OPERATION, number.to_string(), "getsockname", e);
    let domain = match socket.domain() {
        Err(e) if e.raw_os_error() == Some(libc::ENOTSOCK) => {
            return Err(refuse(number, "it is not a socket, and a UDP socket is expected"));
        }
        domain => domain.map_err(|e| failed(&e))?,
    };
    let is_datagram = socket.r#type().is_ok_and(|kind| kind == Type::DGRAM);
    let is_udp = socket.protocol().is_ok_and(|protocol| protocol == Some(Protocol::UDP));
    if !(is_datagram && is_udp && (domain == Domain::IPV4 || domain == Domain::IPV6)) {
        return Err(refuse(number, "it is not a UDP socket"));
    }
    let local = socket.local_addr().map_err(|e| failed(&e))?.as_socket();
    match local.filter(|local| local.port() != 0) {
        Some(local) => Ok(local),
        None => Err(refuse(number, "the UDP socket is not bound to a port")),
    }
}

impl UdpEndpoint {
    /// Adopts a bound socket, whose address [`local_address`] has returned, and sets the options that the kernel keeps for
    /// it. `number` is the number of the descriptor, for messages.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidArgument`] if it is bound to another address than that of `options`, is connected, also receives
    /// IPv4 as an IPv6 socket, or is in another network namespace than the calling thread.
    pub fn adopt(
        fd: OwnedFd,
        number: RawFd,
        local: SocketAddr,
        options: &UdpOptions<'_>,
    ) -> Result<Self> {
        let expected = options.listen;
        let is_port = expected.port() == 0 || expected.port() == local.port();
        if canonical(local).ip() != expected.ip() || !is_port {
            let reason = format!("the UDP socket is bound to {local}, and {expected} is expected");
            return Err(refuse(number, &reason)
                .with_advice("start with the address and the port that the socket has"));
        }
        refuse_elsewhere(&fd, number)?;
        let socket = Socket::from(fd);
        if let Some(peer) = socket.peer_addr().ok().and_then(|peer| peer.as_socket()) {
            let reason = format!("the UDP socket is connected to {peer}, and must not be");
            return Err(refuse(number, &reason));
        }
        if local.is_ipv6() && !socket.only_v6().unwrap_or(false) {
            return Err(refuse(number, "the IPv6 socket also receives IPv4 (IPV6_V6ONLY is off)"));
        }
        let has_gro = set_options(&socket, &UdpOptions { listen: local, ..*options })?;
        Ok(Self::of_socket(socket, local, options, has_gro))
    }
}

/// Refuses a socket of another network namespace, whose addresses and routes are others. Kernels before 5.14 do not
/// report it.
fn refuse_elsewhere(fd: &OwnedFd, number: RawFd) -> Result<()> {
    let own = || {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        netns::socket_cookie(socket.as_fd())
    };
    match (netns::socket_cookie(fd.as_fd()), own()) {
        (Ok(there), Ok(here)) if there != here => {
            Err(refuse(number, "the UDP socket is in another network namespace than this process"))
        }
        _ => Ok(()),
    }
}

fn refuse(number: RawFd, reason: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, OPERATION, number.to_string(), reason)
}

#[cfg(test)]
mod tests {
    use super::super::PathMtuDiscovery;
    use super::*;
    use std::fs::File;
    use std::net::{TcpListener, UdpSocket};
    use std::os::unix::net::UnixDatagram;

    fn options(listen: &str) -> UdpOptions<'static> {
        UdpOptions {
            listen: listen.parse().unwrap(),
            wants_gro: true,
            buffer_bytes: 1 << 16,
            path_mtu: PathMtuDiscovery::Fixed,
            mark: 0,
            device: None,
            class: 0x20,
        }
    }

    fn adopt(fd: OwnedFd, number: RawFd, listen: &str) -> Result<UdpEndpoint> {
        let local = local_address(&fd, number)?;
        UdpEndpoint::adopt(fd, number, local, &options(listen))
    }

    #[test]
    fn foreign_descriptors_are_refused_and_named() {
        let unbound = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected.connect("127.0.0.1:9").unwrap();
        let dual = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        dual.set_only_v6(false).unwrap();
        dual.bind(&"[::]:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        let foreign: [(OwnedFd, &str, &str); 6] = [
            (File::open("/dev/null").unwrap().into(), "127.0.0.1:0", "it is not a socket"),
            (UnixDatagram::unbound().unwrap().into(), "127.0.0.1:0", "it is not a UDP socket"),
            (TcpListener::bind("127.0.0.1:0").unwrap().into(), "127.0.0.1:0", "not a UDP socket"),
            (unbound.into(), "127.0.0.1:0", "not bound to a port"),
            (connected.into(), "127.0.0.1:0", "connected to 127.0.0.1:9"),
            (dual.into(), "[::]:0", "IPV6_V6ONLY"),
        ];
        for (fd, listen, reason) in foreign {
            let error = adopt(fd, 77, listen).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
            let text = error.to_string();
            assert!(
                text.starts_with("adopt the descriptor 77: ") && text.contains(reason),
                "{text}"
            );
        }
    }

    #[test]
    fn a_socket_of_another_address_or_port_is_refused() {
        for listen in ["0.0.0.0:0", "127.0.0.1:1", "[::1]:0"] {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let error = adopt(socket.into(), 5, listen).unwrap_err();
            assert!(error.to_string().contains("is bound to 127.0.0.1:"), "{error}");
        }
    }

    #[test]
    fn the_options_of_an_adopted_socket_are_set() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let probe = Socket::from(OwnedFd::from(socket.try_clone().unwrap()));
        let local = socket.local_addr().unwrap();
        let endpoint = adopt(socket.into(), 5, &local.to_string()).unwrap();
        assert_eq!((endpoint.local(), endpoint.has_gro()), (local, true));
        assert_eq!(probe.tos_v4().unwrap(), 0x20);
        probe.set_tos_v4(0).unwrap();
        endpoint.set_again().unwrap();
        assert_eq!(probe.tos_v4().unwrap(), 0x20);
        assert_eq!(endpoint.receive_buffer_bytes(), probe.recv_buffer_size().unwrap());
    }
}
