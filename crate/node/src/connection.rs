//! Connections of Node's own sockets, by their descriptors: the process at the other end, and copies.

use crate::error;
use napi_derive::napi;
use std::os::fd::IntoRawFd;
use tun2udp_core::Error;
use tun2udp_core::sys::{connection, descriptor};

/// The process at the other end of a Unix connection.
#[napi(object, object_from_js = false)]
pub struct NativePeerProcess {
    /// Its process id in this PID namespace; 0 if it is in none.
    pub pid: i32,
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
}

/// Returns the process at the other end of the Unix connection `fd` (`SO_PEERCRED`).
#[napi(catch_unwind)]
pub fn peer_process(fd: i32) -> napi::Result<NativePeerProcess> {
    let found = connection::peer_process(fd).map_err(|cause| {
        let error = Error::os(
            "identify the client of",
            format!("descriptor {fd}"),
            "getsockopt(SO_PEERCRED)",
            &cause,
        );
        error::to_napi(&error)
    })?;
    Ok(NativePeerProcess { pid: found.pid, uid: found.uid, gid: found.gid })
}

/// Returns a new descriptor of the same open file. The caller must close it.
#[napi(catch_unwind)]
pub fn duplicate_descriptor(fd: i32) -> napi::Result<i32> {
    let copy = descriptor::duplicate(fd).map_err(|cause| {
        error::to_napi(&Error::os("duplicate", format!("descriptor {fd}"), "fcntl", &cause))
    })?;
    Ok(copy.into_raw_fd())
}
