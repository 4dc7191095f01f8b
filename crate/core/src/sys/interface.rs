//! Names and indices of the interfaces in the calling thread's network namespace.

use super::check;
use std::ffi::{CStr, CString};
use std::io;
use std::mem;
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

#[cfg(test)]
mod tests {
    use super::*;
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
