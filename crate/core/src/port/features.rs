//! Features of this kernel's driver, tested on a temporary device.

use crate::device::{DeviceOptions, Mode, TunDevice, open_error};
use crate::error::Result;
use crate::netlink::{Connection, LinkRef};
use crate::sys::netns;
use crate::sys::tun::{
    self, TUN_F_CSUM, TUN_F_TSO_ECN, TUN_F_TSO4, TUN_F_TSO6, TUN_F_UDP_TUNNEL_GSO, TUN_F_USO4,
    TUN_F_USO6,
};
use std::os::fd::AsFd;
use std::path::Path;

/// The features of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// The `IFF_*` flags of `TUNGETFEATURES`.
    pub flags: u32,
    /// The features that only a device shows. `None` if the caller may not create a device.
    pub probed: Option<Probed>,
}

/// Results of the tests on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// The `TUN_F_*` flags that `TUNSETOFFLOAD` accepts, each together with the flags that it requires.
    pub offloads: u32,
    /// The vnet header sizes of virtio_net.h that `TUNSETVNETHDRSZ` accepts, bytes.
    pub vnet_header_sizes: Vec<i32>,
    /// The smallest and the largest MTU of a TUN device, bytes.
    pub mtu: Option<(u32, u32)>,
    /// Whether `TUNSETCARRIER` is supported.
    pub has_carrier: bool,
    /// Whether `TUNSETSTEERINGEBPF` is supported.
    pub has_ebpf_steering: bool,
    /// Whether `TUNSETFILTEREBPF` is supported.
    pub has_ebpf_filter: bool,
    /// Whether `TUNGETDEVNETNS` is supported.
    pub has_namespace: bool,
    /// Whether io_uring(7) can read a device without waiting.
    pub has_io_uring: bool,
}

/// The sizes of `struct virtio_net_hdr`, then with `num_buffers`, with a hash, and with an outer checksum.
const VNET_HEADER_SIZES: [i32; 4] = [10, 12, 20, 24];

/// Tests the features of the driver behind `clone_device`.
///
/// The device is created in a temporary network namespace, where other processes do not notice it. If the caller may
/// not create a namespace, the caller's namespace is used.
pub fn features(clone_device: &Path) -> Result<Features> {
    let fd = tun::open(clone_device).map_err(|e| open_error(clone_device, &e))?;
    let flags = tun::features(fd.as_fd()).map_err(|e| open_error(clone_device, &e))?;
    drop(fd);
    let options = DeviceOptions {
        mode: Mode::Tun,
        clone_device: clone_device.to_owned(),
        has_vnet_header: flags & tun::IFF_VNET_HDR as u32 != 0,
        ..DeviceOptions::default()
    };
    let probed = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("tun2udp-features".to_owned());
        let body = || {
            let _ = netns::unshare();
            TunDevice::open(&options).ok().map(|device| probe(&device))
        };
        let thread = thread.spawn_scoped(scope, body).ok()?;
        thread.join().ok().flatten()
    });
    Ok(Features { flags, probed })
}

fn probe(device: &TunDevice) -> Probed {
    let is_size =
        |size: &i32| device.has_vnet_header() && device.set_vnet_header_size(*size).is_ok();
    Probed {
        offloads: offloads(device),
        vnet_header_sizes: VNET_HEADER_SIZES.into_iter().filter(is_size).collect(),
        mtu: mtu(device),
        has_carrier: device.set_carrier(true).is_ok(),
        has_ebpf_steering: device.set_ebpf_steering(None).is_ok(),
        has_ebpf_filter: device.set_ebpf_filter(None).is_ok(),
        has_namespace: device.network_namespace().is_ok(),
        has_io_uring: super::burst::is_there(device),
    }
}

/// Returns the offload flags that the driver accepts, each requested with the flags that it requires.
fn offloads(device: &TunDevice) -> u32 {
    let uso = TUN_F_USO4 | TUN_F_USO6;
    let with = |mask: u32| if device.set_offload(TUN_F_CSUM | mask).is_ok() { mask } else { 0 };
    let tunnel = TUN_F_UDP_TUNNEL_GSO;
    let tunnel_checksum = tunnel | tun::TUN_F_UDP_TUNNEL_GSO_CSUM;
    let base = TUN_F_TSO4 | TUN_F_TSO6 | uso;
    let kinds = [TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6, TUN_F_TSO4 | TUN_F_TSO_ECN, uso];
    let taken = kinds.into_iter().fold(0, |taken, kind| taken | with(kind));
    let tunnels = [base | tunnel, base | tunnel_checksum].into_iter();
    tunnels.fold(taken, |taken, kind| taken | with(kind))
}

fn mtu(device: &TunDevice) -> Option<(u32, u32)> {
    let runtime = super::runtime().ok()?;
    let link =
        runtime.block_on(async { Connection::open()?.link(&LinkRef::Index(device.index())).await });
    let link = link.ok()?;
    link.min_mtu.zip(link.max_mtu)
}
