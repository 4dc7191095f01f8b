//! Reads and writes packets with synchronous functions, which have the lowest cost and never wait.
//!
//! They are functions of one device rather than methods of its class. Finding the device of a method's
//! receiver, and guarding it against a second call, costs several times as much as the rest of a call.

use crate::sys::view::{PacketList, bytes_mut, check_bytes, check_packets, numbers_mut};
use napi::Env;
use napi::bindgen_prelude::{
    Function, FunctionCallContext, ToNapiValue, Uint8ArraySlice, Uint32ArraySlice,
};
use napi_derive::napi;
use std::cell::{RefCell, RefMut};
use std::io;
use std::rc::Rc;
use tun2udp_core::port::{Filled, Form, Queues, Space, WriteProgress};

/// Result of reading: no packet fits into the rest of the slab.
const NEEDS_ROOM: i32 = -1;
/// The longest pause, milliseconds, that fits between the two results.
const LONGEST_PAUSE_MS: u128 = 900;
/// Result of reading and writing: this less an errno.
const FAILED: i32 = -1_000;
/// Result of writing: the device has no room now.
const BLOCKED: i32 = 1;
/// Result of writing a batch: some packets were refused.
const REFUSED: i32 = 2;

/// The queues of a device until it is closed. Only the JavaScript thread uses them.
#[derive(Clone)]
pub(crate) struct SharedQueues(Rc<RefCell<Option<Queues>>>);

impl SharedQueues {
    pub(crate) fn new(queues: Queues) -> Self {
        Self(Rc::new(RefCell::new(Some(queues))))
    }

    /// Returns the queues for the duration of a call.
    pub(crate) fn get(&self) -> napi::Result<RefMut<'_, Queues>> {
        let queues = self.0.try_borrow_mut().map_err(|_| closed())?;
        RefMut::filter_map(queues, Option::as_mut).map_err(|_| closed())
    }

    /// Takes the queues in order to close them. Every later use reports a closed device. Returns `None` the
    /// second time.
    pub(crate) fn take(&self) -> Option<Queues> {
        self.0.try_borrow_mut().ok()?.take()
    }
}

/// Returns the error of using a closed device. `lib/device/` replaces it by a more precise one.
pub(crate) fn closed() -> napi::Error {
    napi::Error::from_reason("the device is closed")
}

/// The functions that move packets of one device.
#[napi(object, object_from_js = false)]
pub struct NativePackets<'env> {
    /// Reads packets one after the other into `slab`, starting at `start`, at most `maxPackets`.
    ///
    /// `offsets[0]` is set to the start of the first packet, behind room for a vnet header if `start` leaves
    /// none; `offsets[n + 1]` is set to the end of the n-th packet. Returns the number of packets, 0 for
    /// none. Returns -1 if the slab has no room for one. If reading failed, returns -1 less the milliseconds
    /// after which to try again, or -1000 less an errno.
    #[napi(
        ts_type = "(slab: Uint8Array, start: number, offsets: Uint32Array, maxPackets: number) => number"
    )]
    pub read: Function<'env, (), i32>,
    /// As `read`, for packets as the kernel passes them, each behind its vnet header.
    #[napi(
        ts_type = "(slab: Uint8Array, start: number, offsets: Uint32Array, maxPackets: number) => number"
    )]
    pub read_whole: Function<'env, (), i32>,
    /// Returns whether packets were taken from the device that `read()` has not returned yet. The device
    /// itself may not be readable then.
    #[napi(ts_type = "() => boolean")]
    pub has_waiting: Function<'env, (), bool>,
    /// Writes one packet. Returns 0, 1 if the device has no room now, or -1000 less an errno.
    #[napi(ts_type = "(packet: Uint8Array) => number")]
    pub write: Function<'env, (), i32>,
    /// Writes packets in order. Returns a sum: 1 if packets wait for room, which `flush()` writes, and 2 if
    /// some were refused, which `takeRefusals()` returns.
    #[napi(ts_type = "(packets: Array<Uint8Array>) => number")]
    pub write_batch: Function<'env, (), i32>,
    /// As `writeBatch`, for the packets in `buffer` between adjacent `offsets`.
    #[napi(ts_type = "(buffer: Uint8Array, offsets: Uint32Array) => number")]
    pub write_packed: Function<'env, (), i32>,
}

/// Creates the functions of a device.
pub(crate) fn functions<'env>(
    env: &'env Env,
    queues: &SharedQueues,
) -> napi::Result<NativePackets<'env>> {
    Ok(NativePackets {
        read: function(env, "read", queues, |queues, call| read(queues, call, Form::Cut))?,
        read_whole: function(env, "readWhole", queues, |queues, call| {
            read(queues, call, Form::Whole)
        })?,
        has_waiting: function(env, "hasWaiting", queues, |queues, _| {
            Ok(queues.get()?.has_waiting())
        })?,
        write: function(env, "write", queues, |queues, call| {
            let packet: Uint8ArraySlice<'_> = call.get(0)?;
            Ok(written(queues.get()?.write(&packet)))
        })?,
        write_batch: function(env, "writeBatch", queues, |queues, call| {
            let packets: PacketList<'_> = call.get(0)?;
            let mut queues = queues.get()?;
            let progress = queues.write_batch(packets.iter());
            Ok(outcome(&queues, progress))
        })?,
        write_packed: function(env, "writePacked", queues, |queues, call| {
            let buffer: Uint8ArraySlice<'_> = call.get(0)?;
            let offsets: Uint32ArraySlice<'_> = call.get(1)?;
            check_packed(&buffer, &offsets)?;
            let mut queues = queues.get()?;
            let progress = queues.write_batch(packets(&buffer, &offsets));
            Ok(outcome(&queues, progress))
        })?,
    })
}

/// Creates a JavaScript function that uses the queues. A panic in it becomes an exception.
///
/// `work` reads all its arguments before it takes the queues. Reading them may run a getter that uses the
/// device.
fn function<'env, T: ToNapiValue>(
    env: &'env Env,
    name: &str,
    queues: &SharedQueues,
    work: impl Fn(&SharedQueues, &FunctionCallContext<'_>) -> napi::Result<T> + 'static,
) -> napi::Result<Function<'env, (), T>> {
    let queues = queues.clone();
    env.create_function_from_closure(name, move |call| work(&queues, &call))
}

fn read(queues: &SharedQueues, call: &FunctionCallContext<'_>, form: Form) -> napi::Result<i32> {
    let mut slab: Uint8ArraySlice<'_> = call.get(0)?;
    let start: u32 = call.get(1)?;
    let mut offsets: Uint32ArraySlice<'_> = call.get(2)?;
    let max_packets: u32 = call.get(3)?;
    let mut queues = queues.get()?;
    let room = Space {
        slab: bytes_mut(&mut slab),
        offsets: numbers_mut(&mut offsets),
        start: start as usize,
        max_packets: max_packets as usize,
    };
    Ok(match queues.read(room, form) {
        Ok(Filled::Packets(count)) => count as i32,
        Ok(Filled::NeedsRoom) => NEEDS_ROOM,
        Ok(Filled::Pause(pause)) => NEEDS_ROOM - pause.as_millis().min(LONGEST_PAUSE_MS) as i32,
        Err(error) => failed(&error),
    })
}

/// Returns the result of a function that writes one packet.
pub(crate) fn written(result: io::Result<()>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => BLOCKED,
        Err(error) => failed(&error),
    }
}

/// Returns the result of a function that writes several packets.
pub(crate) fn outcome(queues: &Queues, progress: WriteProgress) -> i32 {
    let blocked = if progress == WriteProgress::Blocked { BLOCKED } else { 0 };
    blocked | if queues.has_refusals() { REFUSED } else { 0 }
}

fn failed(error: &io::Error) -> i32 {
    FAILED - error.raw_os_error().unwrap_or(0)
}

/// Checks the limits of a batch in one buffer. Adjacent offsets may refer to the same bytes more than once.
fn check_packed(buffer: &[u8], offsets: &[u32]) -> napi::Result<()> {
    check_packets(offsets.len().saturating_sub(1))?;
    check_bytes(packets(buffer, offsets).map(<[u8]>::len).fold(0, usize::saturating_add))
}

/// Returns the packets between adjacent offsets.
pub(crate) fn packets<'p>(buffer: &'p [u8], offsets: &'p [u32]) -> impl Iterator<Item = &'p [u8]> {
    offsets.windows(2).map(|ends| match ends {
        [start, end] => buffer.get(*start as usize..*end as usize).unwrap_or_default(),
        _ => &[],
    })
}
