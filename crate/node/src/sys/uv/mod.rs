//! Watches descriptors on the event loop of Node itself, with `uv_poll_t` (docs.libuv.org, poll.html).
//!
//! Waking the JavaScript thread from another thread costs 55 µs; a poll handle of the loop costs nothing
//! extra. libuv is part of the Node executable, so its functions are looked up at run time. Other
//! runtimes (Bun, Deno) have no such functions or no such loop.

mod callback;
mod functions;

use callback::Callback;
use functions::{Functions, Handle, functions};
use napi::bindgen_prelude::Function;
use napi::{Env, sys};
use std::alloc::{self, Layout};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

/// `UV_POLL` of `uv_handle_type` (uv.h).
const UV_POLL: c_int = 8;

/// A watched descriptor, and the function that is called when it is ready.
///
/// It belongs to the JavaScript thread. Watching ends when this is dropped, when [`Poll::close`] is
/// called, or with the environment, whichever comes first.
pub(crate) struct Poll(Rc<Shared>);

struct Shared {
    functions: &'static Functions,
    env: sys::napi_env,
    handle: Handle,
    layout: Layout,
    /// The JavaScript function; the object that owns it keeps it alive.
    callback: Callback,
    /// The hook that ends the watching with the environment; null once removed.
    hook: Cell<sys::napi_async_cleanup_hook_handle>,
    is_closing: Cell<bool>,
    /// The events to report next.
    wanted: Cell<i32>,
    /// The events that libuv watches. It contains more than `wanted` while an event is handled: if the
    /// handler asks for the same event again, libuv is not called.
    watched: Cell<i32>,
    /// Keeps the descriptor open while it is watched.
    keeper: RefCell<Option<Arc<dyn Any>>>,
}

impl Poll {
    /// Prepares to watch `fd`, which `keeper` keeps open. Returns `None` where watching is not
    /// possible: outside Node, and for descriptors that cannot be polled.
    ///
    /// `callback` is called with the events, `UV_READABLE` (1) and `UV_WRITABLE` (2), or with a
    /// negative errno.
    pub(crate) fn new(
        env: &Env,
        fd: RawFd,
        keeper: Arc<dyn Any>,
        callback: &Function<'_, i32, ()>,
    ) -> napi::Result<Option<Self>> {
        let Some(functions) = functions() else { return Ok(None) };
        let Ok(event_loop) = env.get_uv_event_loop() else { return Ok(None) };
        if event_loop.is_null() {
            return Ok(None);
        }
        let callback = Callback::new(env.raw(), callback)?;
        // SAFETY: takes a number and returns one.
        let size = unsafe { (functions.handle_size)(UV_POLL) };
        let layout = Layout::from_size_align(size, align_of::<u128>())
            .map_err(|e| napi::Error::from_reason(e.to_string()))?;
        // SAFETY: the size of a libuv handle is not 0.
        let handle: Handle = unsafe { alloc::alloc_zeroed(layout) }.cast();
        // SAFETY: the loop is that of this thread, and the handle has the size that libuv reported.
        let status = unsafe { (functions.poll_init)(event_loop.cast(), handle, fd) };
        if status != 0 {
            // SAFETY: allocated with this layout above, and libuv did not add it to the loop.
            unsafe { alloc::dealloc(handle.cast(), layout) };
            return Ok(None);
        }
        let shared = Rc::new(Shared {
            functions,
            env: env.raw(),
            handle,
            layout,
            callback,
            hook: Cell::new(ptr::null_mut()),
            is_closing: Cell::new(false),
            wanted: Cell::new(0),
            watched: Cell::new(0),
            keeper: RefCell::new(Some(keeper)),
        });
        // SAFETY: the handle is initialised. The `Rc` that it holds is released in `on_close`.
        unsafe { (functions.set_data)(handle, Rc::into_raw(Rc::clone(&shared)).cast_mut().cast()) };
        let poll = Self(shared);
        poll.0.end_with_environment()?;
        Ok(Some(poll))
    }

    /// Replaces the watched events by `events`, 0 for none. Each event is reported once.
    pub(crate) fn watch(&self, events: i32) {
        self.0.wanted.set(events);
        self.0.update();
    }

    /// Sets whether watching keeps the process alive.
    pub(crate) fn set_referenced(&self, is_referenced: bool) {
        let shared = &*self.0;
        if shared.is_closing.get() {
            return;
        }
        let functions = shared.functions;
        let call = if is_referenced { functions.reference } else { functions.unreference };
        // SAFETY: the handle is initialised and not closed.
        unsafe { call(shared.handle) };
    }

    /// Ends the watching.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Shared {
    /// Ends the watching with the environment.
    fn end_with_environment(&self) -> napi::Result<()> {
        let mut hook = ptr::null_mut();
        let data: *const Self = self;
        // SAFETY: `self` lives until `on_close`, which removes the hook first.
        let status = unsafe {
            sys::napi_add_async_cleanup_hook(
                self.env,
                Some(on_environment_end),
                data.cast_mut().cast(),
                &raw mut hook,
            )
        };
        check(status, "watch for the end of the environment")?;
        self.hook.set(hook);
        Ok(())
    }

    /// Has libuv watch exactly the wanted events.
    fn update(&self) {
        let events = self.wanted.get();
        if self.is_closing.get() || self.watched.get() == events {
            return;
        }
        self.set_watched(events);
        if events == 0 {
            // SAFETY: the handle is initialised and not closed.
            unsafe { (self.functions.poll_stop)(self.handle) };
        } else {
            // SAFETY: the handle is initialised and not closed.
            unsafe { (self.functions.poll_start)(self.handle, events, on_event) };
        }
    }

    /// Notes what libuv watches. The callback is held only while something is watched, so that an
    /// abandoned device is collected.
    fn set_watched(&self, events: i32) {
        let was_held = self.watched.replace(events) != 0;
        if was_held != (events != 0) {
            self.callback.set_held(!was_held);
        }
    }

    /// Reports an event.
    fn report(&self, status: c_int, events: c_int) {
        if status < 0 {
            // libuv has stopped watching.
            self.wanted.set(0);
            self.callback.call(status);
            self.set_watched(0);
        } else {
            self.wanted.set(self.wanted.get() & !events);
            self.callback.call(events);
        }
        self.update();
    }

    fn close(&self) {
        if self.is_closing.replace(true) {
            return;
        }
        self.callback.delete();
        // SAFETY: the handle is initialised and not closed.
        unsafe { (self.functions.poll_stop)(self.handle) };
        // libuv no longer uses the descriptor.
        self.keeper.borrow_mut().take();
        // SAFETY: the handle is initialised and not closed; its memory lives until `on_close`.
        unsafe { (self.functions.close)(self.handle, on_close) };
    }
}

fn check(status: sys::napi_status, what: &str) -> napi::Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(napi::Error::new(napi::Status::from(status), what.to_owned()))
}

/// The descriptor is ready for `events`, or `status` is a negative errno.
unsafe extern "C" fn on_event(handle: Handle, status: c_int, events: c_int) {
    let Some(functions) = functions() else { return };
    // SAFETY: the handle is one of `Poll::new`, and libuv calls this only while it is open.
    let data = unsafe { (functions.data)(handle) };
    // SAFETY: the data is the `Shared` that `Poll::new` stored, alive until `on_close`.
    let shared = unsafe { &*data.cast::<Shared>() };
    let mut scope = ptr::null_mut();
    // SAFETY: libuv calls on the thread of the environment.
    unsafe { sys::napi_open_handle_scope(shared.env, &raw mut scope) };
    shared.report(status, events);
    // SAFETY: the scope was opened above, and none of its values is used afterwards.
    unsafe { sys::napi_close_handle_scope(shared.env, scope) };
}

/// The environment ends: an open handle would abort the process (`CheckedUvLoopClose` of Node).
unsafe extern "C" fn on_environment_end(
    _hook: sys::napi_async_cleanup_hook_handle,
    data: *mut c_void,
) {
    // SAFETY: the data is a `Shared` that lives until `on_close`, which removes this hook.
    let shared = unsafe { &*data.cast::<Shared>() };
    shared.close();
}

/// libuv no longer uses the handle.
unsafe extern "C" fn on_close(handle: Handle) {
    let Some(functions) = functions() else { return };
    // SAFETY: the handle is one of `Poll::new`.
    let data = unsafe { (functions.data)(handle) };
    // SAFETY: this is the `Rc` that `Poll::new` stored in the handle, released once.
    let shared = unsafe { Rc::from_raw(data.cast::<Shared>().cast_const()) };
    let hook = shared.hook.replace(ptr::null_mut());
    if !hook.is_null() {
        // SAFETY: the hook was added by `Shared::end_with_environment`, and is removed once. An ending
        // environment waits for this call.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
    }
    // SAFETY: allocated with this layout by `Poll::new`, and no longer used by libuv.
    unsafe { alloc::dealloc(handle.cast(), shared.layout) };
}
