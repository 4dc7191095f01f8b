//! The features of this kernel's TUN/TAP driver.

use crate::background::run_blocking;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use tun2udp_core::device::DEFAULT_CLONE_DEVICE;
use tun2udp_core::port::{self, Features, Probed};

/// The features of the driver.
#[napi(object, object_from_js = false)]
pub struct NativeFeatures {
    /// `IFF_*` of `TUNGETFEATURES`.
    pub flags: u32,
    /// Features that can only be tested on a device.
    pub probed: Option<NativeProbed>,
}

/// Features that were tested on a device.
#[napi(object, object_from_js = false)]
pub struct NativeProbed {
    /// `TUN_F_*`
    pub offloads: u32,
    /// Lengths of the vnet header that are accepted, bytes.
    pub vnet_header_sizes: Vec<i32>,
    /// Smallest MTU, bytes.
    pub min_mtu: Option<u32>,
    /// Largest MTU, bytes.
    pub max_mtu: Option<u32>,
    /// `TUNSETCARRIER`
    pub has_carrier: bool,
    /// `TUNSETSTEERINGEBPF`
    pub has_ebpf_steering: bool,
    /// `TUNSETFILTEREBPF`
    pub has_ebpf_filter: bool,
    /// `TUNGETDEVNETNS`
    pub has_namespace: bool,
    /// Packets can be read several at a time.
    pub has_io_uring: bool,
}

/// Tests the features of the driver, off the event loop.
#[napi(catch_unwind, ts_return_type = "Promise<NativeFeatures>")]
pub fn device_features(
    env: &Env,
    clone_device: Option<String>,
) -> napi::Result<PromiseRaw<'_, NativeFeatures>> {
    let clone_device = clone_device.unwrap_or_else(|| DEFAULT_CLONE_DEVICE.to_owned());
    run_blocking(env, move || {
        let Features { flags, probed } = port::features(clone_device.as_ref())?;
        Ok(NativeFeatures { flags, probed: probed.map(NativeProbed::from) })
    })
}

impl From<Probed> for NativeProbed {
    fn from(probed: Probed) -> Self {
        // Destructured completely, so that the compiler reports a field of the core that is missing here.
        let Probed {
            offloads,
            vnet_header_sizes,
            mtu,
            has_carrier,
            has_ebpf_steering,
            has_ebpf_filter,
            has_namespace,
            has_io_uring,
        } = probed;
        Self {
            offloads,
            vnet_header_sizes,
            min_mtu: mtu.map(|(min, _)| min),
            max_mtu: mtu.map(|(_, max)| max),
            has_carrier,
            has_ebpf_steering,
            has_ebpf_filter,
            has_namespace,
            has_io_uring,
        }
    }
}
