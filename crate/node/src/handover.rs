//! Passes a running relay on: its descriptors and its state, to another relay of this process or of another one.

use crate::background::run_blocking;
use crate::error;
use crate::json;
use crate::relay::NativeRelay;
use crate::sys::list::List;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::Arc;
use tun2udp_core::relay::{Descriptor, Inheritance, QueueDescriptors, RelayState};
use tun2udp_core::sys::descriptor;
use tun2udp_core::{Error, ErrorCode, Result};

/// Maximum number of queues and of sockets per queue; the core has the exact limits.
const QUEUES_MAX: u32 = 256;

/// The descriptors of one queue, for a relay that uses them.
#[napi(object, object_to_js = false)]
pub struct NativeQueue {
    /// The queue of the device.
    pub device: i32,
    /// The sockets of the queue.
    #[napi(ts_type = "Array<number>")]
    pub sockets: List<i32, QUEUES_MAX>,
}

/// The objects that a relay gets from the one that ran before it.
#[napi(object, object_to_js = false)]
pub struct NativeInheritance {
    /// The queues, in their order.
    #[napi(ts_type = "Array<NativeQueue>")]
    pub queues: List<NativeQueue, QUEUES_MAX>,
    /// The state of the other relay, as JSON. Default: the counters begin at 0.
    pub state: Option<String>,
    /// Whether the relay begins paused.
    pub is_paused: bool,
}

/// Duplicates of the descriptors of one queue, which the caller closes.
#[napi(object, object_from_js = false)]
pub struct NativeQueueDuplicates {
    /// The queue of the device.
    pub device: i32,
    /// The sockets of the queue.
    pub sockets: Vec<i32>,
}

/// The numbers of the descriptors that a relay takes over.
pub(crate) struct Given {
    queues: Vec<(i32, Vec<i32>)>,
    state: Option<RelayState>,
    is_paused: bool,
}

impl Given {
    /// Reads the state.
    pub(crate) fn of(inheritance: NativeInheritance) -> napi::Result<Self> {
        let queues = inheritance.queues.into_vec().into_iter();
        let state = inheritance.state.as_deref().map(json::parse).transpose()?;
        Ok(Self {
            queues: queues.map(|queue| (queue.device, queue.sockets.into_vec())).collect(),
            state,
            is_paused: inheritance.is_paused,
        })
    }

    /// Duplicates the descriptors. The caller keeps its own.
    pub(crate) fn duplicate(&self) -> Result<Inheritance> {
        let queue = |(device, sockets): &(i32, Vec<i32>)| {
            let sockets = sockets.iter().map(|socket| Descriptor::duplicate(*socket));
            let sockets = sockets.collect::<Result<_>>()?;
            Ok(QueueDescriptors { device: Descriptor::duplicate(*device)?, sockets })
        };
        Ok(Inheritance {
            queues: self.queues.iter().map(queue).collect::<Result<_>>()?,
            state: self.state.clone(),
            is_paused: self.is_paused,
        })
    }

    /// Closes the descriptors of the caller: the relay owns them now.
    pub(crate) fn close(&self) {
        let numbers = self
            .queues
            .iter()
            .flat_map(|(device, sockets)| std::iter::once(*device).chain(sockets.iter().copied()));
        for number in numbers {
            let _ = descriptor::close_given(number);
        }
    }
}

/// Closes descriptors that belong to the caller.
#[napi(catch_unwind)]
pub fn close_descriptors(
    #[napi(ts_arg_type = "Array<number>")] descriptors: List<i32, 65_536>,
) -> napi::Result<()> {
    for number in descriptors.iter() {
        descriptor::close_given(*number).map_err(|e| {
            error::to_napi(&Error::os("close the descriptor", number.to_string(), "close", &e))
        })?;
    }
    Ok(())
}

/// Duplicates the descriptors of a running relay. The caller closes them.
#[napi(catch_unwind)]
pub fn relay_descriptors(relay: &NativeRelay) -> napi::Result<Vec<NativeQueueDuplicates>> {
    let queues = relay.core().descriptors().map_err(|e| error::to_napi(&e))?;
    let number = |descriptor: Descriptor| OwnedFd::into_raw_fd(descriptor.into_fd());
    let queue = |queue: QueueDescriptors| NativeQueueDuplicates {
        device: number(queue.device),
        sockets: queue.sockets.into_iter().map(number).collect(),
    };
    Ok(queues.into_iter().map(queue).collect())
}

/// Resolves to the state of a relay as JSON. The settings of the interface are recorded, to be restored by a reclaim.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn offer_relay<'env>(
    env: &'env Env,
    relay: &NativeRelay,
) -> napi::Result<PromiseRaw<'env, String>> {
    let relay = Arc::clone(relay.core());
    run_blocking(env, move || text_of(&relay.offer()))
}

/// Pauses a relay. Resolves to its state as JSON once no packet is left in it.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn pause_relay<'env>(
    env: &'env Env,
    relay: &NativeRelay,
) -> napi::Result<PromiseRaw<'env, String>> {
    let relay = Arc::clone(relay.core());
    run_blocking(env, move || text_of(&relay.pause()?))
}

fn text_of(state: &RelayState) -> Result<String> {
    serde_json::to_string(state).map_err(|e| {
        Error::new(ErrorCode::System, "write the state of", "the relay", e.to_string())
    })
}

/// Lets a relay run that began paused; with `state` it continues with this state, which is JSON.
#[napi(catch_unwind)]
pub fn resume_relay(relay: &NativeRelay, state: String) -> napi::Result<()> {
    let state: RelayState = json::parse(&state)?;
    relay.core().resume(&state).map_err(|e| error::to_napi(&e))
}

/// Sets everything again that another process may have changed, and lets the relay run.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn reclaim_relay<'env>(
    env: &'env Env,
    relay: &NativeRelay,
) -> napi::Result<PromiseRaw<'env, ()>> {
    let relay = Arc::clone(relay.core());
    run_blocking(env, move || relay.reclaim())
}

/// Ends a paused relay without removing anything.
#[napi(catch_unwind)]
pub fn release_relay(relay: &NativeRelay) -> napi::Result<()> {
    relay.core().release().map_err(|e| error::to_napi(&e))
}
