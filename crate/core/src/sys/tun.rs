//! The TUN/TAP driver: its clone device and its ioctls (`linux/if_tun.h`, `drivers/net/tun.c`).

use super::check;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// `TUN_F_UDP_TUNNEL_GSO`, kernel ≥ 6.17; not in libc yet.
pub const TUN_F_UDP_TUNNEL_GSO: u32 = 0x80;
/// `TUN_F_UDP_TUNNEL_GSO_CSUM`, kernel ≥ 6.17; not in libc yet.
pub const TUN_F_UDP_TUNNEL_GSO_CSUM: u32 = 0x100;

/// Flags of a TUN/TAP queue, as `TUNSETIFF` takes them in `ifr_flags`.
pub use libc::{
    IFF_MULTI_QUEUE, IFF_NAPI, IFF_NAPI_FRAGS, IFF_NO_CARRIER, IFF_NO_PI, IFF_PERSIST, IFF_TAP,
    IFF_TUN, IFF_TUN_EXCL, IFF_VNET_HDR,
};
/// Offloads, as `TUNSETOFFLOAD` takes them.
pub use libc::{TUN_F_CSUM, TUN_F_TSO_ECN, TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6};

// TUNSETIFF reads the whole struct; it would read past the end of a shorter one.
const _: () = assert!(size_of::<libc::ifreq>() == 40);
const _: () = assert!(mem::offset_of!(libc::ifreq, ifr_ifru) == libc::IFNAMSIZ);

/// The driver's information about a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueInfo {
    /// Name of the interface; templates such as `tun%d` are expanded.
    pub name: String,
    /// `IFF_TUN`, `IFF_NO_PI`, … and `IFF_PERSIST` where the device is persistent.
    pub flags: i32,
}

/// Opens the clone device, non-blocking and close-on-exec.
pub fn open(clone_device: &Path) -> io::Result<OwnedFd> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(clone_device)
        .map(OwnedFd::from)
}

/// Opens the clone device without `O_NONBLOCK`: if the path is another file, open(2) may block.
pub fn open_plain(clone_device: &Path) -> io::Result<OwnedFd> {
    OpenOptions::new().read(true).write(true).open(clone_device).map(OwnedFd::from)
}

/// `TUNSETIFF`: creates the interface `name` (empty: the kernel chooses a name) or attaches to it.
///
/// Returns its name. Names of 16 bytes and more are `EINVAL`.
pub fn set_interface(fd: BorrowedFd<'_>, name: &str, flags: i32) -> io::Result<String> {
    let name = set_interface_bytes(fd, name.as_bytes(), flags)?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

/// As [`set_interface`], for a name that need not be UTF-8.
pub fn set_interface_bytes(fd: BorrowedFd<'_>, name: &[u8], flags: i32) -> io::Result<Vec<u8>> {
    let mut request = interface_request(name)?;
    // The flags are the low 16 bits; IFF_TUN_EXCL (0x8000) makes the C short negative.
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `struct ifreq`, which `request` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) })?;
    Ok(name_bytes(&request))
}

/// `TUNGETIFF`: returns the name and flags of the interface that `fd` is attached to.
pub fn queue_info(fd: BorrowedFd<'_>) -> io::Result<QueueInfo> {
    let mut request = interface_request(b"")?;
    // SAFETY: TUNGETIFF writes one `struct ifreq`, which `request` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETIFF as _, &raw mut request) })?;
    // SAFETY: TUNGETIFF filled `ifru_flags`, and any bits are a valid c_short.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    Ok(QueueInfo { name: name_of(&request), flags: i32::from(flags as u16) })
}

/// `TUNSETOFFLOAD`: the offloads that the reader of `fd` supports, as a mask of `TUN_F_*`.
///
/// The mask belongs to the device and outlives its owner, so it must be set on every attach.
pub fn set_offload(fd: BorrowedFd<'_>, mask: u32) -> io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes its argument by value; no memory is touched.
    check(unsafe {
        libc::ioctl(fd.as_raw_fd(), libc::TUNSETOFFLOAD as _, libc::c_ulong::from(mask))
    })
    .map(drop)
}

/// `TUNSETVNETHDRSZ`: bytes of the header before each packet of a device with `IFF_VNET_HDR`.
///
/// It belongs to the device and outlives its owner, so it must be set on every attach.
pub fn set_vnet_header_size(fd: BorrowedFd<'_>, bytes: libc::c_int) -> io::Result<()> {
    // SAFETY: TUNSETVNETHDRSZ reads one int, which `bytes` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETVNETHDRSZ as _, &raw const bytes) })
        .map(drop)
}

/// `TUNGETFEATURES`: the `IFF_*` flags that the driver supports, without persistence and exclusiveness.
pub fn features(fd: BorrowedFd<'_>) -> io::Result<u32> {
    let mut features: libc::c_uint = 0;
    // SAFETY: TUNGETFEATURES writes one unsigned int, which `features` is.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETFEATURES as _, &raw mut features) })?;
    Ok(features)
}

/// `TUNSETPERSIST`: whether the interface outlives its last queue.
pub fn set_persistent(fd: BorrowedFd<'_>, is_persistent: bool) -> io::Result<()> {
    set_value(fd, libc::TUNSETPERSIST, libc::c_ulong::from(is_persistent))
}

/// `TUNSETOWNER`: the user who may attach to the interface without `CAP_NET_ADMIN`.
///
/// A number that the caller's user namespace does not map is `EINVAL`.
pub fn set_owner(fd: BorrowedFd<'_>, uid: u32) -> io::Result<()> {
    set_value(fd, libc::TUNSETOWNER, libc::c_ulong::from(uid))
}

/// `TUNSETGROUP`: the group whose members may attach to the interface without `CAP_NET_ADMIN`.
///
/// A number that the caller's user namespace does not map is `EINVAL`.
pub fn set_group(fd: BorrowedFd<'_>, gid: u32) -> io::Result<()> {
    set_value(fd, libc::TUNSETGROUP, libc::c_ulong::from(gid))
}

/// An ioctl of the driver that takes its argument by value. A pointer would be interpreted as a number, and the
/// call would succeed.
fn set_value(fd: BorrowedFd<'_>, request: libc::Ioctl, value: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the requests above take their argument by value; no memory is touched.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), request as _, value) }).map(drop)
}

/// `TUNGETDEVNETNS` (Linux ≥ 5.2): the network namespace of the interface that `fd` is attached to.
///
/// Needs `CAP_NET_ADMIN` over that namespace.
pub fn network_namespace(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: TUNGETDEVNETNS takes no argument; no memory is touched.
    let namespace = check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETDEVNETNS as _) })?;
    // SAFETY: the kernel created the descriptor for this call, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(namespace) })
}

pub(super) fn interface_request(name: &[u8]) -> io::Result<libc::ifreq> {
    let too_long = || io::Error::from_raw_os_error(libc::EINVAL);
    let name = CString::new(name).map_err(|_| too_long())?;
    // SAFETY: `struct ifreq` is plain data for which all zeroes are valid.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    let bytes = name.as_bytes_with_nul();
    if bytes.len() > request.ifr_name.len() {
        return Err(too_long());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    Ok(request)
}

fn name_of(request: &libc::ifreq) -> String {
    String::from_utf8_lossy(&name_bytes(request)).into_owned()
}

fn name_bytes(request: &libc::ifreq) -> Vec<u8> {
    request.ifr_name.iter().map(|c| *c as u8).take_while(|byte| *byte != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_fifteen_bytes_fits_and_one_of_sixteen_does_not() {
        let request = interface_request(b"abcdefghijklmno").unwrap();
        assert_eq!(name_of(&request), "abcdefghijklmno");
        let error = interface_request(b"abcdefghijklmnop").err().unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        assert!(interface_request(b"a\0b").is_err());
    }
}
