//! A TUN or TAP device as a program uses it: opened and configured by one call, then read and
//! written in batches. What the N-API bridge hands to JavaScript is made of this.
//!
//! - [`open`](open()) takes [`OpenOptions`] and needs both the driver and RTNETLINK, which do not
//!   know each other: hence a room above them; `undo` takes back what a failure left half done;
//! - [`Reader`] fills a slab of the caller's with packets, super-packets cut into ordinary ones;
//! - [`ready`](ready()) waits for a device without an event loop of the caller's;
//! - [`Writer`] hands packets to the kernel, those of a flow joined where the device takes that.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod open;
mod options;
mod reader;
mod ready;
pub(crate) mod undo;
mod writer;

pub use open::{Opened, open};
pub use options::OpenOptions;
pub use reader::{Filled, ReadCounters, Reader, Room};
pub use ready::ready;
pub use writer::{Progress, Refusal, WriteCounters, Writer};
