//! The UDP socket: bound but not connected, with large buffers and an error queue.

use super::socket_options::{configure_error, set_options, set_path_mtu_discovery};
use crate::advice;
use crate::error::{Error, Result};
use crate::sys::socket::{SocketOption, set_option};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// Options of [`UdpEndpoint::bind`].
#[derive(Clone, Copy, Debug)]
pub struct UdpOptions<'a> {
    /// The address to receive on. With port 0, the kernel chooses a port.
    pub listen: SocketAddr,
    /// Whether to receive GSO batches as one message (`UDP_GRO`), if the kernel supports it.
    pub wants_gro: bool,
    /// Requested size of each of the two socket buffers, bytes.
    pub buffer_bytes: usize,
    /// Whether datagrams may be fragmented on their path.
    pub path_mtu: PathMtuDiscovery,
    /// Firewall mark of the datagrams (`SO_MARK` of socket(7)); 0: none.
    pub mark: u32,
    /// Name of the interface that datagrams leave and arrive by (`SO_BINDTODEVICE` of socket(7)); `None`: any.
    pub device: Option<&'a str>,
    /// Traffic class of datagrams that have none of their own.
    pub class: u8,
}

/// Whether the datagrams of a socket may be fragmented (`IP_MTU_DISCOVER` of ip(7), `IPV6_MTU_DISCOVER` of ipv6(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathMtuDiscovery {
    /// Fragmentation is forbidden (DF), and the kernel refuses datagrams that exceed the known path MTU
    /// (`IP_PMTUDISC_DO`).
    #[default]
    Discover,
    /// Fragmentation is forbidden (DF), and reports of routers are ignored: only the MTU of the network device limits
    /// the datagrams (`IP_PMTUDISC_PROBE`).
    Fixed,
    /// This machine and routers may fragment datagrams (`IP_PMTUDISC_DONT`).
    Off,
}

impl PathMtuDiscovery {
    pub(super) const fn value(self) -> i32 {
        // The constants IPV6_PMTUDISC_… have the same values.
        match self {
            Self::Discover => libc::IP_PMTUDISC_DO,
            Self::Fixed => libc::IP_PMTUDISC_PROBE,
            Self::Off => libc::IP_PMTUDISC_DONT,
        }
    }
}

const NOT_LOCAL: &str = "not a local address: \"ip address\" lists them";

/// A bound UDP socket.
///
/// It is not connected: after connect(2), the kernel would drop datagrams from any other port of the peer, and a
/// plain peer sends from a port of its own.
#[derive(Debug)]
pub struct UdpEndpoint {
    socket: Socket,
    local: SocketAddr,
    path_mtu: PathMtuDiscovery,
    wants_gro: bool,
    has_gro: bool,
    /// The interface that the socket is bound to.
    device: Option<String>,
    /// Firewall mark and traffic class that it was opened with.
    mark: u32,
    class: u8,
    receive_buffer_bytes: usize,
    send_buffer_bytes: usize,
}

impl UdpEndpoint {
    /// Creates and binds `queues` sockets on one port. Each receives a share of the datagrams (`SO_REUSEPORT`).
    ///
    /// A port that another program uses is refused, even if it could be shared.
    pub fn bind_queues(options: &UdpOptions<'_>, queues: usize) -> Result<Vec<Self>> {
        let first = Self::bind(options)?;
        if queues > 1 {
            // This is set after the first bind, so the first bind conflicts with every other socket on the port.
            let shared = first.socket.set_reuse_port(true);
            shared.map_err(|e| configure_error(first.local, &e))?;
        }
        let listen = first.local;
        let mut endpoints = vec![first];
        for _ in 1..queues {
            endpoints.push(Self::bind_one(&UdpOptions { listen, ..*options }, true)?);
        }
        Ok(endpoints)
    }

    /// Creates and binds the socket in the calling thread's network namespace.
    pub fn bind(options: &UdpOptions<'_>) -> Result<Self> {
        Self::bind_one(options, false)
    }

    fn bind_one(options: &UdpOptions<'_>, is_shared: bool) -> Result<Self> {
        let UdpOptions { listen, .. } = *options;
        let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))
            .map_err(|e| Error::os("make a UDP socket for", listen.to_string(), "socket", &e))?;
        let configure = |e| configure_error(listen, &e);
        if is_shared {
            socket.set_reuse_port(true).map_err(configure)?;
        }
        if listen.is_ipv6() {
            socket.set_only_v6(true).map_err(configure)?;
        }
        let has_gro = set_options(&socket, options)?;
        socket.bind(&listen.into()).map_err(|e| bind_error(listen, &e))?;
        let local = socket
            .local_addr()
            .map_err(|e| Error::os("read the address of", listen.to_string(), "getsockname", &e))?
            .as_socket()
            .unwrap_or(listen);
        Ok(Self::of_socket(socket, local, options, has_gro))
    }

    /// Creates the endpoint of a bound socket that has these options.
    pub(super) fn of_socket(
        socket: Socket,
        local: SocketAddr,
        options: &UdpOptions<'_>,
        has_gro: bool,
    ) -> Self {
        Self {
            local,
            path_mtu: options.path_mtu,
            wants_gro: options.wants_gro,
            has_gro,
            device: options.device.map(str::to_owned),
            mark: options.mark,
            class: options.class,
            receive_buffer_bytes: socket.recv_buffer_size().unwrap_or(0),
            send_buffer_bytes: socket.send_buffer_size().unwrap_or(0),
            socket,
        }
    }

    /// Sets the options of the socket again that another process may have changed through a duplicate of its descriptor.
    /// The sizes of the buffers stay.
    pub(crate) fn set_again(&self) -> Result<()> {
        let options = UdpOptions {
            listen: self.local,
            wants_gro: self.wants_gro,
            buffer_bytes: 0,
            path_mtu: self.path_mtu,
            mark: self.mark,
            device: self.device.as_deref(),
            class: self.class,
        };
        set_options(&self.socket, &options).map(drop)
    }

    /// Binds the socket to its interface again, which may have another index now. Returns whether it was bound: not if
    /// there is no such interface, or if the process has no CAP_NET_RAW any more.
    pub(super) fn bind_device_again(&self) -> bool {
        let Some(device) = &self.device else { return false };
        self.socket.bind_device(Some(device.as_bytes())).is_ok()
    }

    /// Allows fragmentation of datagrams from now on ([`PathMtuDiscovery::Off`]).
    pub fn allow_fragments(&mut self) -> std::io::Result<()> {
        set_path_mtu_discovery(&self.socket, self.local, PathMtuDiscovery::Off)?;
        self.path_mtu = PathMtuDiscovery::Off;
        Ok(())
    }

    /// Allows fragmentation of datagrams for a while, or forbids it again if the socket was opened so.
    pub(super) fn allow_fragments_for_now(&self, is_allowed: bool) -> std::io::Result<()> {
        let discovery = if is_allowed { PathMtuDiscovery::Off } else { self.path_mtu };
        set_path_mtu_discovery(&self.socket, self.local, discovery)
    }

    /// Returns the address that datagrams are received on, with the port that the kernel chose.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Returns the traffic class of datagrams that have none of their own.
    #[must_use]
    pub fn class(&self) -> u8 {
        self.class
    }

    /// Returns whether the kernel passed a GSO batch as one message when the socket was opened.
    #[must_use]
    pub fn has_gro(&self) -> bool {
        self.has_gro
    }

    /// Returns whether the kernel refused to pass GSO batches as one message when the socket was opened.
    #[must_use]
    pub fn lacks_gro(&self) -> bool {
        self.wants_gro && !self.has_gro
    }

    /// Requests again that the kernel passes a GSO batch as one message.
    pub(super) fn request_gro(&self) -> std::io::Result<()> {
        set_option(self.as_fd(), SocketOption::Gro, 1)
    }

    /// Returns the receive buffer that the kernel granted, in its own bytes (twice the requested size).
    #[must_use]
    pub fn receive_buffer_bytes(&self) -> usize {
        self.receive_buffer_bytes
    }

    /// Returns the send buffer that the kernel granted, in its own bytes (twice the requested size).
    #[must_use]
    pub fn send_buffer_bytes(&self) -> usize {
        self.send_buffer_bytes
    }
}

impl AsFd for UdpEndpoint {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for UdpEndpoint {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn bind_error(listen: SocketAddr, error: &std::io::Error) -> Error {
    let base = Error::os("listen on UDP", listen.to_string(), "bind", error);
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => base.with_advice(
            "another socket has this port: choose another RECV_PORT, or 0 to let the kernel choose",
        ),
        Some(libc::EADDRNOTAVAIL) => base.with_advice(advice::unavailable(listen.ip(), NOT_LOCAL)),
        Some(libc::EACCES) => base.with_advice(advice::low_port()),
        _ => base,
    }
}
