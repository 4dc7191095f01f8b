//! RTNETLINK (rtnetlink(7)): links, addresses, routes, rules and neighbors.
//!
//! neli creates the sockets. The messages and the request loop are implemented here: neli's router loses
//! the text of the kernel's extended ACKs, and its reader panics on some malformed replies. No other
//! module uses neli.
//!
//! - `codec` contains pure functions on bytes. `socket` sends and receives them, `connection` matches
//!   replies with requests, and `dump` reads whole tables in parts.
//! - `link`, `address`, `route`, `rule`, `neighbor`: a folder per object and a file per verb. Each builds
//!   a request, or reads an object from a message.
//! - `columns` serializes lists of objects column by column, writing shared values once.
//! - [`Monitor`] reports changes.
//! - [`Session`] runs the operations of callers in the network namespace that they choose.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod address;
mod again;
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

pub use again::until_consistent;
pub use closing::Closing;
pub use columns::to_columns;
pub use connection::Connection;
pub use dump::Dump;
pub use link::{Link, LinkChange, LinkRef, TunLink};
pub use mac::MacAddress;
pub use monitor::{Event, Kind, Monitor};
pub use other::OtherAttribute;
pub use route::{Datagram, RouteMatch};
pub use session::{Object, Operation, Session, Table};
pub(crate) use socket::RawSocket;
