//! Devices that outlive their process.

use crate::background::run_blocking;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use tun2udp_core::device::{DEFAULT_CLONE_DEVICE, DeviceOptions, Holder, Mode};
use tun2udp_core::netlink::TunLink;
use tun2udp_core::persistent::{self, CreateOptions, Listed, RemoveOptions};

/// Options for creating a device. `lib/persistent/options.ts` has checked them.
#[napi(object, object_to_js = false)]
pub struct NativeCreateOptions {
    /// Ethernet frames rather than IP packets.
    pub is_tap: bool,
    /// Name or template of the interface.
    pub name: Option<String>,
    /// Path of the clone device.
    pub clone_device: Option<String>,
    /// Each packet has a `struct virtio_net_hdr`.
    pub has_vnet_header: bool,
    /// The device may have several queues.
    pub is_multi_queue: bool,
    /// Name or number of the user who may attach to it.
    pub owner: Option<String>,
    /// Name or number of the group whose members may attach to it.
    pub group: Option<String>,
    /// Name, path or process id of a network namespace.
    pub netns: Option<String>,
}

/// Options for removing a device. `lib/persistent/options.ts` has checked them.
#[napi(object, object_to_js = false)]
pub struct NativeRemoveOptions {
    /// Name of the interface, or one of its alternative names.
    pub name: String,
    /// Path of the clone device.
    pub clone_device: Option<String>,
    /// Name, path or process id of a network namespace.
    pub netns: Option<String>,
}

/// The core's `TunLink`, and the core's `Listed` if the device was listed.
#[napi(object, object_from_js = false)]
pub struct NativeListedDevice {
    /// Interface index.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Ethernet frames rather than IP packets.
    pub is_tap: bool,
    /// The interface is set up.
    pub is_up: bool,
    /// MTU, bytes.
    pub mtu: u32,
    /// Number of the user who may attach to it.
    pub owner: Option<u32>,
    /// Number of the group whose members may attach to it.
    pub group: Option<u32>,
    /// Each packet has the driver's packet information header.
    pub has_packet_information: bool,
    /// Each packet has a `struct virtio_net_hdr`.
    pub has_vnet_header: bool,
    /// The device outlives its last queue.
    pub is_persistent: bool,
    /// The device may have several queues.
    pub is_multi_queue: bool,
    /// Number of attached queues, if the device may have several.
    pub attached_queues: Option<u32>,
    /// Number of detached queues, if the device may have several.
    pub detached_queues: Option<u32>,
    /// The processes that hold the device open.
    pub holders: Vec<NativeHolder>,
}

/// The core's `Holder`.
#[napi(object, object_from_js = false)]
pub struct NativeHolder {
    /// Process id.
    pub pid: u32,
    /// Command name.
    pub command: String,
}

/// Makes a device persistent, off the event loop; creates it if it does not exist.
#[napi(catch_unwind, ts_return_type = "Promise<NativeListedDevice>")]
pub fn create_persistent(
    env: &Env,
    options: NativeCreateOptions,
) -> napi::Result<PromiseRaw<'_, NativeListedDevice>> {
    let options = CreateOptions::from(options);
    run_blocking(env, move || {
        let link = persistent::create(&options)?;
        Ok(Listed { link, holders: Vec::new() }.into())
    })
}

/// Ends the persistence of a device, off the event loop.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn remove_persistent(
    env: &Env,
    options: NativeRemoveOptions,
) -> napi::Result<PromiseRaw<'_, ()>> {
    let options = RemoveOptions::from(options);
    run_blocking(env, move || persistent::remove(&options))
}

/// Returns all TUN and TAP devices in ascending order of their index, off the event loop.
#[napi(catch_unwind, ts_return_type = "Promise<Array<NativeListedDevice>>")]
pub fn list_devices(
    env: &Env,
    netns: Option<String>,
) -> napi::Result<PromiseRaw<'_, Vec<NativeListedDevice>>> {
    run_blocking(env, move || {
        let listed = persistent::list(netns.as_deref())?;
        Ok(listed.into_iter().map(NativeListedDevice::from).collect())
    })
}

impl From<NativeCreateOptions> for CreateOptions {
    fn from(options: NativeCreateOptions) -> Self {
        let device = DeviceOptions {
            mode: if options.is_tap { Mode::Tap } else { Mode::Tun },
            name: options.name,
            clone_device: options.clone_device.as_deref().unwrap_or(DEFAULT_CLONE_DEVICE).into(),
            has_vnet_header: options.has_vnet_header,
            is_multi_queue: options.is_multi_queue,
            ..DeviceOptions::default()
        };
        Self { device, owner: options.owner, group: options.group, netns: options.netns }
    }
}

impl From<NativeRemoveOptions> for RemoveOptions {
    fn from(options: NativeRemoveOptions) -> Self {
        let clone_device = options.clone_device.as_deref().unwrap_or(DEFAULT_CLONE_DEVICE).into();
        Self { name: options.name, clone_device, netns: options.netns }
    }
}

impl From<Listed> for NativeListedDevice {
    fn from(Listed { link, holders }: Listed) -> Self {
        // Destructured completely, so that the compiler reports a field of the core that is missing here.
        let TunLink {
            index,
            name,
            is_tap,
            is_up,
            mtu,
            owner,
            group,
            has_packet_information,
            has_vnet_header,
            is_persistent,
            is_multi_queue,
            queues,
        } = link;
        Self {
            index,
            name,
            is_tap,
            is_up,
            mtu,
            owner,
            group,
            has_packet_information,
            has_vnet_header,
            is_persistent,
            is_multi_queue,
            attached_queues: queues.map(|(attached, _)| attached),
            detached_queues: queues.map(|(_, detached)| detached),
            holders: holders.into_iter().map(NativeHolder::from).collect(),
        }
    }
}

impl From<Holder> for NativeHolder {
    fn from(Holder { pid, command }: Holder) -> Self {
        Self { pid, command }
    }
}
