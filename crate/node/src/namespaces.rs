//! Network namespaces that have names.

use crate::background::run_blocking;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use tun2udp_core::namespace;

/// The names of all named namespaces.
#[napi(catch_unwind, ts_return_type = "Promise<Array<string>>")]
pub fn list_namespaces(env: &Env) -> napi::Result<PromiseRaw<'_, Vec<String>>> {
    run_blocking(env, namespace::list)
}

/// Makes a namespace.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn create_namespace(env: &Env, name: String) -> napi::Result<PromiseRaw<'_, ()>> {
    run_blocking(env, move || namespace::create(&name))
}

/// Takes the name from a namespace.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn delete_namespace(env: &Env, name: String) -> napi::Result<PromiseRaw<'_, ()>> {
    run_blocking(env, move || namespace::delete(&name))
}
