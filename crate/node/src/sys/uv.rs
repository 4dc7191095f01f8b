//! A descriptor watched by the event loop of Node itself: `uv_poll_t` (docs.libuv.org, poll.html).
//!
//! A hop from another thread to the JavaScript thread costs 55 µs; the loop's own poll costs none.
//! libuv is part of the Node executable, so its functions are looked up at run time; elsewhere (Bun,
//! Deno) they are missing, or the loop is.

use napi::bindgen_prelude::{Function, JsValue};
use napi::{Env, sys};
use std::alloc::{self, Layout};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::os::fd::RawFd;
use std::ptr;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// `UV_POLL` of `uv_handle_type` (uv.h).
const UV_POLL: c_int = 8;

type Handle = *mut c_void;
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

/// The functions of libuv that are used.
struct Functions {
    handle_size: HandleSize,
    poll_init: PollInit,
    poll_start: PollStart,
    poll_stop: PollStop,
    close: Close,
    reference: Reference,
    unreference: Reference,
    set_data: SetData,
    data: Data,
}

/// libuv of this process, if it has one.
fn functions() -> Option<&'static Functions> {
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

/// A descriptor that is watched, and the function that is told when it is ready.
///
/// Of the JavaScript thread only. Watching ends when this is dropped, when [`Poll::close`] is
/// called, or with the environment, whichever comes first.
pub(crate) struct Poll(Rc<Shared>);

struct Shared {
    functions: &'static Functions,
    env: sys::napi_env,
    handle: Handle,
    layout: Layout,
    /// The JavaScript function, whose owner keeps it; null once closed.
    callback: Cell<sys::napi_ref>,
    /// What ends the watching when the environment ends; null once it is removed.
    hook: Cell<sys::napi_async_cleanup_hook_handle>,
    is_closing: Cell<bool>,
    /// What is to be told of next.
    wanted: Cell<i32>,
    /// What libuv watches for. It may be more, for as long as what was told of is looked at: who
    /// wants to be told again says so meanwhile, and libuv has nothing to do.
    watched: Cell<i32>,
    /// Keeps the descriptor open for as long as it is watched.
    keeper: RefCell<Option<Arc<dyn Any>>>,
}

impl Poll {
    /// Gets ready to watch `fd`, which `keeper` keeps open; `None` where that is not possible: not
    /// in Node, or a descriptor that cannot be polled.
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
        // SAFETY: takes and gives numbers.
        let size = unsafe { (functions.handle_size)(UV_POLL) };
        let layout = Layout::from_size_align(size, align_of::<u128>())
            .map_err(|e| napi::Error::from_reason(e.to_string()))?;
        // SAFETY: libuv's handles are not of size 0.
        let handle: Handle = unsafe { alloc::alloc_zeroed(layout) }.cast();
        // SAFETY: the loop is that of this thread, and the handle has the size libuv asked for.
        let status = unsafe { (functions.poll_init)(event_loop.cast(), handle, fd) };
        if status != 0 {
            // SAFETY: it was allocated with this layout above, and libuv has not taken it in.
            unsafe { alloc::dealloc(handle.cast(), layout) };
            return Ok(None);
        }
        let shared = Rc::new(Shared {
            functions,
            env: env.raw(),
            handle,
            layout,
            callback: Cell::new(ptr::null_mut()),
            hook: Cell::new(ptr::null_mut()),
            is_closing: Cell::new(false),
            wanted: Cell::new(0),
            watched: Cell::new(0),
            keeper: RefCell::new(Some(keeper)),
        });
        // SAFETY: the handle is initialised. The reference that it holds ends in `on_close`.
        unsafe { (functions.set_data)(handle, Rc::into_raw(Rc::clone(&shared)).cast_mut().cast()) };
        let poll = Self(shared);
        poll.0.hold(callback)?;
        Ok(Some(poll))
    }

    /// Watches for `events`, instead of what was watched for before, and tells of each once; 0 for
    /// nothing.
    pub(crate) fn watch(&self, events: i32) {
        self.0.wanted.set(events);
        self.0.settle();
    }

    /// Whether watching keeps the process alive.
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
    fn hold(&self, callback: &Function<'_, i32, ()>) -> napi::Result<()> {
        let mut reference = ptr::null_mut();
        // SAFETY: the value is a function of this environment, in scope during this call.
        let status =
            unsafe { sys::napi_create_reference(self.env, callback.raw(), 0, &raw mut reference) };
        check(status, "hold the callback")?;
        self.callback.set(reference);
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

    /// Has libuv watch for what is wanted, and for nothing else.
    fn settle(&self) {
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

    /// The callback is held for as long as something is watched, and else only as long as
    /// JavaScript holds it, so that a device that nobody knows any more is collected.
    fn set_watched(&self, events: i32) {
        let was_held = self.watched.replace(events) != 0;
        let (env, callback) = (self.env, self.callback.get());
        if callback.is_null() || was_held == (events != 0) {
            return;
        }
        let change = if was_held { sys::napi_reference_unref } else { sys::napi_reference_ref };
        // SAFETY: the reference is of this environment and not deleted; its count goes from 0 to 1
        // and back.
        unsafe { change(env, callback, ptr::null_mut()) };
    }

    /// Tells of an event.
    fn tell(&self, status: c_int, events: c_int) {
        if status < 0 {
            // libuv has stopped.
            self.wanted.set(0);
            self.call(status);
            self.set_watched(0);
        } else {
            self.wanted.set(self.wanted.get() & !events);
            self.call(events);
        }
        self.settle();
    }

    fn close(&self) {
        if self.is_closing.replace(true) {
            return;
        }
        let callback = self.callback.replace(ptr::null_mut());
        if !callback.is_null() {
            // SAFETY: the reference is of this environment, which lives until its hooks have run.
            unsafe { sys::napi_delete_reference(self.env, callback) };
        }
        // SAFETY: the handle is initialised and not closed.
        unsafe { (self.functions.poll_stop)(self.handle) };
        // libuv does not look at the descriptor any more.
        self.keeper.borrow_mut().take();
        // SAFETY: the handle is initialised and not closed; its memory lives until `on_close`.
        unsafe { (self.functions.close)(self.handle, on_close) };
    }

    /// Calls the JavaScript function, and what it has put off (`process.nextTick`, promises).
    fn call(&self, value: i32) {
        let (env, callback) = (self.env, self.callback.get());
        if callback.is_null() {
            return;
        }
        let (mut function, mut receiver, mut argument) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the reference is of this environment and not deleted.
        unsafe { sys::napi_get_reference_value(env, callback, &raw mut function) };
        if function.is_null() {
            return;
        }
        // SAFETY: gives the global object of this environment.
        unsafe { sys::napi_get_global(env, &raw mut receiver) };
        // SAFETY: gives a number of this environment.
        unsafe { sys::napi_create_int32(env, value, &raw mut argument) };
        // SAFETY: all values are of this environment and of the scope that `on_event` opened.
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
            // SAFETY: the value is what was just taken; it becomes `uncaughtException`.
            unsafe { sys::napi_fatal_exception(env, error) };
        }
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
    // SAFETY: the data is the `Shared` that `Poll::new` put there, alive until `on_close`.
    let shared = unsafe { &*data.cast::<Shared>() };
    let mut scope = ptr::null_mut();
    // SAFETY: libuv calls on the thread of the environment.
    unsafe { sys::napi_open_handle_scope(shared.env, &raw mut scope) };
    shared.tell(status, events);
    // SAFETY: the scope was opened above, and no value of it is used any more.
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

/// libuv has let go of the handle.
unsafe extern "C" fn on_close(handle: Handle) {
    let Some(functions) = functions() else { return };
    // SAFETY: the handle is one of `Poll::new`.
    let data = unsafe { (functions.data)(handle) };
    // SAFETY: this is the reference that `Poll::new` gave to the handle, taken back once.
    let shared = unsafe { Rc::from_raw(data.cast::<Shared>().cast_const()) };
    let hook = shared.hook.replace(ptr::null_mut());
    if !hook.is_null() {
        // SAFETY: the hook was added by `Shared::hold`, and is removed once. If the environment
        // waits for it, this is what it waits for.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
    }
    // SAFETY: allocated with this layout by `Poll::new`, and libuv does not use it any more.
    unsafe { alloc::dealloc(handle.cast(), shared.layout) };
}
