//! An open device as a JavaScript class: packets in and out by synchronous calls, which are what
//! costs least, and never wait.

use crate::device_options::{
    NativeDeviceInfo, NativeDeviceOptions, NativeRefusal, NativeVnetHeader,
};
use crate::error;
use crate::readiness::NativeReadiness;
use crate::sys::uv::Poll;
use crate::sys::view::{bytes_mut, numbers_mut};
use napi::Env;
use napi::bindgen_prelude::{
    Function, PromiseRaw, Uint8ArraySlice, Uint32ArraySlice, spawn_blocking,
};
use napi_derive::napi;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use tokio::sync::Notify;
use tun2udp_core::device::TunDevice;
use tun2udp_core::packet::coalesce::CoalesceOptions;
use tun2udp_core::tuntap::{
    self, Filled, Form, OpenOptions, Opened, Progress, Queues, Reader, Room, Writer, refusal_error,
};
use tun2udp_core::{Error, ErrorCode};

/// [`NativeDevice::read`]: no packet fits into what is left of the slab.
const NEEDS_ROOM: i32 = -1;
/// [`NativeDevice::read`] and [`NativeDevice::write`]: an errno is subtracted from this.
const FAILED: i32 = -1_000;
/// [`NativeDevice::write`] and those of batches: the device has no room now.
const BLOCKED: i32 = 1;
/// [`NativeDevice::ready`]: `UV_READABLE` and `UV_WRITABLE`.
const READABLE: i32 = 1;
const WRITABLE: i32 = 2;
/// Those of batches: some were refused.
const REFUSED: i32 = 2;

/// A TUN or TAP device with the queues that were opened of it.
#[napi]
pub struct NativeDevice {
    queues: Option<Queues>,
    info: NativeDeviceInfo,
    /// End a wait of [`NativeDevice::ready`], one a queue.
    wakings: Vec<Arc<Notify>>,
}

/// Opens and configures a device off the event loop.
#[napi(catch_unwind, ts_return_type = "Promise<NativeDevice>")]
pub fn open_device(
    env: &Env,
    options: NativeDeviceOptions,
) -> napi::Result<PromiseRaw<'_, NativeDevice>> {
    let options = OpenOptions::try_from(options).map_err(|e| error::to_napi(&e))?;
    env.spawn_future(async move {
        let opened = spawn_blocking(move || tuntap::open(&options)).await;
        let opened = opened.map_err(|e| napi::Error::from_reason(format!("open: {e}")))?;
        opened.and_then(NativeDevice::new).map_err(|e| error::to_napi(&e))
    })
}

impl NativeDevice {
    fn new(opened: Opened) -> tun2udp_core::Result<Self> {
        let Opened { queues: devices, mtu, offloads, .. } = opened;
        let Some(device) = devices.first() else {
            return Err(Error::new(ErrorCode::System, "open", "a device", "it has no queue"));
        };
        let vnet_header_bytes =
            if device.has_vnet_header() { device.vnet_header_size()? } else { 0 };
        let vnet_len = usize::try_from(vnet_header_bytes).unwrap_or(0);
        let is_cutting = vnet_len > 0;
        let join = CoalesceOptions {
            tcp: is_cutting && offloads.tso && !device.is_tap(),
            udp: is_cutting && offloads.uso && !device.is_tap(),
        };
        let reader =
            if is_cutting { Reader::cutting(vnet_len, device.is_tap()) } else { Reader::whole() };
        let info = NativeDeviceInfo {
            name: device.name().to_owned(),
            index: device.index(),
            mtu,
            is_tap: device.is_tap(),
            flags: device.flags(),
            tso: offloads.tso,
            uso: offloads.uso,
            vnet_header_bytes,
            largest_packet_bytes: Reader::largest_packet() as u32,
            queues: devices.len() as u32,
        };
        let wakings = devices.iter().map(|_| Arc::default()).collect();
        let queues = Queues::new(devices, reader, || Writer::new(vnet_len, join));
        Ok(Self { queues: Some(queues), info, wakings })
    }

    /// The queues, until the device is closed.
    pub(crate) fn queues(&mut self) -> napi::Result<&mut Queues> {
        self.queues.as_mut().ok_or_else(closed)
    }

    /// A queue that the driver answers.
    pub(crate) fn device(&self) -> napi::Result<Arc<TunDevice>> {
        let attached = self.queues.as_ref().ok_or_else(closed)?.attached();
        attached.cloned().map_err(|e| error::to_napi(&e))
    }

    /// One of the queues.
    pub(crate) fn queue(&self, number: u32) -> napi::Result<&Arc<TunDevice>> {
        let queues = self.queues.as_ref();
        queues.and_then(|queues| queues.device(number as usize)).ok_or_else(closed)
    }

    fn waking(&self, queue: u32) -> napi::Result<&Arc<Notify>> {
        self.wakings.get(queue as usize).ok_or_else(closed)
    }

    fn name(&self) -> &str {
        &self.info.name
    }
}

fn closed() -> napi::Error {
    napi::Error::from_reason("the device is closed")
}

fn outcome(queues: &Queues, progress: Progress) -> i32 {
    let blocked = if progress == Progress::Blocked { BLOCKED } else { 0 };
    blocked | if queues.has_refusals() { REFUSED } else { 0 }
}

fn room<'a>(
    slab: &'a mut Uint8ArraySlice<'_>,
    start: u32,
    offsets: &'a mut Uint32ArraySlice<'_>,
    max_packets: u32,
) -> Room<'a> {
    Room {
        slab: bytes_mut(slab),
        offsets: numbers_mut(offsets),
        start: start as usize,
        max_packets: max_packets as usize,
    }
}

fn read(result: io::Result<Filled>) -> i32 {
    match result {
        Ok(Filled::Packets(count)) => count as i32,
        Ok(Filled::NeedsRoom) => NEEDS_ROOM,
        Err(error) => failed(&error),
    }
}

fn written(result: io::Result<()>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => BLOCKED,
        Err(error) => failed(&error),
    }
}

fn failed(error: &io::Error) -> i32 {
    FAILED - error.raw_os_error().unwrap_or(0)
}

#[napi]
impl NativeDevice {
    /// What the device became.
    #[napi(getter, catch_unwind)]
    pub fn info(&self) -> NativeDeviceInfo {
        self.info.clone()
    }

    /// Reads packets end to end into `slab` from `start` on, at most `max_packets`.
    ///
    /// `offsets[0]` becomes where the first begins, behind room for a vnet header if `start` leaves none;
    /// `offsets[n + 1]` the end of the n-th packet. Answers how many
    /// there are, 0 for none; -1 if the slab has no room for one; -1000 less an errno.
    #[napi(catch_unwind)]
    pub fn read(
        &mut self,
        mut slab: Uint8ArraySlice<'_>,
        start: u32,
        mut offsets: Uint32ArraySlice<'_>,
        max_packets: u32,
    ) -> napi::Result<i32> {
        let room = room(&mut slab, start, &mut offsets, max_packets);
        Ok(read(self.queues()?.read(room, Form::Cut)))
    }

    /// The same for packets as the kernel gives them, each behind its vnet header.
    #[napi(catch_unwind)]
    pub fn read_whole(
        &mut self,
        mut slab: Uint8ArraySlice<'_>,
        start: u32,
        mut offsets: Uint32ArraySlice<'_>,
        max_packets: u32,
    ) -> napi::Result<i32> {
        let room = room(&mut slab, start, &mut offsets, max_packets);
        Ok(read(self.queues()?.read(room, Form::Whole)))
    }

    /// Whether packets were taken from the device that `read()` has not given yet: the device
    /// itself may not be readable.
    #[napi(catch_unwind)]
    pub fn has_waiting(&self) -> bool {
        self.queues.as_ref().is_some_and(Queues::has_waiting)
    }

    /// Takes packets back that were read whole, between neighbouring `offsets`; `read()` gives them
    /// again.
    #[napi(catch_unwind)]
    pub fn give_back(
        &mut self,
        slab: Uint8ArraySlice<'_>,
        offsets: Uint32ArraySlice<'_>,
    ) -> napi::Result<()> {
        let queues = self.queues()?;
        packets(&slab, &offsets).for_each(|packet| queues.give_back(packet));
        Ok(())
    }

    /// Writes one packet. Answers 0, 1 if the device has no room now, or -1000 less an errno.
    #[napi(catch_unwind)]
    pub fn write(&mut self, packet: Uint8ArraySlice<'_>) -> napi::Result<i32> {
        Ok(written(self.queues()?.write(&packet)))
    }

    /// Writes one packet with its vnet header; answers as `write()` does.
    #[napi(catch_unwind)]
    pub fn write_whole(
        &mut self,
        header: NativeVnetHeader,
        packet: Uint8ArraySlice<'_>,
    ) -> napi::Result<i32> {
        Ok(written(self.queues()?.write_whole(header.into(), &packet)))
    }

    /// Writes packets in order. Answers a sum: 1 if packets wait for room, which is for `flush()`,
    /// and 2 if some were refused, which `takeRefusals()` tells.
    #[napi(catch_unwind)]
    pub fn write_batch(&mut self, packets: Vec<Uint8ArraySlice<'_>>) -> napi::Result<i32> {
        let queues = self.queues()?;
        let progress = queues.write_batch(packets.iter().map(AsRef::as_ref));
        Ok(outcome(queues, progress))
    }

    /// The same for the packets that lie in `buffer` between neighbouring `offsets`.
    #[napi(catch_unwind)]
    pub fn write_packed(
        &mut self,
        buffer: Uint8ArraySlice<'_>,
        offsets: Uint32ArraySlice<'_>,
        count: u32,
    ) -> napi::Result<i32> {
        let queues = self.queues()?;
        let progress = queues.write_batch(packets(&buffer, &offsets).take(count as usize));
        Ok(outcome(queues, progress))
    }

    /// Goes on with what waited for room; answers as `writeBatch()` does.
    #[napi(catch_unwind)]
    pub fn flush(&mut self) -> napi::Result<i32> {
        let queues = self.queues()?;
        let progress = queues.flush();
        Ok(outcome(queues, progress))
    }

    /// The queue that has no room: for the packet, or, without one, for those of a batch.
    #[napi(catch_unwind)]
    pub fn blocked_queue(&mut self, packet: Option<Uint8ArraySlice<'_>>) -> napi::Result<u32> {
        let queues = self.queues()?;
        let queue = match &packet {
            Some(packet) => queues.number_of(packet),
            None => queues.blocked(),
        };
        Ok(queue.unwrap_or(0) as u32)
    }

    /// The packets that were refused since the last call.
    #[napi(catch_unwind)]
    pub fn take_refusals(&mut self) -> Vec<NativeRefusal> {
        let refusals = self.queues.as_mut().map(Queues::take_refusals).unwrap_or_default();
        let name = self.name();
        refusals
            .into_iter()
            .map(|refusal| {
                let error = refusal_error(name, Some(refusal.index), refusal.errno);
                NativeRefusal { index: refusal.index as u32, error: error::to_json(&error) }
            })
            .collect()
    }

    /// The error of a read or write that answered -1000 less `errno`.
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

    /// Watches a queue on the event loop; nothing where that has no libuv.
    #[napi(catch_unwind)]
    pub fn watch(
        &self,
        env: &Env,
        queue: u32,
        on_ready: Function<'_, i32, ()>,
    ) -> napi::Result<Option<NativeReadiness>> {
        let device = self.queue(queue)?;
        Ok(Poll::new(env, device.as_raw_fd(), device.clone(), &on_ready)?.map(NativeReadiness::new))
    }

    /// Waits until a queue is ready for some of `events`, a sum of 1 (readable) and 2 (writable),
    /// by tokio's reactor: for where `watch()` cannot be had. Answers which, 0 when it was woken, or
    /// a negative errno. One wait a queue at a time.
    #[napi(catch_unwind, ts_return_type = "Promise<number>")]
    pub fn ready<'env>(
        &self,
        env: &'env Env,
        queue: u32,
        events: i32,
    ) -> napi::Result<PromiseRaw<'env, i32>> {
        let device = Arc::clone(self.queue(queue)?);
        let waking = Arc::clone(self.waking(queue)?);
        env.spawn_future(async move {
            let waited = tokio::select! {
                () = waking.notified() => return Ok(0),
                waited = tuntap::ready(device, events & READABLE != 0, events & WRITABLE != 0) => waited,
            };
            Ok(match waited {
                Ok((readable, writable)) => {
                    i32::from(readable) * READABLE + i32::from(writable) * WRITABLE
                }
                Err(error) => -error.raw_os_error().unwrap_or(1),
            })
        })
    }

    /// Ends a wait of `ready()` for that queue, or else the next.
    #[napi(catch_unwind)]
    pub fn wake(&self, queue: u32) -> napi::Result<()> {
        self.waking(queue)?.notify_one();
        Ok(())
    }

    /// Closes the queues, and with the last one the device, unless it is persistent.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.queues = None;
    }
}

/// The packets that lie between neighbouring offsets.
fn packets<'p>(buffer: &'p [u8], offsets: &'p [u32]) -> impl Iterator<Item = &'p [u8]> {
    offsets.windows(2).map(|ends| match ends {
        [start, end] => buffer.get(*start as usize..*end as usize).unwrap_or_default(),
        _ => &[],
    })
}
