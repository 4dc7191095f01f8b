//! Captures: writes packets of a relay to a pcapng file, a pipe or a socket, without slowing the relay.
//!
//! - [`CaptureConfig`] has the caller's options, and [`Capture`] is a running capture as its owner holds it;
//! - `tap` is the end in the threads of the relay: `Taps` lists the captures, and each thread has a `Tap`;
//! - `channel` is the way from the threads to the writer: one bounded buffer per thread. A packet that finds no room in
//!   it is left out and counted;
//! - `writer` is the thread of a capture, and `output` its file, ring of files, pipe or socket;
//! - `pcapng` writes blocks, `outer` the headers of datagrams, and `filter` runs classic BPF.
//!
//! The room does not know the relay. The relay passes packets, and the totals of its counters when a thread begins and
//! ends to capture.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod channel;
mod config;
pub mod filter;
mod handle;
mod outer;
mod output;
pub mod pcapng;
mod stats;
mod tap;
mod writer;

pub use config::{CaptureConfig, MAX_SNAP_LENGTH, MIN_FILE_BYTES, Output};
pub use handle::{Capture, Closed};
pub use stats::{CaptureStats, SideStats};

pub(crate) use config::Inside;
pub(crate) use outer::Outer;
pub(crate) use pcapng::Comment;
pub(crate) use stats::Side;
pub(crate) use tap::{Record, Tap, Taps, Totals, now};
