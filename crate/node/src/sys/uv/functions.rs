//! The functions of libuv, looked up in the running executable.

use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::sync::OnceLock;

/// `uv_poll_t *`, and `uv_handle_t *` where libuv takes any handle.
pub(super) type Handle = *mut c_void;
type PollCallback = unsafe extern "C" fn(Handle, c_int, c_int);
type CloseCallback = unsafe extern "C" fn(Handle);

type HandleSize = unsafe extern "C" fn(c_int) -> usize;
type PollInit = unsafe extern "C" fn(*mut c_void, Handle, c_int) -> c_int;
type PollStart = unsafe extern "C" fn(Handle, c_int, PollCallback) -> c_int;
type PollStop = unsafe extern "C" fn(Handle) -> c_int;
type Close = unsafe extern "C" fn(Handle, CloseCallback);
type Reference = unsafe extern "C" fn(Handle);
type SetData = unsafe extern "C" fn(Handle, *mut c_void);
type Data = unsafe extern "C" fn(Handle) -> *mut c_void;

/// The functions of libuv that [`super::Poll`] uses.
pub(super) struct Functions {
    pub(super) handle_size: HandleSize,
    pub(super) poll_init: PollInit,
    pub(super) poll_start: PollStart,
    pub(super) poll_stop: PollStop,
    pub(super) close: Close,
    pub(super) reference: Reference,
    pub(super) unreference: Reference,
    pub(super) set_data: SetData,
    pub(super) data: Data,
}

/// Returns libuv of this process, or `None` where the process has none.
pub(super) fn functions() -> Option<&'static Functions> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
    FUNCTIONS.get_or_init(look_up).as_ref()
}

fn look_up() -> Option<Functions> {
    macro_rules! function {
        ($name:literal as $type:ty) => {{
            let address = symbol($name)?;
            // SAFETY: the function of that name has this type (uv.h, stable since 1.0).
            unsafe { mem::transmute::<*mut c_void, $type>(address) }
        }};
    }
    Some(Functions {
        handle_size: function!(c"uv_handle_size" as HandleSize),
        poll_init: function!(c"uv_poll_init" as PollInit),
        poll_start: function!(c"uv_poll_start" as PollStart),
        poll_stop: function!(c"uv_poll_stop" as PollStop),
        close: function!(c"uv_close" as Close),
        reference: function!(c"uv_ref" as Reference),
        unreference: function!(c"uv_unref" as Reference),
        set_data: function!(c"uv_handle_set_data" as SetData),
        data: function!(c"uv_handle_get_data" as Data),
    })
}

fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name is a NUL-terminated string; every object of the process may be searched.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}
