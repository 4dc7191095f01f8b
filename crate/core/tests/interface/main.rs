//! Configuring an interface: the common behaviour of the relay and `port::open`, and their intended
//! differences (docs/architecture.md, "Configuring an interface").

mod both;
#[path = "../support/capabilities.rs"]
mod capabilities;
#[path = "../support/namespace.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod namespace;
mod open;
mod owner;
#[path = "../support/refusal.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod refusal;
#[path = "../support/settled.rs"]
mod settled;
mod user;
