//! What a device is opened with.

use crate::sys::tun;
use std::path::PathBuf;

/// Where the driver's clone device stands unless a system keeps it elsewhere.
pub const DEFAULT_CLONE_DEVICE: &str = "/dev/net/tun";

/// Which layer the packets of a device belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// IP packets (`IFF_TUN`).
    #[default]
    Tun,
    /// Ethernet frames (`IFF_TAP`).
    Tap,
}

/// Options of [`super::TunDevice::open`].
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// IP packets or Ethernet frames.
    pub mode: Mode,
    /// Name of the interface or a template such as `vpn%d`; `None`: the kernel chooses.
    pub name: Option<String>,
    /// Path of the clone device.
    pub clone_device: PathBuf,
    /// Each packet is preceded by a `struct virtio_net_hdr` (`IFF_VNET_HDR`), for good.
    pub has_vnet_header: bool,
    /// The device may have several queues (`IFF_MULTI_QUEUE`).
    pub is_multi_queue: bool,
    /// Offloads that the reader takes, as a mask of `TUN_F_*`; 0 for ordinary packets only.
    pub offload: u32,
}

impl Default for DeviceOptions {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            name: None,
            clone_device: DEFAULT_CLONE_DEVICE.into(),
            has_vnet_header: false,
            is_multi_queue: false,
            offload: 0,
        }
    }
}

impl DeviceOptions {
    /// The flags for `TUNSETIFF`; never with the packet information header.
    pub(super) fn flags(&self) -> i32 {
        let mode = match self.mode {
            Mode::Tun => tun::IFF_TUN,
            Mode::Tap => tun::IFF_TAP,
        };
        let vnet_header = if self.has_vnet_header { tun::IFF_VNET_HDR } else { 0 };
        let multi_queue = if self.is_multi_queue { tun::IFF_MULTI_QUEUE } else { 0 };
        mode | tun::IFF_NO_PI | vnet_header | multi_queue
    }
}
