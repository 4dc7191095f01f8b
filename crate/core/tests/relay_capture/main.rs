//! Captures of a relay.

#[path = "../support/capture.rs"]
mod capture;
mod end;
#[path = "../support/inner.rs"]
mod inner;
#[path = "../support/inside.rs"]
mod inside;
#[path = "../support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
mod output;
mod packets;
#[path = "../support/pcapng.rs"]
mod pcapng;
#[path = "../support/running.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod running;
mod streams;
