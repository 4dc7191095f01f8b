//! The owner and group of a device, and its persistence.

use crate::error::{Error, Result};
use crate::sys::tun;
use std::io;
use std::os::fd::BorrowedFd;

/// Sets whether the device outlives its last queue (`TUNSETPERSIST`).
pub(super) fn set_persistent(fd: BorrowedFd<'_>, name: &str, is_persistent: bool) -> Result<()> {
    let operation = if is_persistent { "make persistent" } else { "make not persistent" };
    tun::set_persistent(fd, is_persistent)
        .map_err(|e| refused(operation, name, "ioctl(TUNSETPERSIST)", &e))
}

/// Sets the user who may attach to the device without `CAP_NET_ADMIN` (`TUNSETOWNER`).
pub(super) fn set_owner(fd: BorrowedFd<'_>, name: &str, uid: u32) -> Result<()> {
    tun::set_owner(fd, uid).map_err(|e| refused("set the owner of", name, "ioctl(TUNSETOWNER)", &e))
}

/// Sets the group whose members may attach to the device without `CAP_NET_ADMIN` (`TUNSETGROUP`).
pub(super) fn set_group(fd: BorrowedFd<'_>, name: &str, gid: u32) -> Result<()> {
    tun::set_group(fd, gid).map_err(|e| refused("set the group of", name, "ioctl(TUNSETGROUP)", &e))
}

fn refused(operation: &'static str, name: &str, syscall: &'static str, cause: &io::Error) -> Error {
    let error = Error::os(operation, name, syscall, cause);
    match cause.raw_os_error() {
        Some(libc::EINVAL) => error.with_advice(
            "the user namespace that this process is in does not map that number: use one of \
             /proc/self/uid_map or gid_map",
        ),
        _ => error,
    }
}
