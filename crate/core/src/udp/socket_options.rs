//! The options of a UDP socket that can be set at any time, also after another process has changed them.

use super::endpoint::{PathMtuDiscovery, UdpOptions};
use crate::error::{Error, Result};
use crate::sys::socket::{SocketOption, set_option};
use socket2::Socket;
use std::net::SocketAddr;
use std::os::fd::AsFd;

/// Sets whether the datagrams of the socket may be fragmented.
pub(super) fn set_path_mtu_discovery(
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

/// Sets all options of a socket that can be changed after it is bound. Returns whether `UDP_GRO` is on. Options that
/// already match and need a privilege are not set.
pub(super) fn set_options(socket: &Socket, options: &UdpOptions<'_>) -> Result<bool> {
    let listen = options.listen;
    let configure = |e| configure_error(listen, &e);
    socket.set_nonblocking(true).map_err(configure)?;
    let errors = if listen.is_ipv4() {
        SocketOption::ReceiveErrorsV4
    } else {
        SocketOption::ReceiveErrorsV6
    };
    set_option(socket.as_fd(), errors, 1).map_err(configure)?;
    set_path_mtu_discovery(socket, listen, options.path_mtu).map_err(configure)?;
    direct(socket, options)?;
    set_reports(socket, options).map_err(configure)?;
    let wants_gro = i32::from(options.wants_gro);
    let is_set = set_option(socket.as_fd(), SocketOption::Gro, wants_gro).is_ok();
    if options.buffer_bytes > 0 {
        grow_buffers(socket, options.buffer_bytes);
    }
    Ok(is_set && options.wants_gro)
}

/// Sets the firewall mark and the interface.
fn direct(socket: &Socket, options: &UdpOptions<'_>) -> Result<()> {
    // Reading the mark needs no privilege; before Linux 2.6.25 there is none.
    if socket.mark().unwrap_or(0) != options.mark {
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
    let device = options.device.unwrap_or_default();
    let present = socket.device().ok().flatten().unwrap_or_default();
    if present == device.as_bytes() {
        return Ok(());
    }
    socket.bind_device(options.device.map(str::as_bytes)).map_err(|cause| {
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

/// Returns the error of an option that the kernel refused.
pub(super) fn configure_error(listen: SocketAddr, error: &std::io::Error) -> Error {
    Error::os("configure the UDP socket for", listen.to_string(), "setsockopt", error)
}
