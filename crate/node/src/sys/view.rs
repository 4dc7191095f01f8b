//! Memory of JavaScript, read and written during a synchronous call.

use super::list::{RESERVED, bounded};
use napi::bindgen_prelude::{Array, FromNapiValue, Uint8ArraySlice, Uint32ArraySlice};
use napi::{Error, Result, Status, sys};
use std::ptr;

/// Maximum number of packets per call that writes; `lib/device/packets/checkPackets.ts` has the same numbers.
pub(crate) const BATCH_PACKETS_MAX: u32 = 65_536;
/// Maximum number of bytes of all packets per call that writes, since packets that wait for room are copied.
pub(crate) const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The bytes of an array during a synchronous call.
pub(crate) fn bytes_mut<'a>(array: &'a mut Uint8ArraySlice<'_>) -> &'a mut [u8] {
    // SAFETY: no JavaScript runs during a synchronous call. The arrays that `lib/` passes to be filled are
    // never shared with another thread, and never passed twice in one call.
    unsafe { array.as_mut() }
}

/// The numbers of an array during a synchronous call.
pub(crate) fn numbers_mut<'a>(array: &'a mut Uint32ArraySlice<'_>) -> &'a mut [u32] {
    // SAFETY: as above.
    unsafe { array.as_mut() }
}

/// The packets of an array of `Uint8Array`, during a synchronous call.
pub(crate) struct PacketList<'call>(Vec<Uint8ArraySlice<'call>>);

impl PacketList<'_> {
    /// Returns the bytes of each packet, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl FromNapiValue for PacketList<'_> {
    /// Reads all elements before their memory: an element may be an accessor property, whose getter can
    /// transfer the memory of an element that was read before it.
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: the caller passes a value of this environment, in the scope of a call.
        let array = unsafe { Array::from_napi_value(env, value)? };
        let length = bounded(&array, BATCH_PACKETS_MAX)?;
        let mut elements = Vec::with_capacity((length as usize).min(RESERVED));
        for index in 0..length {
            let mut element = ptr::null_mut();
            // SAFETY: `value` is an array of this environment, and `element` is written by the call.
            let status = unsafe { sys::napi_get_element(env, value, index, &raw mut element) };
            if status != sys::Status::napi_ok {
                return Err(Error::new(status.into(), format!("packet {index} cannot be read")));
            }
            elements.push(element);
        }
        // No JavaScript runs from here until the packets are written.
        let mut packets = Vec::with_capacity(elements.len());
        let mut bytes = 0_usize;
        for element in elements {
            // SAFETY: a value of this environment, whose handle lasts as long as the call.
            let packet = unsafe { Uint8ArraySlice::from_napi_value(env, element)? };
            bytes = bytes.saturating_add(packet.len());
            packets.push(packet);
        }
        check_bytes(bytes)?;
        Ok(Self(packets))
    }
}

/// Returns an error for a batch of too many packets.
pub(crate) fn check_packets(count: usize) -> Result<()> {
    if count <= BATCH_PACKETS_MAX as usize {
        return Ok(());
    }
    let reason = format!("expected at most {BATCH_PACKETS_MAX} packets, and there are {count}");
    Err(Error::new(Status::InvalidArg, reason))
}

/// Returns an error for a batch whose packets are too large in total.
pub(crate) fn check_bytes(bytes: usize) -> Result<()> {
    if bytes <= BATCH_BYTES_MAX {
        return Ok(());
    }
    let reason = format!("expected packets of at most {BATCH_BYTES_MAX} bytes together");
    Err(Error::new(Status::InvalidArg, reason))
}
