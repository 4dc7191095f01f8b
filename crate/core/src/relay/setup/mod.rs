//! Starts a relay: the plan contains every decision that follows from the configuration, and is then carried out.
//!
//! - `plan` makes the decisions that follow from the configuration alone: families, listen addresses, queues, GRO,
//!   sizes;
//! - `underlay_route` looks up the routes to the peers, and `mtu` computes the packet sizes that fit into them;
//! - `queues` opens the device and the sockets, and `flow_sharing` distributes packets over them;
//! - `adopt` examines the device and the sockets of another relay, which are used instead;
//! - `source_ports` binds further sockets to send from, and distributes flows over them;
//! - `user` drops root;
//! - `prepare` runs all of these in order, and uses the module `interface` for the interface's settings.

mod adopt;
mod flow_sharing;
mod mtu;
mod plan;
mod prepare;
mod queues;
mod source_ports;
mod underlay_route;
mod user;

pub(super) use flow_sharing::{Distribution, FlowShare, redirect_datagrams};
pub(super) use mtu::{MIN_V6 as MIN_MTU_V6, inside as inner_mtu, of_interface as interface_mtu};
pub(super) use plan::{Plan, check_frame_peers};
pub(super) use prepare::{Queue, ReadyRelay, prepare};
pub(super) use source_ports::{Sockets, index_for as source_port_index};
