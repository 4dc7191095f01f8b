//! The present state and namespace of an open device, which may have been renamed and moved.

use crate::device::TunDevice;
use crate::error::{Error, Result};
use crate::namespace;
use crate::netlink::{Connection, Link, LinkRef};
use crate::sys::netns;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The network namespace of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceNamespace {
    /// Its inode, which identifies it (namespaces(7)).
    pub inode: u64,
    /// Its name in ip-netns(8), if it has one.
    pub name: Option<String>,
    /// Whether the calling thread is in this namespace.
    pub is_current: bool,
}

/// Returns the link that RTNETLINK reports for the interface: `ip -details -statistics link show`.
pub fn link(device: &TunDevice) -> Result<Link> {
    let name = device.settings()?.name;
    let work = || {
        let runtime = super::runtime()?;
        runtime.block_on(async { Connection::open()?.link(&LinkRef::Name(name.clone())).await })
    };
    match device.network_namespace() {
        Ok(there) => namespace::within_open(&there, &name, work),
        // The process may not enter the namespace, so it searches its own.
        Err(_) => work(),
    }
}

/// Returns the current network namespace of the interface.
pub fn device_namespace(device: &TunDevice) -> Result<DeviceNamespace> {
    let there = device.network_namespace()?;
    let failed =
        |e: std::io::Error| Error::os("find the network namespace of", device.name(), "fstat", &e);
    let current = netns::current().map_err(failed)?;
    let name = namespace::list()?.into_iter().find(|name| is_named(&there, name));
    let inode = netns::inode(&there).map_err(failed)?;
    let is_current = netns::is_same(&there, &current).map_err(failed)?;
    Ok(DeviceNamespace { inode, name, is_current })
}

/// Returns whether `name` refers to the namespace. A name that was just removed does not.
fn is_named(namespace: &OwnedFd, name: &str) -> bool {
    let path = Path::new(namespace::FOLDER).join(name);
    netns::open(&path).and_then(|other| netns::is_same(namespace, &other)).unwrap_or(false)
}
