//! Sessions of RTNETLINK against this kernel, in network namespaces of their own.

mod closing;
mod deletes;
mod filters;
#[path = "../support/namespace.rs"]
#[allow(dead_code, reason = "a part of what other tests use")]
mod namespace;
#[path = "../support/refusal.rs"]
#[allow(dead_code, reason = "a part of what other tests use")]
mod refusal;
mod session;
#[path = "../support/settled.rs"]
mod settled;
