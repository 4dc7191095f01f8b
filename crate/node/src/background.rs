//! The only path off the event loop: promises that tasks of this addon's own runtime settle.
//!
//! A task owns everything it uses. It never borrows from an object of JavaScript, because
//! `worker.terminate()` frees that object while the task still runs. napi's own runtime and its
//! `async fn` exports are not compiled in (Cargo.toml), for two reasons: an `async fn(&self)` borrows
//! its object for as long as it runs, and the runtime is shut down with the last environment while
//! tasks still need it.
//!
//! The runtime starts with the first task and lasts as long as the process. A promise whose environment has
//! ended is never settled: its result is dropped on the runtime's thread.

use crate::error;
use napi::bindgen_prelude::{PromiseRaw, ToNapiValue};
use napi::{Env, JsDeferred, JsValue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::thread::available_parallelism;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tun2udp_core::{Error, Result};

/// Maximum number of threads of the runtime. Its tasks wait more than they compute.
const MAX_THREADS: usize = 4;

/// Maximum number of calls of [`run_limited`] that run at the same time. The kernel's lock on all interfaces
/// admits only one of them.
const MAX_LIMITED: usize = 4;

/// Creates the JavaScript value, on the thread of the environment.
type Convert<T> = Box<dyn FnOnce(Env) -> napi::Result<T> + Send>;

/// Runs `future` on the runtime and returns a promise of its output.
///
/// A future that panics rejects the promise.
///
/// # Errors
///
/// The runtime has no threads, or the environment is ending.
pub(crate) fn run<'env, T: ToNapiValue + Send + 'static>(
    env: &'env Env,
    future: impl Future<Output = napi::Result<T>> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, T>> {
    let runtime = runtime()?;
    let (pending, promise) = Pending::new(env)?;
    runtime.spawn(async move {
        let output = future.await;
        pending.settle(output.map(|value| -> Convert<T> { Box::new(move |_| Ok(value)) }));
    });
    Ok(promise)
}

/// Runs `work`, which may block, on a thread of its own and returns a promise of its result.
///
/// Work that panics rejects the promise.
///
/// # Errors
///
/// The runtime has no threads, or the environment is ending.
pub(crate) fn run_blocking<'env, T: ToNapiValue + Send + 'static>(
    env: &'env Env,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, T>> {
    run_blocking_then(env, work, Ok)
}

/// Runs `work` as [`run_blocking`] does. `convert` creates the JavaScript value of its result on the thread
/// of the environment.
///
/// # Errors
///
/// The runtime has no threads, or the environment is ending.
pub(crate) fn run_blocking_then<'env, D: Send + 'static, T: ToNapiValue + 'static>(
    env: &'env Env,
    work: impl FnOnce() -> Result<D> + Send + 'static,
    convert: impl FnOnce(D) -> Result<T> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, T>> {
    let runtime = runtime()?;
    let (pending, promise) = Pending::new(env)?;
    let task = move || {
        let result = work().map(|data| -> Convert<T> {
            Box::new(move |_| convert(data).map_err(|e| error::to_napi(&e)))
        });
        pending.settle(result.map_err(|e| error::to_napi(&e)));
    };
    // tokio panics if the system does not provide a thread. The task is dropped then, and the promise is
    // rejected with it.
    let _ = catch_unwind(AssertUnwindSafe(|| runtime.spawn_blocking(task)));
    Ok(promise)
}

/// Runs `work`, which may block, on a thread and returns a promise of its end. At most [`MAX_LIMITED`] run at
/// the same time and the others wait. Hundreds of calls therefore do not start hundreds of threads.
///
/// # Errors
///
/// The runtime has no threads, or the environment is ending. `work` is dropped then.
pub(crate) fn run_limited<'env>(
    env: &'env Env,
    work: impl FnOnce() + Send + 'static,
) -> napi::Result<PromiseRaw<'env, ()>> {
    static PERMITS: Semaphore = Semaphore::const_new(MAX_LIMITED);
    run(env, async move {
        let _permit = PERMITS.acquire().await;
        // tokio panics if the system does not provide a thread. The task ends then and rejects the promise.
        spawn_blocking(work).await.map_err(|_| panicked())
    })
}

/// Runs `work`, which may block for long, on a thread of its own. No caller waits for it, and neither an environment
/// nor the process waits for its end.
///
/// # Errors
///
/// The runtime has no threads, or the system provides none. `work` is dropped then.
pub(crate) fn detach(work: impl FnOnce() + Send + 'static) -> napi::Result<()> {
    let runtime = runtime()?;
    // tokio panics if the system does not provide a thread.
    catch_unwind(AssertUnwindSafe(|| runtime.spawn_blocking(work)))
        .map_err(|_| napi::Error::from_reason("the system provides no thread"))?;
    Ok(())
}

/// Runs `future` on the runtime. No caller waits for it.
///
/// # Errors
///
/// The runtime has no threads.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> napi::Result<()> {
    runtime()?.spawn(future);
    Ok(())
}

/// Enters the runtime on this thread. Descriptors are registered with it.
///
/// # Errors
///
/// The runtime has no threads.
pub(crate) fn enter() -> napi::Result<EnterGuard<'static>> {
    Ok(runtime()?.enter())
}

/// Returns the runtime. The first call starts it.
fn runtime() -> napi::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let threads = available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("tun2udp")
        .enable_all()
        .build()
        .map_err(|cause| {
            let error = Error::os("start", "the runtime of the addon", "clone", &cause);
            error::to_napi(
                &error.with_advice("raise the limits on threads and descriptors (ulimit -u, -n)"),
            )
        })?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// A promise that is settled exactly once. If it is dropped before, for example by a panic, it is rejected.
struct Pending<T: ToNapiValue>(Option<JsDeferred<T, Convert<T>>>);

impl<T: ToNapiValue> Pending<T> {
    fn new(env: &Env) -> napi::Result<(Self, PromiseRaw<'_, T>)> {
        let (deferred, promise) = env.create_deferred()?;
        Ok((Self(Some(deferred)), PromiseRaw::new(env.raw(), promise.raw())))
    }

    fn settle(mut self, result: napi::Result<Convert<T>>) {
        let Some(deferred) = self.0.take() else { return };
        match result {
            Ok(convert) => deferred.resolve(Box::new(move |env| {
                let converted = catch_unwind(AssertUnwindSafe(|| convert(env)));
                converted.unwrap_or_else(|_| Err(panicked()))
            })),
            Err(error) => deferred.reject(error),
        }
    }
}

impl<T: ToNapiValue> Drop for Pending<T> {
    fn drop(&mut self) {
        if let Some(deferred) = self.0.take() {
            deferred.reject(panicked());
        }
    }
}

fn panicked() -> napi::Error {
    napi::Error::from_reason("a task of the addon ended without a result")
}
