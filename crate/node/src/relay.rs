//! The native relay as a JavaScript class.

use crate::background::{run, run_blocking};
use crate::convert::{NativeEvent, NativeRelayInfo, NativeRelayOptions};
use crate::counters::RelayStats;
use crate::error;
use crate::lifetime::Slot;
use crate::namespaces::NativeNamespace;
use napi::bindgen_prelude::PromiseRaw;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use std::sync::Arc;
use tun2udp_core::relay::{Event, Relay, RelayConfig};
use tun2udp_core::{Error, ErrorCode, Result};

/// A function that receives the events. It is weak, so that it does not keep the event loop alive; the
/// promise of `closed()` does, as long as the relay runs.
type OnEvent = ThreadsafeFunction<NativeEvent, (), NativeEvent, Status, false, true>;

/// A running relay.
#[napi]
pub struct NativeRelay {
    relay: Arc<Relay>,
    slot: Arc<Slot>,
}

/// Starts a relay off the event loop. If `namespace` is specified, its socket is created there too.
#[napi(catch_unwind, ts_return_type = "Promise<NativeRelay>")]
pub fn start_relay<'env>(
    env: &'env Env,
    options: NativeRelayOptions,
    #[napi(ts_arg_type = "((event: NativeEvent) => void) | undefined | null")] on_event: Option<
        OnEvent,
    >,
    namespace: Option<&NativeNamespace>,
) -> napi::Result<PromiseRaw<'env, NativeRelay>> {
    let namespace = namespace.map(NativeNamespace::get).transpose()?;
    let config = RelayConfig::try_from(options).map_err(|e| error::to_napi(&e))?;
    let slot = Slot::register(env)?;
    run_blocking(env, move || match namespace {
        Some(namespace) => {
            let waiting = Arc::clone(&slot);
            let started = namespace.within(|| start(config, on_event, slot));
            started.inspect_err(|_| waiting.release())
        }
        None => start(config, on_event, slot),
    })
}

fn start(config: RelayConfig, on_event: Option<OnEvent>, slot: Arc<Slot>) -> Result<NativeRelay> {
    let report = move |event: Event| {
        if let Some(on_event) = &on_event {
            // A failure means that the environment is ending, and its listeners with it.
            let _ = on_event.call(event.into(), ThreadsafeFunctionCallMode::NonBlocking);
        }
    };
    match Relay::start(config, report) {
        Ok(relay) => match slot.started(relay) {
            Some(relay) => Ok(NativeRelay { relay, slot }),
            None => {
                let reason = "its JavaScript environment has ended";
                Err(Error::new(ErrorCode::Closed, "start the relay", "", reason))
            }
        },
        Err(error) => {
            slot.release();
            Err(error)
        }
    }
}

#[napi]
impl NativeRelay {
    /// Returns the properties of the running relay.
    #[napi(getter, catch_unwind)]
    pub fn info(&self) -> NativeRelayInfo {
        self.relay.info().into()
    }

    /// Returns the counters so far, and the MTU of the path.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> RelayStats {
        // The relay has a single peer.
        let path_mtu = self.relay.peer_stats().first().and_then(|peer| peer.path_mtu);
        RelayStats::new(self.relay.stats(), path_mtu)
    }

    /// Ends the relay. Resolves when everything it created is removed, however it ended.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        self.relay.close();
        let closed = self.relay.closed();
        run(env, async move {
            let _ = closed.await;
            Ok(())
        })
    }

    /// Resolves when the relay was closed, and rejects when it failed.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn closed<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let (closed, slot) = (self.relay.closed(), Arc::clone(&self.slot));
        run(env, async move {
            let end = closed.await;
            slot.release();
            end.map_err(|e| error::to_napi(&e))
        })
    }
}
