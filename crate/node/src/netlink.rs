//! RTNETLINK: sessions, and tables that are read in parts.
//!
//! Operations and objects are passed as JSON, many at a time. V8 parses a batch of objects from one text
//! several times faster than N-API sets their properties one by one.

use crate::background::{enter, run, run_blocking};
use crate::dump::NativeDump;
use crate::error;
use crate::json::{parse, to_json};
use crate::monitor::NativeMonitor;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use tun2udp_core::netlink::{Closing, Kind, Object, Operation, Session};

/// A session in one network namespace.
#[napi]
pub struct NativeNetlink {
    session: Mutex<Option<Arc<Session>>>,
}

/// The result of one operation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    Error(serde_json::Value),
    Object(Object),
    Done,
}

/// Opens a session in `netns` (name, path or process id), or in the current namespace. No thread of Node
/// changes its namespace.
#[napi(catch_unwind, ts_return_type = "Promise<NativeNetlink>")]
pub fn open_netlink(
    env: &Env,
    netns: Option<String>,
) -> napi::Result<PromiseRaw<'_, NativeNetlink>> {
    run_blocking(env, move || {
        let session = Session::open(netns.as_deref())?;
        Ok(NativeNetlink { session: Mutex::new(Some(Arc::new(session))) })
    })
}

#[napi]
impl NativeNetlink {
    /// Runs operations, a JSON array, one after the other. Returns a JSON array of their results:
    /// `{"error":…}`, `{"object":…}` or `"done"`.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        operations: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let session = self.session()?;
        run(env, async move {
            let operations: Vec<Operation> = parse(&operations)?;
            let outcomes: Vec<Outcome> =
                session.run(&operations).await.into_iter().map(outcome).collect();
            to_json(&outcomes)
        })
    }

    /// Reads a table, `{"table":…,"filter":…}`, in batches of at least `batch_size` objects.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeDump>")]
    pub fn dump<'env>(
        &self,
        env: &'env Env,
        table: String,
        batch_size: u32,
    ) -> napi::Result<PromiseRaw<'env, NativeDump>> {
        let session = self.session()?;
        run(env, async move {
            let dump = session.dump(parse(&table)?).await.map_err(|e| error::to_napi(&e))?;
            NativeDump::reading(session, dump, batch_size as usize)
        })
    }

    /// Begins to watch `kinds`, a JSON array of names. Changes from now on are reported.
    #[napi(catch_unwind)]
    pub fn monitor(&self, kinds: String, receive_buffer_bytes: u32) -> napi::Result<NativeMonitor> {
        let (session, kinds) = (self.session()?, parse::<Vec<Kind>>(&kinds)?);
        let _runtime = enter()?;
        let monitor = session.monitor(&kinds, receive_buffer_bytes as usize);
        let monitor = monitor.map_err(|e| error::to_napi(&e))?;
        Ok(NativeMonitor::new(monitor))
    }

    /// Closes the session, and ends everything that waits on it. Requests that were sent to the kernel still
    /// get their results.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        if let Some(session) = self.session.lock().unwrap_or_else(PoisonError::into_inner).take() {
            session.close();
        }
    }

    fn session(&self) -> napi::Result<Arc<Session>> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        session.ok_or_else(|| error::to_napi(&Closing::error()))
    }
}

fn outcome(result: tun2udp_core::Result<Option<Object>>) -> Outcome {
    match result {
        Ok(Some(object)) => Outcome::Object(object),
        Ok(None) => Outcome::Done,
        Err(error) => Outcome::Error(error::parts(&error)),
    }
}
