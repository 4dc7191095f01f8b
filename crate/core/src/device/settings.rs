//! Changes an open device with the driver's ioctls.

use super::TunDevice;
use super::ownership;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::tun;
use crate::sys::tun_control::{self, MAC_LEN};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// The driver's present state of an open device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The interface's name, which may have been changed.
    pub name: String,
    /// `IFF_*` of `TUNGETIFF`.
    pub flags: i32,
    /// Bytes that can be written before the stack has accepted them; then a write waits.
    pub send_buffer_bytes: i32,
    /// Bytes of the vnet header before each packet; 0 if there is none.
    pub vnet_header_bytes: i32,
}

impl TunDevice {
    /// Sets whether the device outlives its last queue (`TUNSETPERSIST`).
    pub fn set_persistent(&self, is_persistent: bool) -> Result<()> {
        ownership::set_persistent(self.as_fd(), self.name(), is_persistent)
    }

    /// Sets the user who may attach to the device without `CAP_NET_ADMIN` (`TUNSETOWNER`).
    pub fn set_owner(&self, uid: u32) -> Result<()> {
        ownership::set_owner(self.as_fd(), self.name(), uid)
    }

    /// Sets the group whose members may attach to the device without `CAP_NET_ADMIN` (`TUNSETGROUP`).
    pub fn set_group(&self, gid: u32) -> Result<()> {
        ownership::set_group(self.as_fd(), self.name(), gid)
    }

    /// Sets the link type, `ARPHRD_*` (`TUNSETLINK`). The interface must be down.
    pub fn set_link_type(&self, link_type: u16) -> Result<()> {
        tun_control::set_link_type(self.as_fd(), link_type)
            .map_err(|e| self.refused("set the link type of", "ioctl(TUNSETLINK)", &e))
    }

    /// Sets how many bytes can be written before the stack has accepted them; then a write waits (`TUNSETSNDBUF`).
    pub fn set_send_buffer(&self, bytes: i32) -> Result<()> {
        tun_control::set_send_buffer(self.as_fd(), bytes)
            .map_err(|e| self.refused("set the send buffer of", "ioctl(TUNSETSNDBUF)", &e))
    }

    /// Sets the size of the vnet header (`TUNSETVNETHDRSZ`), bytes.
    pub fn set_vnet_header_size(&self, bytes: i32) -> Result<()> {
        tun::set_vnet_header_size(self.as_fd(), bytes)
            .map_err(|e| self.refused("set the vnet header of", "ioctl(TUNSETVNETHDRSZ)", &e))
    }

    /// Returns the size of the vnet header (`TUNGETVNETHDRSZ`), bytes.
    pub fn vnet_header_size(&self) -> Result<i32> {
        tun_control::vnet_header_size(self.as_fd())
            .map_err(|e| self.refused("read the vnet header size of", "ioctl(TUNGETVNETHDRSZ)", &e))
    }

    /// Sets the Ethernet address of a TAP device (`SIOCSIFHWADDR`).
    pub fn set_mac(&self, mac: [u8; MAC_LEN]) -> Result<()> {
        self.expect_tap("set the MAC address of", "it is a TUN device, which has none")?;
        tun_control::set_mac(self.as_fd(), mac).map_err(|e| {
            let error = self.refused("set the MAC address of", "ioctl(SIOCSIFHWADDR)", &e);
            match e.raw_os_error() {
                Some(libc::EADDRNOTAVAIL) => error
                    .with_code(ErrorCode::InvalidArgument)
                    .with_advice("use the address of one station, such as 02:00:00:00:00:01"),
                _ => error,
            }
        })
    }

    /// Sets whether the interface has a carrier (`TUNSETCARRIER`, Linux ≥ 5.0).
    pub fn set_carrier(&self, has_carrier: bool) -> Result<()> {
        tun_control::set_carrier(self.as_fd(), has_carrier)
            .map_err(|e| self.refused("set the carrier of", "ioctl(TUNSETCARRIER)", &e))
    }

    /// Detaches this queue from its device, or attaches it again (`TUNSETQUEUE`). The device must allow several
    /// queues. On a detached queue, reading and writing fail with `EBADFD`.
    pub fn set_attached(&self, is_attached: bool) -> Result<()> {
        let operation = if is_attached { "attach a queue of" } else { "detach a queue of" };
        if self.flags() & tun::IFF_MULTI_QUEUE == 0 {
            let reason = "it is a device of one queue";
            return Err(Error::new(ErrorCode::Unsupported, operation, self.name(), reason)
                .with_advice("open it with several queues, or with multiQueue"));
        }
        tun_control::set_attached(self.as_fd(), is_attached).map_err(|e| {
            let error = self.refused(operation, "ioctl(TUNSETQUEUE)", &e);
            match e.raw_os_error() {
                Some(libc::EINVAL) if is_attached => error
                    .with_code(ErrorCode::DeviceDeleted)
                    .with_advice("it was not detached, or the interface was deleted"),
                Some(libc::EINVAL) => error.with_advice("it is already detached"),
                _ => error,
            }
        })
    }

    /// Returns the present settings of the device.
    pub fn settings(&self) -> Result<Settings> {
        let fd = self.as_fd();
        let info = tun::queue_info(fd)
            .map_err(|e| self.refused("read the flags of", "ioctl(TUNGETIFF)", &e))?;
        let send_buffer_bytes = tun_control::send_buffer(fd)
            .map_err(|e| self.refused("read the send buffer of", "ioctl(TUNGETSNDBUF)", &e))?;
        let has_header = info.flags & tun::IFF_VNET_HDR != 0;
        let vnet_header_bytes = if has_header { self.vnet_header_size()? } else { 0 };
        Ok(Settings { name: info.name, flags: info.flags, send_buffer_bytes, vnet_header_bytes })
    }

    /// Returns the present network namespace of the interface (`TUNGETDEVNETNS`, Linux ≥ 5.2). Requires
    /// `CAP_NET_ADMIN` in that namespace.
    pub fn network_namespace(&self) -> Result<OwnedFd> {
        tun::network_namespace(self.as_fd())
            .map_err(|e| self.refused("find the network namespace of", "ioctl(TUNGETDEVNETNS)", &e))
    }

    pub(super) fn refused(
        &self,
        operation: &'static str,
        request: &'static str,
        e: &io::Error,
    ) -> Error {
        Error::os(operation, self.name(), request, e)
    }

    pub(super) fn expect_tap(&self, operation: &'static str, reason: &'static str) -> Result<()> {
        if self.is_tap() {
            return Ok(());
        }
        Err(Error::new(ErrorCode::Unsupported, operation, self.name(), reason)
            .with_advice("open a TAP device for it"))
    }
}
