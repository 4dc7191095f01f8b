//! What can be changed of a device while it is open, by the driver's ioctls.

use super::TunDevice;
use super::ownership;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::tun_control::{self, MAC_LEN};
use std::io;
use std::os::fd::AsFd;

impl TunDevice {
    /// Whether the device outlives its last queue (`TUNSETPERSIST`).
    pub fn set_persistent(&self, is_persistent: bool) -> Result<()> {
        ownership::set_persistent(self.as_fd(), self.name(), is_persistent)
    }

    /// The user who may attach to the device without `CAP_NET_ADMIN` (`TUNSETOWNER`).
    pub fn set_owner(&self, uid: u32) -> Result<()> {
        ownership::set_owner(self.as_fd(), self.name(), uid)
    }

    /// The group whose members may attach to it without `CAP_NET_ADMIN` (`TUNSETGROUP`).
    pub fn set_group(&self, gid: u32) -> Result<()> {
        ownership::set_group(self.as_fd(), self.name(), gid)
    }

    /// Sets the link type, `ARPHRD_*`; the interface must be down (`TUNSETLINK`).
    pub fn set_link_type(&self, link_type: u16) -> Result<()> {
        tun_control::set_link_type(self.as_fd(), link_type)
            .map_err(|e| self.refused("set the link type of", "ioctl(TUNSETLINK)", &e))
    }

    /// Bytes written and not yet taken by the stack before a write waits (`TUNSETSNDBUF`).
    pub fn set_send_buffer(&self, bytes: i32) -> Result<()> {
        tun_control::set_send_buffer(self.as_fd(), bytes)
            .map_err(|e| self.refused("set the send buffer of", "ioctl(TUNSETSNDBUF)", &e))
    }

    /// Bytes of the vnet header (`TUNGETVNETHDRSZ`).
    pub fn vnet_header_size(&self) -> Result<i32> {
        tun_control::vnet_header_size(self.as_fd())
            .map_err(|e| self.refused("read the vnet header size of", "ioctl(TUNGETVNETHDRSZ)", &e))
    }

    /// Gives a TAP device an Ethernet address (`SIOCSIFHWADDR`).
    pub fn set_mac(&self, mac: [u8; MAC_LEN]) -> Result<()> {
        self.expect_tap("set the MAC address of")?;
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

    fn refused(&self, operation: &'static str, request: &'static str, e: &io::Error) -> Error {
        Error::os(operation, self.name(), request, e)
    }

    fn expect_tap(&self, operation: &'static str) -> Result<()> {
        if self.is_tap() {
            return Ok(());
        }
        let reason = "it is a TUN device, which has none";
        Err(Error::new(ErrorCode::Unsupported, operation, self.name(), reason)
            .with_advice("open a TAP device for it"))
    }
}
