//! The UDP socket: bound but not connected, with large buffers and an error queue.

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
    const fn value(self) -> i32 {
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
        socket.set_nonblocking(true).map_err(configure)?;
        if is_shared {
            socket.set_reuse_port(true).map_err(configure)?;
        }
        let errors = if listen.is_ipv4() {
            SocketOption::ReceiveErrorsV4
        } else {
            socket.set_only_v6(true).map_err(configure)?;
            SocketOption::ReceiveErrorsV6
        };
        set_option(socket.as_fd(), errors, 1).map_err(configure)?;
        set_path_mtu_discovery(&socket, listen, options.path_mtu).map_err(configure)?;
        direct(&socket, options)?;
        set_reports(&socket, options).map_err(configure)?;
        let wants_gro = options.wants_gro;
        let has_gro = wants_gro && set_option(socket.as_fd(), SocketOption::Gro, 1).is_ok();
        grow_buffers(&socket, options.buffer_bytes);
        socket.bind(&listen.into()).map_err(|e| bind_error(listen, &e))?;
        let local = socket
            .local_addr()
            .map_err(|e| Error::os("read the address of", listen.to_string(), "getsockname", &e))?
            .as_socket()
            .unwrap_or(listen);
        Ok(Self {
            local,
            path_mtu: options.path_mtu,
            wants_gro,
            has_gro,
            device: options.device.map(str::to_owned),
            receive_buffer_bytes: socket.recv_buffer_size().unwrap_or(0),
            send_buffer_bytes: socket.send_buffer_size().unwrap_or(0),
            socket,
        })
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

fn set_path_mtu_discovery(
    socket: &Socket,
    local: SocketAddr,
    discovery: PathMtuDiscovery,
) -> std::io::Result<()> {
    let option = if local.is_ipv4() {
        SocketOption::PathMtuDiscoveryV4
    } else {
        SocketOption::PathMtuDiscoveryV6
    };
    set_option(socket.as_fd(), option, discovery.value())
}

/// Sets the traffic class, and requests that of each message received. A socket that has all addresses of the machine
/// also gets the address that a message was sent to.
fn set_reports(socket: &Socket, options: &UdpOptions<'_>) -> std::io::Result<()> {
    let [class, receive_class, receive_address] = if options.listen.is_ipv4() {
        [
            SocketOption::TrafficClassV4,
            SocketOption::ReceiveTrafficClassV4,
            SocketOption::ReceiveLocalAddressV4,
        ]
    } else {
        [
            SocketOption::TrafficClassV6,
            SocketOption::ReceiveTrafficClassV6,
            SocketOption::ReceiveLocalAddressV6,
        ]
    };
    set_option(socket.as_fd(), class, options.class.into())?;
    set_option(socket.as_fd(), receive_class, 1)?;
    let is_wildcard = options.listen.ip().is_unspecified();
    set_option(socket.as_fd(), receive_address, is_wildcard.into())
}

/// Sets the firewall mark and the interface.
fn direct(socket: &Socket, options: &UdpOptions<'_>) -> Result<()> {
    if options.mark != 0 {
        let subject = format!("{:#x}", options.mark);
        socket.set_mark(options.mark).map_err(|cause| {
            let error = Error::os("set the firewall mark", subject, "setsockopt(SO_MARK)", &cause);
            match cause.raw_os_error() {
                Some(libc::EPERM) => {
                    error.with_advice("it needs CAP_NET_ADMIN, or CAP_NET_RAW since Linux 5.17")
                }
                _ => error,
            }
        })?;
    }
    let Some(device) = options.device else { return Ok(()) };
    socket.bind_device(Some(device.as_bytes())).map_err(|cause| {
        let syscall = "setsockopt(SO_BINDTODEVICE)";
        let error = Error::os("bind the UDP socket to the interface", device, syscall, &cause);
        match cause.raw_os_error() {
            Some(libc::ENODEV) => error.with_advice(
                "--bind-device (bindDevice) must name an interface in the namespace of the socket: \"ip link\" lists them",
            ),
            Some(libc::EPERM) => error.with_advice("it needs CAP_NET_RAW before Linux 5.7"),
            _ => error,
        }
    })
}

/// Requests buffers larger than `rmem_max`, or, without CAP_NET_ADMIN, as large as permitted (socket(7)). The caller
/// reads the granted sizes back, so a refusal is not an error.
fn grow_buffers(socket: &Socket, bytes: usize) {
    let Ok(value) = i32::try_from(bytes) else { return };
    if set_option(socket.as_fd(), SocketOption::ReceiveBufferForce, value).is_err() {
        let _ = socket.set_recv_buffer_size(bytes);
    }
    if set_option(socket.as_fd(), SocketOption::SendBufferForce, value).is_err() {
        let _ = socket.set_send_buffer_size(bytes);
    }
}

fn configure_error(listen: SocketAddr, error: &std::io::Error) -> Error {
    Error::os("configure the UDP socket for", listen.to_string(), "setsockopt", error)
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
