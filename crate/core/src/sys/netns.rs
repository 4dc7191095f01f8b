//! Network namespaces (network_namespaces(7)), entered by a thread and never by the process.

use super::check;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Opens a namespace by its file: `/run/netns/NAME`, `/proc/PID/ns/net`.
pub fn open(path: &Path) -> io::Result<OwnedFd> {
    File::open(path).map(OwnedFd::from)
}

/// Opens the namespace of the calling thread.
pub fn current() -> io::Result<OwnedFd> {
    open(Path::new("/proc/thread-self/ns/net"))
}

/// Moves the calling thread, and only it, into the network namespace `fd`: `setns(2)`.
///
/// A descriptor of anything else is `EINVAL`.
pub fn enter(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_into_link_name_space(fd, Some(LinkNameSpaceType::Network))?)
}

/// Moves the calling thread, and only it, into a new network namespace: `unshare(2)`.
///
/// The namespace ends with the last thread, socket and device queue in it.
pub fn unshare() -> io::Result<OwnedFd> {
    // SAFETY: unshare takes a flag by value; no memory is touched.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) })?;
    current()
}

/// Returns whether two descriptors refer to the same namespace (same device and inode, namespaces(7)).
pub fn is_same(one: &OwnedFd, other: &OwnedFd) -> io::Result<bool> {
    let (one, other) = (metadata(one)?, metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// Returns the inode of a namespace's file.
pub fn inode(namespace: &OwnedFd) -> io::Result<u64> {
    metadata(namespace).map(|metadata| metadata.ino())
}

/// `SO_NETNS_COOKIE` of asm-generic/socket.h (Linux ≥ 5.14); libc does not have it for every target.
const SO_NETNS_COOKIE: libc::c_int = 71;

/// Returns the number of the network namespace of a socket, which no other namespace has until the next boot.
///
/// Kernels before 5.14 return `ENOPROTOOPT`.
pub fn socket_cookie(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut cookie = 0_u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `cookie`, and the length; both live for the call.
    check(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    })?;
    Ok(cookie)
}

fn metadata(namespace: &OwnedFd) -> io::Result<Metadata> {
    File::from(namespace.as_fd().try_clone_to_owned()?).metadata()
}
