//! The relay: connects a TUN interface with UDP, one IP packet per datagram and nothing added.
//!
//! The relay is transparent: regardless of the optimizations that it uses, its output packets equal its input
//! packets. Only the identification of IPv4 packets with DF may be renumbered, by the kernel's GRO and GSO and by the
//! relay's coalescing and splitting; it has no meaning there (RFC 6864). With an MSS clamp the
//! relay also lowers the MSS of a TCP SYN, and corrects the checksum. If the network changed the ECN field of a
//! datagram, its packet gets the mark (RFC 6040). A datagram that cannot be a packet is
//! dropped and counted by cause. Input from the network does not end the relay.
//!
//! - [`config`](RelayConfig) and `peer_config` contain the caller's options, and `setup` decides and opens the required
//!   objects;
//! - `handle` is the relay as its owner holds it;
//! - `handover` passes a running relay to another one;
//! - `queue` runs the queues: one thread per queue, with a loop that drives both directions;
//! - `wire` is the format of datagrams, and `traffic_class` chooses their DSCP and ECN;
//! - `peers` decides which datagrams are accepted and where packets are sent;
//! - `counters` lists the counters, and `stats` counts;
//! - `fallback` describes the optimizations that ended;
//! - `missed` counts the packets that the interface dropped before they were read;
//! - `loops` drops the relay's own datagrams that come back out of the interface;
//! - `notice` has the events about configurations that are probably not meant.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod config;
mod counters;
mod fallback;
mod handle;
mod handover;
mod loops;
mod missed;
mod notice;
mod peer_config;
mod peers;
mod queue;
mod setup;
mod stats;
mod traffic_class;
mod wire;

pub use crate::device::Mode;
pub use crate::interface::InterfaceState;
pub use crate::udp::PathMtuDiscovery;
pub use config::{
    Accept, Event, FollowPort, MAX_SOURCE_PORTS, MssClamp, OffloadConfig, PeerConfig, RelayConfig,
    RelayInfo,
};
pub use counters::{COUNTERS, CounterDescription};
pub use handle::Relay;
pub use handover::{Descriptor, Inheritance, PeerState, QueueDescriptors, RelayState, ReportedMtu};
pub use peers::{
    LastRoute, PathMtu, PathMtuSource, PeerStats, PeerTotals, PeerTraffic, Routes, zone_index,
};
pub use queue::Closed;
pub use stats::{InboundDrop, InboundStats, OutboundDrop, OutboundStats, Stats};
pub use traffic_class::{Dscp, Ecn};
