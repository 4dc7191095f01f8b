//! Features of network devices.
#![allow(unsafe_code, reason = "the test's own system call")]

use std::io;
use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// TSO: `ETHTOOL_STSO` of linux/ethtool.h.
pub(crate) const TSO: u32 = 0x1f;
/// GRO: `ETHTOOL_SGRO` of linux/ethtool.h.
pub(crate) const GRO: u32 = 0x2c;

/// Turns a feature of a device on or off (netdevice(7), `SIOCETHTOOL` with a `struct ethtool_value`).
pub(crate) fn set(device: &str, feature: u32, is_on: bool) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let mut value = [feature, u32::from(is_on)];
    // SAFETY: `struct ifreq` is plain data for which all zeroes are valid.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, byte) in request.ifr_name.iter_mut().zip(device.bytes()) {
        *to = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_data = value.as_mut_ptr().cast();
    // SAFETY: the request and the value that it points to live for the call.
    let result =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
