//! Sockets that are created in a namespace and used outside of it: a socket does not leave its namespace.

use super::Namespace;
use crate::advice;
use crate::error::{Error, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

/// The protocol of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// TCP.
    Stream,
    /// UDP.
    Datagram,
}

/// How a socket is created.
#[derive(Clone, Copy, Debug)]
pub struct SocketOptions {
    /// TCP or UDP.
    pub kind: SocketKind,
    /// The address to bind; its family is the family of the socket.
    pub address: IpAddr,
    /// The port to bind, 0 for one that the kernel chooses; `None` to leave the socket unbound.
    pub port: Option<u16>,
    /// `SO_REUSEADDR` (socket(7)).
    pub reuse_address: bool,
    /// `IPV6_V6ONLY` (ipv6(7)): an IPv6 socket does not accept IPv4.
    pub ipv6_only: bool,
}

impl Namespace {
    /// Creates a non-blocking socket in this namespace, and binds it if the options have a port.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorCode::AddressInUse`] and [`crate::ErrorCode::AddressNotAvailable`] if it cannot be
    /// bound there. No socket is left open.
    pub fn socket(&self, options: SocketOptions) -> Result<OwnedFd> {
        self.within(|| create(options))
    }
}

fn create(options: SocketOptions) -> Result<OwnedFd> {
    let address = SocketAddr::new(options.address, options.port.unwrap_or(0));
    let (kind, protocol) = match options.kind {
        SocketKind::Stream => (Type::STREAM, Protocol::TCP),
        SocketKind::Datagram => (Type::DGRAM, Protocol::UDP),
    };
    let domain = Domain::for_address(address);
    let failed = |syscall| move |cause: io::Error| cannot(address, syscall, &cause);
    let socket =
        Socket::new(domain, kind.nonblocking(), Some(protocol)).map_err(failed("socket"))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(options.ipv6_only).map_err(failed("setsockopt(IPV6_V6ONLY)"))?;
    }
    if options.reuse_address {
        socket.set_reuse_address(true).map_err(failed("setsockopt(SO_REUSEADDR)"))?;
    }
    if options.port.is_some() {
        socket.bind(&address.into()).map_err(failed("bind"))?;
    }
    Ok(socket.into())
}

const NOT_LOCAL: &str =
    "no interface of the namespace has the address; \"ip address\" in the namespace lists them";

fn cannot(address: SocketAddr, syscall: &'static str, cause: &io::Error) -> Error {
    let error = Error::os("open a socket on", address.to_string(), syscall, cause);
    match cause.raw_os_error() {
        Some(libc::EADDRINUSE) => error.with_advice("choose another port, or 0 for a free one"),
        Some(libc::EADDRNOTAVAIL) => {
            error.with_advice(advice::unavailable(address.ip(), NOT_LOCAL))
        }
        Some(libc::EACCES) => error.with_advice(advice::low_port()),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use std::net::{Ipv4Addr, UdpSocket};

    #[test]
    fn a_socket_is_bound_where_it_is_asked_for_and_errors_name_the_address() {
        let namespace = Namespace::open("/proc/thread-self/ns/net").unwrap();
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let options = SocketOptions {
            kind: SocketKind::Datagram,
            address: Ipv4Addr::LOCALHOST.into(),
            port: Some(taken.port()),
            reuse_address: false,
            ipv6_only: false,
        };
        let socket = UdpSocket::from(namespace.socket(options).unwrap());
        assert_eq!(socket.local_addr().unwrap(), taken);
        let error = namespace.socket(options).unwrap_err();
        assert_eq!((error.code(), error.syscall()), (ErrorCode::AddressInUse, Some("bind")));
        assert_eq!(error.subject(), taken.to_string());
        let elsewhere = SocketOptions { address: Ipv4Addr::new(192, 0, 2, 1).into(), ..options };
        let error = namespace.socket(elsewhere).unwrap_err();
        assert_eq!(error.code(), ErrorCode::AddressNotAvailable);
        // An unbound socket does not need an address of this machine.
        drop(namespace.socket(SocketOptions { port: None, ..elsewhere }).unwrap());
    }
}
