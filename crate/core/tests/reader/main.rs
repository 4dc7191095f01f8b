//! Packets of a device that are read in batches, with one call each or several at a time with io_uring(7).
//! The results must be the same.

mod batches;
#[path = "../support/refusal.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod refusal;
mod refused;
#[path = "../support/room.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod room;
mod traffic;
