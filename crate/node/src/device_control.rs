//! Queries and changes of an open device. They run off the event loop because the driver's ioctls wait for
//! the kernel's lock on all interfaces.

use crate::background::run_blocking;
use crate::device::NativeDevice;
use crate::sys::list::List;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use tun2udp_core::device::{StationFilter, TunDevice, principal};
use tun2udp_core::port::{self, DeviceNamespace};
use tun2udp_core::sys::tun_filter::Instruction;
use tun2udp_core::{Error, ErrorCode, Result};

/// Maximum number of stations in a filter (`__u16 count` of `struct tun_filter`), six bytes each.
const STATION_BYTES_MAX: u32 = 65_535 * 6;
/// `BPF_MAXINSNS` of linux/bpf_common.h.
const INSTRUCTIONS_MAX: u32 = 4096;

/// Properties of a device as the driver reports them.
#[napi(object, object_from_js = false)]
pub struct NativeDeviceSettings {
    /// The current name of the interface.
    pub name: String,
    /// `IFF_*` of `TUNGETIFF`.
    pub flags: i32,
    /// Bytes that may be in flight before a write waits.
    pub send_buffer_bytes: i32,
    /// Bytes of the vnet header; 0 without.
    pub vnet_header_bytes: i32,
}

/// The network namespace of a device.
#[napi(object, object_from_js = false)]
pub struct NativeNamespace {
    /// Its inode.
    pub inode: f64,
    /// Its name in ip-netns(8), if it has one.
    pub name: Option<String>,
    /// Whether it is the namespace of the process.
    pub is_current: bool,
}

/// The traffic of a device.
#[napi(object, object_from_js = false)]
pub struct NativeMoved {
    /// Packets read.
    pub packets_read: f64,
    /// Bytes of these packets.
    pub bytes_read: f64,
    /// Super-packets read.
    pub super_packets_read: f64,
    /// Packets that were read and dropped because their vnet header did not fit them.
    pub malformed: f64,
    /// Packets that were read several at a time.
    pub via_io_uring: f64,
    /// Reads that failed.
    pub read_errors: f64,
    /// Packets written.
    pub packets_written: f64,
    /// Bytes of these packets.
    pub bytes_written: f64,
    /// Super-packets written.
    pub super_packets_written: f64,
    /// Packets that the kernel refused.
    pub refused: f64,
}

/// One instruction of a classic BPF program.
#[napi(object, object_to_js = false)]
pub struct NativeInstruction {
    /// Operation code.
    pub code: u16,
    /// Instructions to skip if the condition holds.
    pub jt: u8,
    /// Instructions to skip otherwise.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// The frames that the reader of a TAP device receives.
#[napi(object, object_to_js = false)]
pub struct NativeStationFilter {
    /// Ethernet addresses, six bytes each, one after the other.
    #[napi(ts_type = "Array<number>")]
    pub stations: List<u8, STATION_BYTES_MAX>,
    /// Whether all multicast frames pass.
    pub all_multicast: bool,
}

impl NativeDevice {
    /// Runs `work` on an attached queue, off the event loop.
    fn control<'env, T: Send + napi::bindgen_prelude::ToNapiValue + 'static>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&TunDevice) -> Result<T> + Send + 'static,
    ) -> napi::Result<PromiseRaw<'env, T>> {
        let device = self.device()?;
        run_blocking(env, move || work(&device))
    }
}

#[napi]
impl NativeDevice {
    /// Returns the current state of the interface from RTNETLINK: a link as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn link<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        self.control(env, |device| {
            serde_json::to_string(&port::link(device)?).map_err(|e| {
                Error::new(ErrorCode::System, "describe", device.name(), e.to_string())
            })
        })
    }

    /// Returns the current properties of the device from the driver.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeDeviceSettings>")]
    pub fn settings<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, NativeDeviceSettings>> {
        self.control(env, |device| {
            let settings = device.settings()?;
            Ok(NativeDeviceSettings {
                name: settings.name,
                flags: settings.flags,
                send_buffer_bytes: settings.send_buffer_bytes,
                vnet_header_bytes: settings.vnet_header_bytes,
            })
        })
    }

    /// Returns the network namespace of the interface.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeNamespace>")]
    pub fn namespace<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, NativeNamespace>> {
        self.control(env, |device| {
            let DeviceNamespace { inode, name, is_current } = port::device_namespace(device)?;
            #[allow(clippy::cast_precision_loss, reason = "inodes of nsfs are 32 bits wide")]
            let inode = inode as f64;
            Ok(NativeNamespace { inode, name, is_current })
        })
    }

    /// Returns the traffic so far.
    #[napi(catch_unwind)]
    #[allow(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    pub fn moved(&self) -> napi::Result<NativeMoved> {
        let (read, written) = self.queues()?.counters();
        Ok(NativeMoved {
            packets_read: read.packets as f64,
            bytes_read: read.bytes as f64,
            super_packets_read: read.super_packets as f64,
            malformed: read.malformed as f64,
            via_io_uring: read.via_io_uring as f64,
            read_errors: read.errors as f64,
            packets_written: written.packets as f64,
            bytes_written: written.bytes as f64,
            super_packets_written: written.super_packets as f64,
            refused: written.refused as f64,
        })
    }

    /// Sets whether the interface has a carrier.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_carrier<'env>(
        &self,
        env: &'env Env,
        has_carrier: bool,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.control(env, move |device| device.set_carrier(has_carrier))
    }

    /// Sets whether the device outlives its last queue.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_persistent<'env>(
        &self,
        env: &'env Env,
        is_persistent: bool,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.control(env, move |device| device.set_persistent(is_persistent))
    }

    /// Sets the user who may attach to the device, by name or number.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_owner<'env>(
        &self,
        env: &'env Env,
        owner: String,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.control(env, move |device| device.set_owner(principal::user(&owner)?))
    }

    /// Sets the group whose members may attach to the device, by name or number.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_group<'env>(
        &self,
        env: &'env Env,
        group: String,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.control(env, move |device| device.set_group(principal::group(&group)?))
    }

    /// Selects the frames that the reader of a TAP device receives; nothing: all of them.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_station_filter<'env>(
        &self,
        env: &'env Env,
        filter: Option<NativeStationFilter>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let filter = filter.map(|filter| StationFilter {
            stations: filter.stations.as_chunks().0.to_vec(),
            all_multicast: filter.all_multicast,
        });
        self.control(env, move |device| device.set_station_filter(filter.as_ref()))
    }

    /// Drops frames with a classic BPF program; nothing: removes the program.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_filter<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "Array<NativeInstruction> | undefined | null")] program: Option<
            List<NativeInstruction, INSTRUCTIONS_MAX>,
        >,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let program = program.map(|program| {
            let instructions = program.into_vec().into_iter();
            let copy = |NativeInstruction { code, jt, jf, k }| Instruction { code, jt, jf, k };
            instructions.map(copy).collect::<Vec<_>>()
        });
        self.control(env, move |device| device.set_filter(program.as_deref()))
    }

    /// Sets an eBPF program that returns how much of each packet the reader receives; nothing: all of it.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_ebpf_filter<'env>(
        &self,
        env: &'env Env,
        program: Option<i32>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.control(env, move |device| device.set_ebpf_filter(program))
    }

    /// Sets an eBPF program that chooses the queue of each packet; nothing: the driver chooses.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_ebpf_steering<'env>(
        &self,
        env: &'env Env,
        program: Option<i32>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.control(env, move |device| device.set_ebpf_steering(program))
    }

    /// Detaches a queue from the device, or attaches it again. The caller reports the result with
    /// `noteAttached()`.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_attached<'env>(
        &self,
        env: &'env Env,
        queue: u32,
        is_attached: bool,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let device = self.queue(queue)?;
        run_blocking(env, move || device.set_attached(is_attached))
    }

    /// Excludes a queue from reads and writes, or includes it again.
    #[napi(catch_unwind)]
    pub fn note_attached(&self, queue: u32, is_attached: bool) -> napi::Result<()> {
        self.queues()?.note_attached(queue as usize, is_attached);
        Ok(())
    }
}
