//! Options for opening a device.

use crate::packet::vnet::VnetHeader;
use crate::sys::tun;
use std::path::PathBuf;

/// The maximum number of queues of a device, `MAX_TAP_QUEUES` of drivers/net/tun.c.
pub const MAX_QUEUES: usize = 256;

/// The smallest MTU of a device (`MIN_MTU` of drivers/net/tun.c, RFC 791, 3.2), bytes.
pub const MIN_MTU: u32 = 68;

/// The default path of the driver's clone device.
pub const DEFAULT_CLONE_DEVICE: &str = "/dev/net/tun";

/// The layer that the packets of a device belong to.
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
    /// Name of the interface, or a template such as `vpn%d`. `None`: the kernel chooses.
    pub name: Option<String>,
    /// Path of the clone device.
    pub clone_device: PathBuf,
    /// A `struct virtio_net_hdr` precedes each packet (`IFF_VNET_HDR`). This cannot be changed later.
    pub has_vnet_header: bool,
    /// Bytes of that header (`TUNSETVNETHDRSZ`): 10, 12, 20 or 24.
    pub vnet_header_size: i32,
    /// A `struct tun_pi` precedes each packet. Otherwise `IFF_NO_PI` is set.
    pub has_packet_information: bool,
    /// The device may have several queues (`IFF_MULTI_QUEUE`).
    pub is_multi_queue: bool,
    /// Opening fails if the interface exists (`IFF_TUN_EXCL`).
    pub is_exclusive: bool,
    /// A new interface has no carrier (`IFF_NO_CARRIER`, Linux ≥ 6.0).
    pub no_carrier: bool,
    /// Written packets go through NAPI (`IFF_NAPI`, Linux ≥ 4.15).
    pub through_napi: bool,
    /// Written frames may be assembled from fragments (`IFF_NAPI_FRAGS`, Linux ≥ 4.15); TAP only.
    pub napi_frags: bool,
    /// The index of a new interface (`TUNSETIFINDEX`).
    pub index: Option<u32>,
}

impl Default for DeviceOptions {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            name: None,
            clone_device: DEFAULT_CLONE_DEVICE.into(),
            has_vnet_header: false,
            vnet_header_size: VnetHeader::LEN as i32,
            has_packet_information: false,
            is_multi_queue: false,
            is_exclusive: false,
            no_carrier: false,
            through_napi: false,
            napi_frags: false,
            index: None,
        }
    }
}

impl DeviceOptions {
    /// Returns the flags for `TUNSETIFF`.
    pub(super) fn flags(&self) -> i32 {
        let mode = match self.mode {
            Mode::Tun => tun::IFF_TUN,
            Mode::Tap => tun::IFF_TAP,
        };
        let flags = [
            (!self.has_packet_information, tun::IFF_NO_PI),
            (self.has_vnet_header, tun::IFF_VNET_HDR),
            (self.is_multi_queue, tun::IFF_MULTI_QUEUE),
            (self.is_exclusive, tun::IFF_TUN_EXCL),
            (self.no_carrier, tun::IFF_NO_CARRIER),
            (self.through_napi, tun::IFF_NAPI),
            (self.napi_frags, tun::IFF_NAPI_FRAGS),
        ];
        let wanted = flags.iter().filter(|(is_wanted, _)| *is_wanted);
        wanted.fold(mode, |flags, (_, flag)| flags | flag)
    }
}
