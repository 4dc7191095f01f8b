//! The native relay as a JavaScript class.

use crate::convert::{NativeEvent, NativeRelayInfo, NativeRelayOptions, NativeRelayStats};
use crate::error;
use crate::lifetime::Slot;
use napi::bindgen_prelude::{PromiseRaw, spawn_blocking};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use std::sync::Arc;
use tun2udp_core::relay::{Event, Relay, RelayConfig};

/// A function that is told of events. Weak, so that it does not hold the event loop alive; the promise of
/// `closed()` does, as long as the relay runs.
type OnEvent = ThreadsafeFunction<NativeEvent, (), NativeEvent, Status, false, true>;

/// A running relay.
#[napi]
pub struct NativeRelay {
    relay: Arc<Relay>,
    slot: Arc<Slot>,
}

/// Starts a relay off the event loop.
#[napi(catch_unwind, ts_return_type = "Promise<NativeRelay>")]
pub fn start_relay<'env>(
    env: &'env Env,
    options: NativeRelayOptions,
    #[napi(ts_arg_type = "((event: NativeEvent) => void) | undefined | null")] on_event: Option<
        OnEvent,
    >,
) -> napi::Result<PromiseRaw<'env, NativeRelay>> {
    let config = RelayConfig::try_from(options).map_err(|e| error::to_napi(&e))?;
    let slot = Slot::register(env)?;
    env.spawn_future(async move {
        let started = spawn_blocking(move || start(config, on_event, slot)).await;
        started.map_err(|e| napi::Error::from_reason(format!("start the relay: {e}")))?
    })
}

fn start(
    config: RelayConfig,
    on_event: Option<OnEvent>,
    slot: Arc<Slot>,
) -> napi::Result<NativeRelay> {
    let report = move |event: Event| {
        if let Some(on_event) = &on_event {
            // A failure means that the environment is going, and with it who would have listened.
            let _ = on_event.call(event.into(), ThreadsafeFunctionCallMode::NonBlocking);
        }
    };
    match Relay::start(config, report) {
        Ok(relay) => match slot.started(relay) {
            Some(relay) => Ok(NativeRelay { relay, slot }),
            None => Err(napi::Error::new(Status::Cancelled, "the environment is gone")),
        },
        Err(error) => {
            slot.release();
            Err(error::to_napi(&error))
        }
    }
}

#[napi]
impl NativeRelay {
    /// What the relay became.
    #[napi(getter, catch_unwind)]
    pub fn info(&self) -> NativeRelayInfo {
        self.relay.info().into()
    }

    /// The counters so far.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeRelayStats {
        self.relay.stats().into()
    }

    /// Ends the relay; resolves when everything of its own is gone, however it ended.
    #[napi]
    pub async fn close(&self) -> napi::Result<()> {
        self.relay.close();
        let _ = self.relay.closed().await;
        Ok(())
    }

    /// Resolves when the relay was closed, rejects when it failed.
    #[napi]
    pub async fn closed(&self) -> napi::Result<()> {
        let end = self.relay.closed().await;
        self.slot.release();
        end.map_err(|e| error::to_napi(&e))
    }
}
