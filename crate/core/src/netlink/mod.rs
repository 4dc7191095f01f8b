//! RTNETLINK over neli (rtnetlink(7)): links, addresses and routes.
//!
//! neli makes and reads the messages; the request loop is our own, since neli's router loses the
//! text that the kernel puts into its extended ACKs. This is the only room that knows neli.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod address;
mod connection;
mod link;
mod message;
mod route;
mod tun;

pub use connection::Connection;
pub use link::{Link, LinkChange};
pub use route::RouteMatch;
pub use tun::TunLink;
