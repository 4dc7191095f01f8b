//! RTNETLINK (rtnetlink(7)): links, addresses, routes, rules and neighbors.
//!
//! neli makes the sockets; the messages and the request loop are our own: neli's router loses the
//! text that the kernel puts into its extended ACKs, and its reader panics at some malformed replies.
//! This is the only room that knows neli.
//!
//! - `codec` is pure bytes; `socket` waits for them, `connection` matches replies with requests, and
//!   `dump` reads whole tables bit by bit;
//! - `link`, `address`, `route`, `rule`, `neighbor`: a folder for each object, a file for each verb, which make a
//!   request or read an object out of a message;
//! - `columns` writes objects without what they have in common;
//! - [`Monitor`] tells of changes;
//! - [`Session`] runs what comes from outside, in a network namespace of its choice.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod address;
mod closing;
pub mod codec;
mod columns;
mod connection;
mod context;
mod dump;
mod family;
#[cfg(test)]
mod hostile;
mod indices;
pub mod link;
mod mac;
mod monitor;
pub mod names;
pub mod neighbor;
mod of_link;
mod other;
pub mod route;
pub mod rule;
mod session;
mod socket;

pub use closing::Closing;
pub use columns::to_columns;
pub use connection::Connection;
pub use dump::Dump;
pub use link::{Link, LinkChange, LinkRef, TunLink};
pub use mac::MacAddress;
pub use monitor::{Event, Kind, Monitor};
pub use other::OtherAttribute;
pub use route::RouteMatch;
pub use session::{Object, Operation, Session, Table};
