//! A JavaScript function that libuv's callbacks call.

use napi::bindgen_prelude::{Function, JsValue};
use napi::sys;
use std::cell::Cell;
use std::ptr;

/// A reference to a JavaScript function, which keeps the function alive only while it is held.
///
/// It belongs to the thread of its environment. Dropping it deletes the reference.
pub(super) struct Callback {
    env: sys::napi_env,
    /// Null once deleted.
    reference: Cell<sys::napi_ref>,
}

impl Callback {
    /// Refers to `function` without keeping it alive.
    pub(super) fn new(env: sys::napi_env, function: &Function<'_, i32, ()>) -> napi::Result<Self> {
        let mut reference = ptr::null_mut();
        // SAFETY: the value is a function of this environment, in scope during this call.
        let status =
            unsafe { sys::napi_create_reference(env, function.raw(), 0, &raw mut reference) };
        super::check(status, "hold the callback")?;
        Ok(Self { env, reference: Cell::new(reference) })
    }

    /// Keeps the function alive, or stops doing so. Calls of either kind alternate, starting with `true`.
    pub(super) fn set_held(&self, is_held: bool) {
        let reference = self.reference.get();
        if reference.is_null() {
            return;
        }
        let change = if is_held { sys::napi_reference_ref } else { sys::napi_reference_unref };
        // SAFETY: the reference is of this environment and not deleted; its count goes from 0 to 1
        // and back.
        unsafe { change(self.env, reference, ptr::null_mut()) };
    }

    /// Calls the function and then runs pending `process.nextTick` callbacks and promise jobs. An
    /// exception becomes `uncaughtException`. Does nothing once the reference is deleted.
    ///
    /// The caller has opened a handle scope.
    pub(super) fn call(&self, value: i32) {
        let (env, reference) = (self.env, self.reference.get());
        if reference.is_null() {
            return;
        }
        let (mut function, mut receiver, mut argument) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the reference is of this environment and not deleted.
        unsafe { sys::napi_get_reference_value(env, reference, &raw mut function) };
        if function.is_null() {
            return;
        }
        // SAFETY: returns the global object of this environment.
        unsafe { sys::napi_get_global(env, &raw mut receiver) };
        // SAFETY: creates a number of this environment.
        unsafe { sys::napi_create_int32(env, value, &raw mut argument) };
        // SAFETY: all values are of this environment and of the scope that the caller opened.
        let status = unsafe {
            sys::napi_make_callback(
                env,
                ptr::null_mut(),
                receiver,
                function,
                1,
                &raw const argument,
                ptr::null_mut(),
            )
        };
        if status == sys::Status::napi_pending_exception {
            let mut error = ptr::null_mut();
            // SAFETY: takes the exception that is pending.
            unsafe { sys::napi_get_and_clear_last_exception(env, &raw mut error) };
            // SAFETY: the value is the exception taken above.
            unsafe { sys::napi_fatal_exception(env, error) };
        }
    }

    /// Deletes the reference. Calling it again has no effect.
    pub(super) fn delete(&self) {
        let reference = self.reference.replace(ptr::null_mut());
        if !reference.is_null() {
            // SAFETY: the reference is of this environment, which lives until its hooks have run.
            unsafe { sys::napi_delete_reference(self.env, reference) };
        }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.delete();
    }
}
