//! A TUN or TAP interface made as a caller wants it, and rolled back.
//!
//! This needs both the driver and RTNETLINK, which do not know each other: hence a room above them.
//! The relay and `port::open` describe with a [`Spec`] what they need and call [`configure()`].
//!
//! - `spec`: the settings of an interface;
//! - `configure`: applies them; a setting that is in force already is skipped without a request;
//! - `undo`: the changes that were made, and rolling them back;
//! - `identity`: which interface an open device has now, through renames and moves;
//! - `present`: addresses and routes that the interface has;
//! - `busy`: waiting for a device that was closed a moment ago.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod busy;
mod configure;
mod identity;
mod present;
mod spec;
mod undo;

pub(crate) use busy::BusyWait;
pub(crate) use configure::{Configured, configure, index_of};
pub(crate) use spec::{Spec, check_repeats};
pub(crate) use undo::Undo;
