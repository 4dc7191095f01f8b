//! A TUN or TAP device as a program uses it: one call opens and configures it, then it is read and written in
//! batches. The N-API bridge exposes these types to JavaScript.
//!
//! - [`open`](open()) takes [`OpenOptions`], opens the queues, and configures the interface with the module
//!   `interface`;
//! - [`features()`] returns the features of this kernel's driver;
//! - [`link`] and [`device_namespace`] return the present link and namespace of an open device;
//! - [`Queues`] reads and writes all queues of a device that a program holds as one;
//! - [`Reader`] fills a slab of the caller with packets, and splits super-packets into ordinary packets;
//! - [`ready`](ready()) waits for a device without an event loop of the caller;
//! - [`PacketWriter`] writes packets from JavaScript with the `coalescing_writer`, which relays use too.
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

/// Creates a runtime for the netlink sockets of one call.
fn runtime() -> Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::os("start", "the runtime of a netlink socket", "epoll_create1", &e))
}
