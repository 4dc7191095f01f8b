//! A table that is being read, as a JavaScript class.

use crate::background::{run, spawn};
use crate::error;
use crate::json::to_json;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use tokio::sync::{Mutex, mpsc};
use tun2udp_core::netlink::{Closing, Dump, Object, Session, to_columns};

/// Batches that are read ahead. Reading goes on while JavaScript processes earlier batches, and a table of
/// any length needs little memory.
const READ_AHEAD: usize = 2;

type Batches = Arc<Mutex<mpsc::Receiver<napi::Result<String>>>>;

/// A table that is being read.
#[napi]
pub struct NativeDump {
    batches: StdMutex<Option<Batches>>,
    session: Closing,
}

impl NativeDump {
    /// Begins to read. It ends with the table, or when the receiver is dropped.
    pub(crate) fn reading(
        session: Arc<Session>,
        dump: Dump<Object>,
        batch_size: usize,
    ) -> napi::Result<Self> {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let closing = session.closing();
        spawn(read(session, dump, batch_size, sender))?;
        let batches = StdMutex::new(Some(Arc::new(Mutex::new(receiver))));
        Ok(Self { batches, session: closing })
    }

    fn place(&self) -> MutexGuard<'_, Option<Batches>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[napi]
impl NativeDump {
    /// Returns the next objects as JSON: an array, or columns (`tun2udp_core::netlink::to_columns`); nothing
    /// at the end. Fails once the session is closed.
    #[napi(catch_unwind, ts_return_type = "Promise<string | null>")]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let (batches, session) = (self.place().clone(), self.session.clone());
        run(env, async move {
            let Some(batches) = batches else { return Ok(None) };
            let next = async { batches.lock().await.recv().await.transpose() };
            tokio::select! {
                biased;
                () = session.closed() => Err(error::to_napi(&Closing::error())),
                batch = next => batch,
            }
        })
    }

    /// Stops reading, and releases the socket.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        drop(self.place().take());
    }
}

async fn read(
    session: Arc<Session>,
    mut dump: Dump<Object>,
    batch_size: usize,
    sender: mpsc::Sender<napi::Result<String>>,
) {
    let closing = session.closing();
    loop {
        let batch = match dump.next(batch_size).await {
            Ok(Some(objects)) => to_columns(&objects).map_or_else(|| to_json(&objects), Ok),
            Ok(None) => break,
            Err(error) => Err(error::to_napi(&error)),
        };
        let is_last = batch.is_err();
        let is_taken = tokio::select! {
            sent = sender.send(batch) => sent.is_ok(),
            // A reader that never returns would keep the sockets open.
            () = closing.closed() => false,
        };
        if !is_taken || is_last {
            break;
        }
    }
    session.recycle(dump);
}
