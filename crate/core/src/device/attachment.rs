//! Attaches to a device to change its settings, without moving packets.

use super::cause;
use super::name::check_name;
use super::options::DeviceOptions;
use super::ownership;
use crate::error::Result;
use crate::sys::tun;
use std::os::fd::{AsFd, OwnedFd};

/// Holds a device until it is dropped.
///
/// Unlike [`super::TunDevice`], it does not change the offloads: they belong to the device, which another process may
/// be reading.
#[derive(Debug)]
pub struct Attachment {
    fd: OwnedFd,
    name: String,
}

impl Attachment {
    /// Creates the device, or attaches to it, in the calling thread's network namespace.
    ///
    /// The device gets the header flags of `options`.
    pub fn open(options: &DeviceOptions, has_packet_information: bool) -> Result<Self> {
        if let Some(name) = &options.name {
            check_name(name)?;
        }
        let clone_device = &options.clone_device;
        let fd = tun::open(clone_device).map_err(|e| cause::of_open(clone_device, &e))?;
        let requested = options.name.as_deref().unwrap_or_default();
        let no_header = if has_packet_information { tun::IFF_NO_PI } else { 0 };
        let name = tun::set_interface(fd.as_fd(), requested, options.flags() & !no_header)
            .map_err(|error| cause::of_attach(options, requested, &error))?;
        Ok(Self { fd, name })
    }

    /// Returns the name that the kernel assigned to the interface.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets whether the device outlives its last queue (`TUNSETPERSIST`).
    pub fn set_persistent(&self, is_persistent: bool) -> Result<()> {
        ownership::set_persistent(self.fd.as_fd(), &self.name, is_persistent)
    }

    /// Sets the user who may attach to the device without `CAP_NET_ADMIN` (`TUNSETOWNER`).
    pub fn set_owner(&self, uid: u32) -> Result<()> {
        ownership::set_owner(self.fd.as_fd(), &self.name, uid)
    }

    /// Sets the group whose members may attach to the device without `CAP_NET_ADMIN` (`TUNSETGROUP`).
    pub fn set_group(&self, gid: u32) -> Result<()> {
        ownership::set_group(self.fd.as_fd(), &self.name, gid)
    }
}
