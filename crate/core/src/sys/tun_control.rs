//! The ioctls of the TUN/TAP driver that change or ask for something beside opening
//! (`linux/if_tun.h`, `drivers/net/tun.c`).

use super::check;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Bytes of an Ethernet address, `ETH_ALEN`.
pub const MAC_LEN: usize = 6;

/// Addresses that `TUNSETTXFILTER` takes at the most: the driver reads the request into a page.
pub const MAX_FILTER_ADDRESSES: usize = 256;

/// One classic BPF instruction, `struct sock_filter` (linux/filter.h).
pub use libc::sock_filter as FilterInstruction;

/// `TUNSETIFINDEX`: the index of the interface that `TUNSETIFF` will make; `EPERM` after it.
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

/// `TUNSETSNDBUF`: bytes of packets written and not yet taken by the stack before a write waits.
pub fn set_send_buffer(fd: BorrowedFd<'_>, bytes: libc::c_int) -> io::Result<()> {
    // SAFETY: TUNSETSNDBUF reads one int, which `bytes` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETSNDBUF as _, &raw const bytes) })
        .map(drop)
}

/// `TUNGETSNDBUF`: what [`set_send_buffer`] set; `INT_MAX` by default.
pub fn send_buffer(fd: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: TUNGETSNDBUF writes one int, which `bytes` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETSNDBUF as _, &raw mut bytes) })?;
    Ok(bytes)
}

/// `TUNGETVNETHDRSZ`: bytes of the header before each packet of a device with `IFF_VNET_HDR`.
pub fn vnet_header_size(fd: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: TUNGETVNETHDRSZ writes one int, which `bytes` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETVNETHDRSZ as _, &raw mut bytes) })?;
    Ok(bytes)
}

/// `TUNSETCARRIER` (Linux ≥ 5.0): whether the interface has a carrier; `ENXIO` while it is down.
pub fn set_carrier(fd: BorrowedFd<'_>, has_carrier: bool) -> io::Result<()> {
    let carrier = libc::c_int::from(has_carrier);
    // SAFETY: TUNSETCARRIER reads one int, which `carrier` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETCARRIER as _, &raw const carrier) })
        .map(drop)
}

/// `TUNSETQUEUE`: whether this queue of a device of many takes packets; `EINVAL` if it is so already.
pub fn set_queue_attached(fd: BorrowedFd<'_>, is_attached: bool) -> io::Result<()> {
    let mut request = super::tun::interface_request(b"")?;
    let flags = if is_attached { libc::IFF_ATTACH_QUEUE } else { libc::IFF_DETACH_QUEUE };
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETQUEUE reads one `struct ifreq`, which `request` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETQUEUE as _, &raw mut request) })
        .map(drop)
}

/// `SIOCGIFHWADDR`: the Ethernet address of a TAP device.
pub fn mac(fd: BorrowedFd<'_>) -> io::Result<[u8; MAC_LEN]> {
    let mut request = super::tun::interface_request(b"")?;
    // SAFETY: SIOCGIFHWADDR writes one `struct ifreq`, which `request` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::SIOCGIFHWADDR as _, &raw mut request) })?;
    // SAFETY: SIOCGIFHWADDR filled `ifru_hwaddr`, and any bytes are a valid address.
    let address = unsafe { request.ifr_ifru.ifru_hwaddr }.sa_data;
    let [a, b, c, d, e, f, ..] = address.map(|byte| byte as u8);
    Ok([a, b, c, d, e, f])
}

/// `SIOCSIFHWADDR`: gives a TAP device an Ethernet address; multicast ones are `EADDRNOTAVAIL`.
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

/// `struct tun_filter` with room for its addresses.
#[repr(C)]
struct MacFilter {
    flags: u16,
    count: u16,
    addresses: [[u8; MAC_LEN]; MAX_FILTER_ADDRESSES],
}
const _: () = assert!(size_of::<MacFilter>() == 4 + MAC_LEN * MAX_FILTER_ADDRESSES);

/// `TUNSETTXFILTER`: the destinations whose frames a TAP device hands over; none: all frames.
///
/// The first 8 unicast addresses are compared whole, multicast ones by a hash of 64 bits, so that
/// others of the same hash pass too. More than [`MAX_FILTER_ADDRESSES`] are `EINVAL`.
pub fn set_mac_filter(
    fd: BorrowedFd<'_>,
    addresses: &[[u8; MAC_LEN]],
    all_multicast: bool,
) -> io::Result<()> {
    let too_many = || io::Error::from_raw_os_error(libc::EINVAL);
    let mut filter = MacFilter {
        flags: if all_multicast { libc::TUN_FLT_ALLMULTI as u16 } else { 0 },
        count: addresses.len() as u16,
        addresses: [[0; MAC_LEN]; MAX_FILTER_ADDRESSES],
    };
    filter.addresses.get_mut(..addresses.len()).ok_or_else(too_many)?.copy_from_slice(addresses);
    // SAFETY: TUNSETTXFILTER reads a `struct tun_filter` and `count` addresses behind it, all of
    // which `filter` holds.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETTXFILTER as _, &raw const filter) })
        .map(drop)
}

/// `TUNATTACHFILTER`: a classic BPF program through which frames to the reader of a TAP device go;
/// one whose answer is 0 is dropped, and of others only that many bytes pass.
pub fn attach_filter(fd: BorrowedFd<'_>, program: &mut [FilterInstruction]) -> io::Result<()> {
    let too_long = |_| io::Error::from_raw_os_error(libc::EINVAL);
    let len = u16::try_from(program.len()).map_err(too_long)?;
    let program = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    // SAFETY: TUNATTACHFILTER reads one `struct sock_fprog` and the instructions that it points
    // at, which live for the call.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNATTACHFILTER as _, &raw const program) })
        .map(drop)
}

/// `TUNDETACHFILTER`: takes the program of [`attach_filter`] away.
pub fn detach_filter(fd: BorrowedFd<'_>) -> io::Result<()> {
    // The driver ignores the program that the request's number says it takes.
    let program = libc::sock_fprog { len: 0, filter: std::ptr::null_mut() };
    // SAFETY: at the most one `struct sock_fprog` is read, which `program` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNDETACHFILTER as _, &raw const program) })
        .map(drop)
}

/// `TUNSETFILTEREBPF` (Linux ≥ 4.16): a loaded program of type socket filter through which packets
/// to the reader go, by the same rule as [`attach_filter`]; `None` takes it away.
pub fn set_filter_program(fd: BorrowedFd<'_>, program: Option<RawFd>) -> io::Result<()> {
    let program: libc::c_int = program.unwrap_or(-1);
    // SAFETY: TUNSETFILTEREBPF reads one int, which `program` is; the kernel checks the descriptor.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETFILTEREBPF as _, &raw const program) })
        .map(drop)
}

/// `TUNSETSTEERINGEBPF` (Linux ≥ 4.16): a loaded program of type socket filter whose answer, modulo
/// the number of queues, is the queue of a packet; `None` takes it away.
pub fn set_steering_program(fd: BorrowedFd<'_>, program: Option<RawFd>) -> io::Result<()> {
    let program: libc::c_int = program.unwrap_or(-1);
    // SAFETY: TUNSETSTEERINGEBPF reads one int, which `program` is; the kernel checks the
    // descriptor.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETSTEERINGEBPF as _, &raw const program) })
        .map(drop)
}

/// A descriptor of our own for what the number `fd` is open for: `fcntl(F_DUPFD_CLOEXEC)`; `EBADF`
/// if it is not open.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers only, and an unopened one is an error.
    let copy = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the call just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Closes the descriptor `fd`, whose owner has given it away: close(2).
pub fn close_given(fd: RawFd) -> io::Result<()> {
    // SAFETY: close takes a number only. That nothing else of this process owns it is the contract
    // of whoever gave it away.
    check(unsafe { libc::close(fd) }).map(drop)
}

/// Has reads and writes of `fd` return at once: `O_NONBLOCK`.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    // SAFETY: the call takes numbers only.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) }).map(drop)
}
