//! An open device as a JavaScript class.

use crate::background::{run, run_blocking_then, run_limited};
use crate::device_options::{
    NativeDeviceInfo, NativeDeviceOptions, NativeRefusal, NativeVnetHeader,
};
use crate::device_packets::{self, NativePackets, SharedQueues, closed, outcome, packets, written};
use crate::error;
use crate::readiness::NativeReadiness;
use crate::sys::uv::Poll;
use napi::Env;
use napi::bindgen_prelude::{Function, PromiseRaw, Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;
use std::cell::RefMut;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use tokio::sync::Notify;
use tun2udp_core::device::TunDevice;
use tun2udp_core::packet::coalesce::CoalesceOptions;
use tun2udp_core::packet::layer::Layer;
use tun2udp_core::port::{self, OpenOptions, Opened, PacketWriter, Queues, Reader, refusal_error};
use tun2udp_core::{Error, ErrorCode};

/// Flags of [`NativeDevice::ready`]: `UV_READABLE` and `UV_WRITABLE`.
const READABLE: i32 = 1;
const WRITABLE: i32 = 2;

/// A TUN or TAP device with its queues that were opened.
#[napi]
pub struct NativeDevice {
    queues: SharedQueues,
    info: NativeDeviceInfo,
    /// Each ends a wait of [`NativeDevice::ready`]; one per queue.
    wakings: Vec<Arc<Notify>>,
}

/// Opens and configures a device off the event loop.
#[napi(catch_unwind, ts_return_type = "Promise<NativeDevice>")]
pub fn open_device(
    env: &Env,
    options: NativeDeviceOptions,
) -> napi::Result<PromiseRaw<'_, NativeDevice>> {
    let (io_uring, coalesce) = (options.io_uring, options.coalesce);
    let options = OpenOptions::try_from(options).map_err(|e| error::to_napi(&e))?;
    let convert = move |opened| NativeDevice::new(opened, io_uring, coalesce);
    run_blocking_then(env, move || port::open(&options), convert)
}

impl NativeDevice {
    fn new(opened: Opened, io_uring: bool, coalesce: bool) -> tun2udp_core::Result<Self> {
        let Opened { queues: devices, mtu, offloads, .. } = opened;
        let Some(device) = devices.first() else {
            return Err(Error::new(ErrorCode::System, "open", "a device", "it has no queue"));
        };
        let vnet_header_bytes =
            if device.has_vnet_header() { device.vnet_header_size()? } else { 0 };
        let vnet_len = usize::try_from(vnet_header_bytes).unwrap_or(0);
        let is_cutting = vnet_len > 0;
        let layer = device.layer();
        // Frames that JavaScript writes are not coalesced.
        let is_joining = coalesce && is_cutting && layer == Layer::Ip;
        let join =
            CoalesceOptions { tcp: is_joining && offloads.tso, udp: is_joining && offloads.uso };
        let reader = if is_cutting { Reader::cutting(vnet_len, layer) } else { Reader::whole() };
        let info = NativeDeviceInfo {
            name: device.name().to_owned(),
            index: device.index(),
            mtu,
            is_tap: device.is_tap(),
            flags: device.flags(),
            tso: offloads.tso,
            uso: offloads.uso,
            coalesce: join.tcp || join.udp,
            vnet_header_bytes,
            largest_packet_bytes: Reader::largest_packet() as u32,
            queues: devices.len() as u32,
            fd: device.as_raw_fd(),
        };
        let wakings = devices.iter().map(|_| Arc::default()).collect();
        let reader = reader.with_io_uring(io_uring);
        let queues = Queues::new(devices, reader, || PacketWriter::new(vnet_len, join));
        Ok(Self { queues: SharedQueues::new(queues), info, wakings })
    }

    /// Returns the queues, until the device is closed.
    pub(crate) fn queues(&self) -> napi::Result<RefMut<'_, Queues>> {
        self.queues.get()
    }

    /// Returns a queue that is attached, so that the driver accepts calls on it.
    pub(crate) fn device(&self) -> napi::Result<Arc<TunDevice>> {
        self.queues()?.attached().cloned().map_err(|e| error::to_napi(&e))
    }

    /// Returns the queue of that number.
    pub(crate) fn queue(&self, number: u32) -> napi::Result<Arc<TunDevice>> {
        self.queues()?.device(number as usize).cloned().ok_or_else(closed)
    }

    fn waking(&self, queue: u32) -> napi::Result<&Arc<Notify>> {
        self.wakings.get(queue as usize).ok_or_else(closed)
    }

    fn name(&self) -> &str {
        &self.info.name
    }
}

#[napi]
impl NativeDevice {
    /// Returns the properties of the opened device.
    #[napi(getter, catch_unwind)]
    pub fn info(&self) -> NativeDeviceInfo {
        self.info.clone()
    }

    /// Returns the functions that move the packets of the device.
    #[napi(getter, catch_unwind)]
    pub fn packets<'env>(&self, env: &'env Env) -> napi::Result<NativePackets<'env>> {
        device_packets::functions(env, &self.queues)
    }

    /// Returns packets that were read but not used, between adjacent `offsets`, to the device. `read()`
    /// returns them again.
    #[napi(catch_unwind)]
    pub fn give_back(
        &self,
        slab: Uint8ArraySlice<'_>,
        offsets: Uint32ArraySlice<'_>,
    ) -> napi::Result<()> {
        let mut queues = self.queues()?;
        packets(&slab, &offsets).for_each(|packet| queues.give_back(packet));
        Ok(())
    }

    /// Writes one packet with its vnet header. Returns the same results as `write()` of [`NativePackets`].
    #[napi(catch_unwind)]
    pub fn write_whole(
        &self,
        header: NativeVnetHeader,
        packet: Uint8ArraySlice<'_>,
    ) -> napi::Result<i32> {
        Ok(written(self.queues()?.write_whole(header.into(), &packet)))
    }

    /// Continues with the packets that wait for room. Returns the same results as `writeBatch()`.
    #[napi(catch_unwind)]
    pub fn flush(&self) -> napi::Result<i32> {
        let mut queues = self.queues()?;
        let progress = queues.flush();
        Ok(outcome(&queues, progress))
    }

    /// Drops the packets that wait for room. They count as refused.
    #[napi(catch_unwind)]
    pub fn discard(&self) -> napi::Result<()> {
        self.queues()?.discard();
        Ok(())
    }

    /// Returns the queue that has no room for the packet or, without a packet, for the packets of a batch.
    #[napi(catch_unwind)]
    pub fn blocked_queue(&self, packet: Option<Uint8ArraySlice<'_>>) -> napi::Result<u32> {
        let queues = self.queues()?;
        let queue = match &packet {
            Some(packet) => queues.number_of(packet),
            None => queues.blocked(),
        };
        Ok(queue.unwrap_or(0) as u32)
    }

    /// Returns the packets that were refused since the last call.
    #[napi(catch_unwind)]
    pub fn take_refusals(&self) -> Vec<NativeRefusal> {
        let refusals = self.queues().map(|mut queues| queues.take_refusals()).unwrap_or_default();
        let name = self.name();
        refusals
            .into_iter()
            .map(|refusal| {
                let error = refusal_error(name, Some(refusal.index), refusal.errno);
                NativeRefusal { index: refusal.index as u32, error: error::to_json(&error) }
            })
            .collect()
    }

    /// Returns the error of a read or write that returned -1000 less `errno`.
    #[napi(catch_unwind)]
    pub fn error_of(&self, is_write: bool, errno: i32) -> String {
        let error = if is_write {
            refusal_error(self.name(), None, errno)
        } else {
            let cause = io::Error::from_raw_os_error(errno);
            tun2udp_core::device::read_error(self.name(), &cause)
        };
        error::to_json(&error)
    }

    /// Watches a queue on the event loop. Returns nothing if the event loop is not libuv's.
    #[napi(catch_unwind)]
    pub fn watch(
        &self,
        env: &Env,
        queue: u32,
        on_ready: Function<'_, i32, ()>,
    ) -> napi::Result<Option<NativeReadiness>> {
        let device = self.queue(queue)?;
        Ok(Poll::new(env, device.as_raw_fd(), device, &on_ready)?.map(NativeReadiness::new))
    }

    /// Waits until a queue is ready for one of `events`, a sum of 1 (readable) and 2 (writable), with tokio's
    /// reactor. It is used where `watch()` is not available. Returns the events that are ready, 0 after
    /// `wake()`, or a negative errno. At most one wait per queue at a time.
    #[napi(catch_unwind, ts_return_type = "Promise<number>")]
    pub fn ready<'env>(
        &self,
        env: &'env Env,
        queue: u32,
        events: i32,
    ) -> napi::Result<PromiseRaw<'env, i32>> {
        let device = self.queue(queue)?;
        let waking = Arc::clone(self.waking(queue)?);
        run(env, async move {
            let waited = tokio::select! {
                () = waking.notified() => return Ok(0),
                waited = port::ready(device, events & READABLE != 0, events & WRITABLE != 0) => waited,
            };
            Ok(match waited {
                Ok((readable, writable)) => {
                    i32::from(readable) * READABLE + i32::from(writable) * WRITABLE
                }
                Err(error) => -error.raw_os_error().unwrap_or(1),
            })
        })
    }

    /// Ends the pending wait of `ready()` for that queue, or the next one if none is pending.
    #[napi(catch_unwind)]
    pub fn wake(&self, queue: u32) -> napi::Result<()> {
        self.waking(queue)?.notify_one();
        Ok(())
    }

    /// Closes the queues off the event loop. With the last queue the kernel deletes the interface, which
    /// takes about 20 ms. The promise resolves once the interface is deleted; for a second call it resolves
    /// at once. If no thread can be started, the queues are closed on this thread and the promise rejects.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let queues = self.queues.take();
        run_limited(env, move || {
            if let Some(queues) = queues {
                queues.close();
            }
        })
    }

    /// Closes the queues on this thread.
    #[napi(catch_unwind)]
    pub fn close_now(&self) {
        drop(self.queues.take());
    }
}

/// Closes the device with the object that JavaScript holds: a terminated worker frees the object without closing it.
impl Drop for NativeDevice {
    fn drop(&mut self) {
        // The functions of `device_packets` share the queues, and napi does not free a function whose creation is
        // interrupted by `worker.terminate()`.
        drop(self.queues.take());
        // A wait of `ready()` holds its queue open.
        self.wakings.iter().for_each(|waking| waking.notify_one());
    }
}
