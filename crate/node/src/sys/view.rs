//! Memory of JavaScript's that is written into.

use napi::bindgen_prelude::{Uint8ArraySlice, Uint32ArraySlice};

/// The bytes of an array for the time of a synchronous call.
pub(crate) fn bytes_mut<'a>(array: &'a mut Uint8ArraySlice<'_>) -> &'a mut [u8] {
    // SAFETY: no JavaScript runs during a synchronous call, and the arrays that `lib/` hands over
    // to be filled are never shared with another thread, nor given twice in one call.
    unsafe { array.as_mut() }
}

/// The numbers of an array for the time of a synchronous call.
pub(crate) fn numbers_mut<'a>(array: &'a mut Uint32ArraySlice<'_>) -> &'a mut [u32] {
    // SAFETY: as above.
    unsafe { array.as_mut() }
}
