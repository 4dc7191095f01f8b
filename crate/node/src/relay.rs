//! The native relay as a JavaScript class.

use crate::background::{run, run_blocking};
use crate::capture::{self, NativeCapture, NativeCaptureOptions};
use crate::convert::{NativeEvent, NativeInterfaceState, NativeRelayInfo, NativeRelayOptions};
use crate::counters::RelayStats;
use crate::error;
use crate::handover::{Given, NativeInheritance};
use crate::lifetime::Slot;
use crate::namespaces::NativeNamespace;
use crate::peers::{
    self, NativeEndpoint, NativeOtherTraffic, NativePeer, NativePeerState, UnresolvedPeer,
};
use crate::sys::list::{LIST_MAX, List};
use napi::bindgen_prelude::PromiseRaw;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tun2udp_core::namespace::Namespace;
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
    /// The namespace of its sockets, if it is not that of the process. It is released with the relay.
    namespace: Arc<Mutex<Option<Arc<Namespace>>>>,
}

/// Starts a relay off the event loop. If `namespace` is specified, its socket is created there too. With `inheritance` it
/// uses the device and the sockets of another relay; on success it owns their descriptors.
#[napi(catch_unwind, ts_return_type = "Promise<NativeRelay>")]
pub fn start_relay<'env>(
    env: &'env Env,
    mut options: NativeRelayOptions,
    #[napi(ts_arg_type = "((event: NativeEvent) => void) | undefined | null")] on_event: Option<
        OnEvent,
    >,
    namespace: Option<&NativeNamespace>,
    inheritance: Option<NativeInheritance>,
) -> napi::Result<PromiseRaw<'env, NativeRelay>> {
    let given = inheritance.map(Given::of).transpose()?;
    let namespace = namespace.map(NativeNamespace::get).transpose()?;
    let peers = options.peers.take().map(peers::unresolved).transpose();
    let peers = peers.map_err(|e| error::to_napi(&e))?;
    let config = RelayConfig::try_from(options).map_err(|e| error::to_napi(&e))?;
    let slot = Slot::register(env)?;
    run_blocking(env, move || {
        let starting = Arc::clone(&slot);
        let home = namespace.clone();
        let started = within(namespace.as_deref(), || {
            let config = with_peers(config, peers)?;
            start(config, given.as_ref(), on_event, slot, home)
        });
        started.inspect_err(|_| starting.release())
    })
}

/// Runs `work` in the namespace, if there is one.
fn within<T: Send>(
    namespace: Option<&Namespace>,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    match namespace {
        Some(namespace) => namespace.within(work),
        None => work(),
    }
}

/// Returns the configuration with several peers, if there are any.
fn with_peers(mut config: RelayConfig, peers: Option<Vec<UnresolvedPeer>>) -> Result<RelayConfig> {
    let Some(peers) = peers else { return Ok(config) };
    config.peers = peers::resolve(peers)?;
    let Some(first) = config.peers.first() else {
        let reason = "the relay needs a peer";
        return Err(Error::new(ErrorCode::InvalidArgument, "start the relay", "", reason));
    };
    config.peer = first.endpoint;
    config.peer_zone = None;
    Ok(config)
}

fn start(
    config: RelayConfig,
    given: Option<&Given>,
    on_event: Option<OnEvent>,
    slot: Arc<Slot>,
    namespace: Option<Arc<Namespace>>,
) -> Result<NativeRelay> {
    let report = move |event: Event| {
        if let Some(on_event) = &on_event {
            // A failure means that the environment is ending, and its listeners with it.
            let _ = on_event.call(event.into(), ThreadsafeFunctionCallMode::NonBlocking);
        }
    };
    let relay = match given {
        Some(given) => Relay::inherit(config, given.duplicate()?, report)?,
        None => Relay::start(config, report)?,
    };
    given.into_iter().for_each(Given::close);
    match slot.started(relay) {
        Some(relay) => Ok(NativeRelay { relay, slot, namespace: Arc::new(Mutex::new(namespace)) }),
        None => {
            let reason = "its JavaScript environment has ended";
            Err(Error::new(ErrorCode::Closed, "start the relay", "", reason))
        }
    }
}

impl NativeRelay {
    /// Returns the relay of the core.
    pub(crate) fn core(&self) -> &Arc<Relay> {
        &self.relay
    }
}

#[napi]
impl NativeRelay {
    /// Returns the properties of the running relay.
    #[napi(getter, catch_unwind)]
    pub fn info(&self) -> NativeRelayInfo {
        self.relay.info().into()
    }

    /// Returns the counters so far, and the MTU of the path. The count of missed packets is at most `missed_age` old,
    /// milliseconds, if the kernel replies in time. Default: 10.
    #[napi(catch_unwind)]
    pub fn stats(&self, missed_age: Option<u32>) -> RelayStats {
        let path_mtu = match self.relay.peer_stats().as_slice() {
            [only] => only.path_mtu,
            _ => None,
        };
        let stats = match missed_age {
            Some(age) => self.relay.stats_of_age(Duration::from_millis(age.into())),
            None => self.relay.stats(),
        };
        RelayStats::new(stats, path_mtu)
    }

    /// Returns the state of the interface; `None` if it was never read.
    #[napi(catch_unwind)]
    pub fn interface_state(&self) -> Option<NativeInterfaceState> {
        self.relay.interface().map(Into::into)
    }

    /// Returns the state of each peer, in the order of the configuration.
    #[napi(catch_unwind)]
    pub fn peers(&self) -> Vec<NativePeerState> {
        self.relay.peer_stats().into_iter().map(Into::into).collect()
    }

    /// Returns the counts that belong to no peer. With those of the peers, they are the counters of the relay.
    #[napi(catch_unwind)]
    pub fn other_traffic(&self) -> NativeOtherTraffic {
        self.relay.peer_totals().into()
    }

    /// Replaces all peers of a relay that was started with several. A peer that does not change is not touched.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_peers<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "Array<NativePeer>")] peers: List<NativePeer, LIST_MAX>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let peers = peers::unresolved(peers).map_err(|e| error::to_napi(&e))?;
        let (relay, namespace) = (Arc::clone(&self.relay), lock(&self.namespace).clone());
        run_blocking(env, move || {
            within(namespace.as_deref(), || relay.set_peers(&peers::resolve(peers)?))
        })
    }

    /// Replaces the endpoint of a relay that was started for a single peer.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_endpoint<'env>(
        &self,
        env: &'env Env,
        endpoint: NativeEndpoint,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let (endpoint, zone) = peers::address(&endpoint).map_err(|e| error::to_napi(&e))?;
        let (relay, namespace) = (Arc::clone(&self.relay), lock(&self.namespace).clone());
        run_blocking(env, move || {
            within(namespace.as_deref(), || {
                relay.set_endpoint(peers::within_zone(endpoint, zone.as_deref())?)
            })
        })
    }

    /// Starts a capture off the event loop.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeCapture>")]
    pub fn capture<'env>(
        &self,
        env: &'env Env,
        options: NativeCaptureOptions,
    ) -> napi::Result<PromiseRaw<'env, NativeCapture>> {
        let (relay, prepared) = (Arc::clone(&self.relay), capture::prepare(options));
        run_blocking(env, move || capture::start(&relay, prepared?))
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
        let namespace = Arc::clone(&self.namespace);
        run(env, async move {
            let end = closed.await;
            slot.release();
            lock(&namespace).take();
            end.map_err(|e| error::to_napi(&e))
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
