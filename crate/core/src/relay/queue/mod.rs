//! The queues of a relay.
//!
//! - `worker` runs a thread for each queue, `assembly` builds its engine, and `engine` is the loop of one;
//! - `socket` is one of its sockets;
//! - `outbound` (over `lanes`, one for each socket that sends) and `inbound` (over `packet_writer`) are its two directions;
//! - `unwrap` finds the packets in received messages;
//! - `busy_poll` decides whether it polls before it sleeps;
//! - `time_slice` decides how long its thread asks to run;
//! - `idle` decides when it returns the memory of its batches;
//! - `pause` decides how long a source is not read after a failure;
//! - `prompt` decides whether it reads the device before it polls;
//! - `recording` passes packets to the captures;
//! - `step` is the report of one round of a direction, and `observer` acts on it;
//! - `replies` are the relay's own packets for the interface.

mod assembly;
mod batch;
mod busy_poll;
mod engine;
mod error_sources;
mod idle;
mod inbound;
mod keepalives;
mod lanes;
mod observer;
mod outbound;
mod oversize;
mod packet_writer;
mod pause;
mod prompt;
mod recording;
mod replies;
mod segment_clamp;
mod socket;
mod step;
mod stop;
mod time_slice;
mod unwrap;
mod worker;

pub use worker::Closed;

pub(super) use stop::Stop;
pub(super) use worker::{Task, run};
