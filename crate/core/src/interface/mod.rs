//! Configures a TUN or TAP interface as a caller specifies, and rolls back.
//!
//! This needs both the driver and RTNETLINK, which are independent of each other. Therefore this module
//! is above both. The relay and `port::open` describe the wanted settings with a [`Spec`] and call
//! [`configure()`].
//!
//! - `spec`: the settings of an interface;
//! - `configure`: applies them; a setting that is already in force is skipped without a request;
//! - `undo`: records the changes, and rolls them back;
//! - `restore`: restores the settings of an earlier moment;
//! - `identity`: the interface of an open device, through renames and moves;
//! - `state`: the state of the interface, with the packets that it dropped before they were read;
//! - `present`: the addresses and routes of the interface;
//! - `busy`: waits for a device that was closed a moment ago.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod busy;
mod configure;
mod identity;
mod present;
mod restore;
mod spec;
mod state;
mod undo;

pub(crate) use busy::BusyWait;
pub(crate) use configure::{Configured, configure, index_of};
pub(crate) use restore::Snapshot;
pub(crate) use spec::{FormerSpec, Spec, check_repeats};
pub use state::InterfaceState;
pub(crate) use state::StateReader;
pub(crate) use undo::{Change, Undo};
