//! What an open device is now, and where: it may have been renamed, and moved.

use crate::device::TunDevice;
use crate::error::{Error, Result};
use crate::namespace;
use crate::netlink::{Connection, Link, LinkRef};
use crate::sys::netns;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The network namespace of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its inode, which tells it apart from all others (namespaces(7)).
    pub inode: u64,
    /// Its name in ip-netns(8), if it has one.
    pub name: Option<String>,
    /// It is that of the calling thread.
    pub is_current: bool,
}

/// What RTNETLINK says of the interface: `ip -details -statistics link show`.
pub fn link(device: &TunDevice) -> Result<Link> {
    let name = device.settings()?.name;
    let work = || {
        let runtime = super::runtime()?;
        runtime.block_on(async { Connection::open()?.link(&LinkRef::Name(name.clone())).await })
    };
    match device.network_namespace() {
        Ok(there) => namespace::within_open(&there, &name, work),
        // Without the right to ask, it can only be where the caller is.
        Err(_) => work(),
    }
}

/// Where the interface is.
pub fn home(device: &TunDevice) -> Result<Home> {
    let there = device.network_namespace()?;
    let failed =
        |e: std::io::Error| Error::os("find the network namespace of", device.name(), "fstat", &e);
    let current = netns::current().map_err(failed)?;
    let name = namespace::list()?.into_iter().find(|name| is_named(&there, name));
    let inode = netns::inode(&there).map_err(failed)?;
    Ok(Home { inode, name, is_current: netns::is_same(&there, &current).map_err(failed)? })
}

/// Whether `name` is one of the namespace's; one that goes away meanwhile is not.
fn is_named(namespace: &OwnedFd, name: &str) -> bool {
    let path = Path::new(namespace::FOLDER).join(name);
    netns::open(&path).and_then(|other| netns::is_same(namespace, &other)).unwrap_or(false)
}
