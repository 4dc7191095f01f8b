//! JavaScript arrays, read without trusting their length.

use napi::bindgen_prelude::{Array, FromNapiValue};
use napi::{Error, Result, Status, sys};
use std::ops::Deref;

/// The maximum number of elements of a list of options; `lib/check/list.ts` has the same number.
pub(crate) const LIST_MAX: u32 = 65_536;

/// Number of elements that memory is reserved for before the first one is read.
pub(crate) const RESERVED: usize = 1024;

/// The elements of an array with at most `MAX` elements.
///
/// Every array that JavaScript passes is read through this type or [`super::view::PacketList`]. `Vec` of the
/// napi crate reserves memory for any `length` that the array claims, up to 2^32 - 1 elements, and a failed
/// reservation ends the process.
pub struct List<T, const MAX: u32>(Vec<T>);

impl<T, const MAX: u32> List<T, MAX> {
    /// Returns the elements.
    pub(crate) fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: u32> Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: FromNapiValue, const MAX: u32> FromNapiValue for List<T, MAX> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: the caller passes a value of this environment, in the scope of a call.
        let array = unsafe { Array::from_napi_value(env, value)? };
        let length = bounded(&array, MAX)?;
        let mut elements = Vec::with_capacity((length as usize).min(RESERVED));
        for index in 0..length {
            let Some(element) = array.get(index)? else { break };
            elements.push(element);
        }
        Ok(Self(elements))
    }
}

/// Returns the length of an array, or an error if it is over the limit.
pub(crate) fn bounded(array: &Array<'_>, max: u32) -> Result<u32> {
    let length = array.len();
    if length <= max {
        return Ok(length);
    }
    let reason = format!("expected an array of at most {max} elements, and this one has {length}");
    Err(Error::new(Status::InvalidArg, reason))
}
