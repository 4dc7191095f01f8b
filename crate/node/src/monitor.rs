//! A monitor of network changes, as a JavaScript class.

use crate::background::run;
use crate::error;
use crate::json::to_json;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tun2udp_core::netlink::Monitor;

/// A monitor. It ends with `close()`, or with the object itself.
#[napi]
pub struct NativeMonitor {
    monitor: Mutex<Option<Arc<Monitor>>>,
}

impl NativeMonitor {
    fn place(&self) -> MutexGuard<'_, Option<Arc<Monitor>>> {
        self.monitor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn new(monitor: Monitor) -> Self {
        Self { monitor: Mutex::new(Some(Arc::new(monitor))) }
    }
}

#[napi]
impl NativeMonitor {
    /// Returns the changes since the last call, a JSON array. Waits for them, and keeps the process alive
    /// while it waits. Returns nothing once the monitor is closed.
    #[napi(catch_unwind, ts_return_type = "Promise<string | null>")]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let monitor = self.place().clone();
        run(env, async move {
            let Some(monitor) = monitor else { return Ok(None) };
            let events = monitor.next().await.map_err(|e| error::to_napi(&e))?;
            events.map(|events| to_json(&events)).transpose()
        })
    }

    /// Ends the monitor and its pending calls, and releases its socket.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        if let Some(monitor) = self.place().take() {
            monitor.close();
        }
    }
}

/// Also ends it with the environment: a pending promise would keep the socket open forever.
impl Drop for NativeMonitor {
    fn drop(&mut self) {
        self.close();
    }
}
