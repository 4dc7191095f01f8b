//! Network namespaces that have names.

use crate::error;
use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, spawn_blocking};
use napi_derive::napi;
use tun2udp_core::{Result, namespace};

/// The names of all named namespaces.
#[napi(catch_unwind, ts_return_type = "Promise<Array<string>>")]
pub fn list_namespaces(env: &Env) -> napi::Result<PromiseRaw<'_, Vec<String>>> {
    env.spawn_future(off_the_event_loop(namespace::list))
}

/// Makes a namespace.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn create_namespace(env: &Env, name: String) -> napi::Result<PromiseRaw<'_, ()>> {
    env.spawn_future(off_the_event_loop(move || namespace::create(&name)))
}

/// Takes the name from a namespace.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn delete_namespace(env: &Env, name: String) -> napi::Result<PromiseRaw<'_, ()>> {
    env.spawn_future(off_the_event_loop(move || namespace::delete(&name)))
}

async fn off_the_event_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> napi::Result<T> {
    let done = spawn_blocking(work).await;
    let done = done.map_err(|e| napi::Error::from_reason(format!("network namespaces: {e}")))?;
    done.map_err(|e| error::to_napi(&e))
}
