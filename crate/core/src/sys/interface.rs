//! Names and indices of the interfaces in the calling thread's network namespace.

use super::check;
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::mem;
use std::net::Ipv6Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `if_nametoindex(3)`.
pub fn index_of(name: &str) -> io::Result<u32> {
    let name = CString::new(name).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
    // SAFETY: `name` is a NUL-terminated string that lives for the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// `if_indextoname(3)`.
pub fn name_of(index: u32) -> io::Result<String> {
    let mut name = [0; libc::IF_NAMESIZE];
    // SAFETY: `name` has the length that the function may write.
    if unsafe { libc::if_indextoname(index, name.as_mut_ptr()) }.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the function wrote a NUL-terminated string into `name`.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    Ok(name.to_string_lossy().into_owned())
}

/// Returns the index that an interface has in the network namespace of `socket`, whichever the calling thread is
/// in: `ioctl(SIOCGIFINDEX)` (netdevice(7)).
pub fn index_in_namespace_of(socket: BorrowedFd<'_>, name: &str) -> io::Result<u32> {
    // SAFETY: `struct ifreq` is plain data, valid when all zero.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    let (space, bytes) = (&mut request.ifr_name, name.as_bytes());
    if bytes.len() >= space.len() {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (to, from) in space.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    // SAFETY: the ioctl reads the name in `request`, and writes the index into it.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFINDEX as _, &raw mut request) })?;
    // SAFETY: the ioctl succeeded, so it wrote this field.
    let index = unsafe { request.ifr_ifru.ifru_ifindex };
    u32::try_from(index).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))
}

/// State of duplicate address detection (RFC 4862, 5.4) of an IPv6 address of this network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateDetection {
    /// It is running: the address cannot be used yet.
    Running,
    /// Another host has the address, so it cannot be used.
    Failed,
}

/// Returns the state of duplicate address detection of `address`, from `/proc/thread-self/net/if_inet6`; `None` if the
/// address is usable, is not one of this network namespace, or the file cannot be read.
#[must_use]
pub fn duplicate_detection(address: Ipv6Addr) -> Option<DuplicateDetection> {
    detection_in(&fs::read_to_string("/proc/thread-self/net/if_inet6").ok()?, address)
}

/// Reads the lines of if_inet6: address, index, prefix length, scope and flags in hexadecimal, and the interface
/// (`if6_seq_show`, net/ipv6/addrconf.c).
fn detection_in(lines: &str, address: Ipv6Addr) -> Option<DuplicateDetection> {
    let wanted = format!("{:032x}", address.to_bits());
    let line = lines.lines().find(|line| line.starts_with(&wanted))?;
    let flags = u32::from_str_radix(line.split_ascii_whitespace().nth(4)?, 16).ok()?;
    if flags & libc::IFA_F_DADFAILED != 0 {
        return Some(DuplicateDetection::Failed);
    }
    (flags & libc::IFA_F_TENTATIVE != 0).then_some(DuplicateDetection::Running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_duplicate_address_detection_is_read_from_the_flags() {
        let lines = "\
            00000000000000000000000000000001 01 80 10 80       lo\n\
            20010db8000000000000000000000001 02 40 00 c0     eth0\n\
            20010db8000000000000000000000002 02 40 00 c8     eth0\n";
        let state = |address: &str| detection_in(lines, address.parse().unwrap());
        assert_eq!(state("::1"), None);
        assert_eq!(state("2001:db8::1"), Some(DuplicateDetection::Running));
        assert_eq!(state("2001:db8::2"), Some(DuplicateDetection::Failed));
        assert_eq!(state("2001:db8::3"), None);
        assert_eq!(duplicate_detection("::1".parse().unwrap()), None);
    }
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    #[test]
    fn names_and_indices_of_loopback_belong_together() {
        let index = index_of("lo").unwrap();
        assert_eq!(name_of(index).unwrap(), "lo");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(index_in_namespace_of(socket.as_fd(), "lo").unwrap(), index);
        assert!(name_of(0).is_err() && name_of(u32::MAX).is_err());
        for name in ["nowhere", "", "a name that is longer than names can be"] {
            assert!(index_in_namespace_of(socket.as_fd(), name).is_err(), "{name:?}");
        }
    }
}
