//! The ioctls of the TUN/TAP driver that query or change an open device
//! (`linux/if_tun.h`, `drivers/net/tun.c`).

use super::check;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Bytes of an Ethernet address, `ETH_ALEN`.
pub const MAC_LEN: usize = 6;

/// `TUNSETIFINDEX`: the index of the interface that `TUNSETIFF` will create; `EPERM` after that call.
pub fn set_index(fd: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    // SAFETY: TUNSETIFINDEX reads one unsigned int, which `index` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETIFINDEX as _, &raw const index) })
        .map(drop)
}

/// `TUNSETLINK`: the link type, `ARPHRD_*`; `EBUSY` while the interface is up.
pub fn set_link_type(fd: BorrowedFd<'_>, link_type: u16) -> io::Result<()> {
    let value = libc::c_ulong::from(link_type);
    // SAFETY: TUNSETLINK takes its argument by value; no memory is touched.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETLINK as _, value) }).map(drop)
}

/// `TUNSETSNDBUF`: a write blocks if more bytes than this were written and not yet processed by the stack.
pub fn set_send_buffer(fd: BorrowedFd<'_>, bytes: libc::c_int) -> io::Result<()> {
    // SAFETY: TUNSETSNDBUF reads one int, which `bytes` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETSNDBUF as _, &raw const bytes) })
        .map(drop)
}

/// `TUNGETSNDBUF`: the value of [`set_send_buffer`]; by default the largest int.
pub fn send_buffer(fd: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: TUNGETSNDBUF writes one int, which `bytes` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETSNDBUF as _, &raw mut bytes) })?;
    Ok(bytes)
}

/// `TUNSETCARRIER` (Linux ≥ 5.0): whether the interface has a carrier.
pub fn set_carrier(fd: BorrowedFd<'_>, has_carrier: bool) -> io::Result<()> {
    let value = libc::c_int::from(has_carrier);
    // SAFETY: TUNSETCARRIER reads one int, which `value` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETCARRIER as _, &raw const value) })
        .map(drop)
}

/// `TUNSETQUEUE`: detaches the queue from its device, or attaches it again.
///
/// While it is detached, every other call on it is `EBADFD`.
pub fn set_attached(fd: BorrowedFd<'_>, is_attached: bool) -> io::Result<()> {
    let mut request = super::tun::interface_request(b"")?;
    let flag = if is_attached { libc::IFF_ATTACH_QUEUE } else { libc::IFF_DETACH_QUEUE };
    request.ifr_ifru.ifru_flags = flag as libc::c_short;
    // SAFETY: TUNSETQUEUE reads one `struct ifreq`, which `request` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETQUEUE as _, &raw mut request) })
        .map(drop)
}

/// `TUNGETVNETHDRSZ`: bytes of the header in front of each packet of a device with `IFF_VNET_HDR`.
pub fn vnet_header_size(fd: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: TUNGETVNETHDRSZ writes one int, which `bytes` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETVNETHDRSZ as _, &raw mut bytes) })?;
    Ok(bytes)
}

/// `SIOCSIFHWADDR`: sets the Ethernet address of a TAP device; a multicast address is `EADDRNOTAVAIL`.
pub fn set_mac(fd: BorrowedFd<'_>, mac: [u8; MAC_LEN]) -> io::Result<()> {
    let mut request = super::tun::interface_request(b"")?;
    // SAFETY: `struct sockaddr` is plain data for which all zeroes are valid.
    let mut address: libc::sockaddr = unsafe { mem::zeroed() };
    address.sa_family = libc::ARPHRD_ETHER;
    for (to, from) in address.sa_data.iter_mut().zip(mac) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_hwaddr = address;
    // SAFETY: SIOCSIFHWADDR reads one `struct ifreq`, which `request` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::SIOCSIFHWADDR as _, &raw mut request) })
        .map(drop)
}
