//! Several source ports, over a veth pair between two network namespaces, and on loopback.

#[path = "../support/ethtool.rs"]
mod ethtool;
#[path = "../support/inner.rs"]
mod inner;
#[path = "../support/namespace.rs"]
mod namespace;
mod order;
mod peers;
#[path = "../support/running.rs"]
mod running;
mod sample;
#[path = "../support/side.rs"]
mod side;
#[path = "../support/threads.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod threads;
