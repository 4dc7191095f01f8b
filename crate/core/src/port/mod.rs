//! A TUN or TAP device as a program uses it: opened and configured by one call, then read and
//! written in batches. What the N-API bridge hands to JavaScript is made of this.
//!
//! - [`open`](open()) takes [`OpenOptions`], opens the queues, and has the room `interface` configure
//!   the interface;
//! - [`features()`] tells what the driver of this kernel can do;
//! - [`link`] and [`device_namespace`] return the present link and namespace of an open device;
//! - [`Queues`] are all queues of a device that a program holds, as if they were one;
//! - [`Reader`] fills a slab of the caller's with packets, super-packets cut into ordinary ones;
//! - [`ready`](ready()) waits for a device without an event loop of the caller's;
//! - [`PacketWriter`] writes packets of JavaScript's by the `coalescing_writer`, which relays use too.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod burst;
pub(crate) mod coalescing_writer;
mod features;
mod open;
mod options;
mod queues;
mod reader;
mod ready;
mod segmenter;
mod slab;
mod state;
mod writer;

use crate::error::{Error, Result};
use tokio::runtime::{Builder, Runtime};

pub use coalescing_writer::WriteProgress;
pub use features::{Features, Probed, features};
pub use open::{Opened, open};
pub use options::OpenOptions;
pub use queues::{Queues, refusal_error};
pub use reader::{Filled, Form, ReadCounters, Reader};
pub use ready::ready;
pub use slab::Space;
pub use state::{DeviceNamespace, device_namespace, link};
pub use writer::{PacketWriter, Refusal, WriteCounters};

/// A runtime for the netlink sockets of one call.
fn runtime() -> Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::os("start", "the runtime of a netlink socket", "epoll_create1", &e))
}
