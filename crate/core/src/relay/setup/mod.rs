//! Starting a relay: what the configuration asks for is decided once, in a plan, and then set up.
//!
//! - `plan` decides what follows from the configuration alone: families, listen addresses, queues, GRO, sizes;
//! - `underlay_route` looks up the routes to the peers, and `mtu` computes what fits into them;
//! - `queues` opens the device and the sockets, and `flow_sharing` spreads packets over them;
//! - `user` drops root;
//! - `prepare` runs all of it in order, with the room `interface` for the interface's settings.

mod flow_sharing;
mod mtu;
mod plan;
mod prepare;
mod queues;
mod underlay_route;
mod user;

pub(super) use flow_sharing::{FlowShare, redirect_datagrams};
pub(super) use mtu::inside as inner_mtu;
pub(super) use plan::Plan;
pub(super) use prepare::{Queue, ReadyRelay, prepare};
