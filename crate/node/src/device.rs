//! An open device as a JavaScript class: packets in and out by synchronous calls, which are what
//! costs least, and never wait.

use crate::device_options::{NativeDeviceInfo, NativeDeviceOptions, NativeRefusal};
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
use tun2udp_core::device::{TunDevice, write_error};
use tun2udp_core::packet::coalesce::CoalesceOptions;
use tun2udp_core::tuntap::{self, Filled, OpenOptions, Opened, Progress, Reader, Room, Writer};

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

/// An open queue of a TUN or TAP device.
#[napi]
pub struct NativeDevice {
    device: Option<Arc<TunDevice>>,
    reader: Reader,
    writer: Writer,
    info: NativeDeviceInfo,
    /// Ends a wait of [`NativeDevice::ready`].
    waking: Arc<Notify>,
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
        let Opened { device, mtu, offloads, .. } = opened;
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
        };
        let writer = Writer::new(vnet_len, join);
        let waking = Arc::default();
        Ok(Self { device: Some(Arc::new(device)), reader, writer, info, waking })
    }

    fn open(&self) -> napi::Result<&Arc<TunDevice>> {
        self.device.as_ref().ok_or_else(|| napi::Error::from_reason("the device is closed"))
    }

    fn outcome(&self, progress: Progress) -> i32 {
        let blocked = if progress == Progress::Blocked { BLOCKED } else { 0 };
        blocked | if self.writer.has_refusals() { REFUSED } else { 0 }
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
    /// `offsets[0]` becomes `start`, `offsets[n + 1]` the end of the n-th packet. Answers how many
    /// there are, 0 for none; -1 if the slab has no room for one; -1000 less an errno.
    #[napi(catch_unwind)]
    pub fn read(
        &mut self,
        mut slab: Uint8ArraySlice<'_>,
        start: u32,
        mut offsets: Uint32ArraySlice<'_>,
        max_packets: u32,
    ) -> napi::Result<i32> {
        let device = Arc::clone(self.open()?);
        let room = Room {
            slab: bytes_mut(&mut slab),
            offsets: numbers_mut(&mut offsets),
            start: start as usize,
            max_packets: max_packets as usize,
        };
        Ok(match self.reader.read(&device, room) {
            Ok(Filled::Packets(count)) => count as i32,
            Ok(Filled::NeedsRoom) => NEEDS_ROOM,
            Err(error) => failed(&error),
        })
    }

    /// Whether packets were taken from the device that `read()` has not handed out yet.
    #[napi(catch_unwind)]
    pub fn has_waiting(&self) -> bool {
        self.reader.has_waiting()
    }

    /// Writes one packet. Answers 0, 1 if the device has no room now, or -1000 less an errno.
    #[napi(catch_unwind)]
    pub fn write(&mut self, packet: Uint8ArraySlice<'_>) -> napi::Result<i32> {
        let Some(device) = &self.device else { return self.open().map(|_| 0) };
        Ok(match self.writer.write(device, &packet) {
            Ok(()) => 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => BLOCKED,
            Err(error) => failed(&error),
        })
    }

    /// Writes packets in order. Answers a sum: 1 if packets wait for room, which is for `flush()`,
    /// and 2 if some were refused, which `takeRefusals()` tells.
    #[napi(catch_unwind)]
    pub fn write_batch(&mut self, packets: Vec<Uint8ArraySlice<'_>>) -> napi::Result<i32> {
        let device = Arc::clone(self.open()?);
        let packets = packets.iter().map(AsRef::as_ref);
        let progress = self.writer.write_batch(&device, packets);
        Ok(self.outcome(progress))
    }

    /// The same for the packets that lie in `buffer` between neighbouring `offsets`.
    #[napi(catch_unwind)]
    pub fn write_packed(
        &mut self,
        buffer: Uint8ArraySlice<'_>,
        offsets: Uint32ArraySlice<'_>,
        count: u32,
    ) -> napi::Result<i32> {
        let device = Arc::clone(self.open()?);
        let offsets: &[u32] = &offsets;
        let ranges = offsets.windows(2).take(count as usize);
        let packets = ranges.map(|ends| match ends {
            [start, end] => buffer.get(*start as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        });
        let progress = self.writer.write_batch(&device, packets);
        Ok(self.outcome(progress))
    }

    /// Goes on with what waited for room; answers as `writeBatch()` does.
    #[napi(catch_unwind)]
    pub fn flush(&mut self) -> napi::Result<i32> {
        let device = Arc::clone(self.open()?);
        let progress = self.writer.flush(&device);
        Ok(self.outcome(progress))
    }

    /// The packets that were refused since the last call.
    #[napi(catch_unwind)]
    pub fn take_refusals(&mut self) -> Vec<NativeRefusal> {
        let name = &self.info.name;
        let refusals = self.writer.take_refusals().into_iter();
        refusals
            .map(|refusal| {
                let cause = io::Error::from_raw_os_error(refusal.errno);
                let error = write_error(name, Some(refusal.index), &cause);
                NativeRefusal { index: refusal.index as u32, error: error::to_json(&error) }
            })
            .collect()
    }

    /// The error of a read or write that answered -1000 less `errno`.
    #[napi(catch_unwind)]
    pub fn error_of(&self, is_write: bool, errno: i32) -> String {
        let cause = io::Error::from_raw_os_error(errno);
        let name = &self.info.name;
        let error = if is_write {
            write_error(name, None, &cause)
        } else {
            tun2udp_core::device::read_error(name, &cause)
        };
        error::to_json(&error)
    }

    /// Watches the device on the event loop; nothing where that has no libuv.
    #[napi(catch_unwind)]
    pub fn watch(
        &self,
        env: &Env,
        on_ready: Function<'_, i32, ()>,
    ) -> napi::Result<Option<NativeReadiness>> {
        let device = Arc::clone(self.open()?);
        let fd = device.as_raw_fd();
        Ok(Poll::new(env, fd, device, &on_ready)?.map(NativeReadiness::new))
    }

    /// Waits until the device is ready for some of `events`, a sum of 1 (readable) and 2 (writable),
    /// by tokio's reactor: for where `watch()` cannot be had. Answers which, 0 when it was woken, or
    /// a negative errno. One wait at a time.
    #[napi(catch_unwind, ts_return_type = "Promise<number>")]
    pub fn ready<'env>(&self, env: &'env Env, events: i32) -> napi::Result<PromiseRaw<'env, i32>> {
        let device = Arc::clone(self.open()?);
        let waking = Arc::clone(&self.waking);
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

    /// Ends a wait of `ready()`, or else the next.
    #[napi(catch_unwind)]
    pub fn wake(&self) {
        self.waking.notify_one();
    }

    /// Closes the queue, and with the last one the device, unless it is persistent.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.device = None;
    }
}
