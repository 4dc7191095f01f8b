//! Peers: accepts datagrams by their source, and chooses the peer that a packet is sent to.
//!
//! A `PeerTable` is immutable. It contains either a single peer, which gets every packet, or many peers. Of these,
//! `routes` chooses one by the packet's destination. [`Peers`] replaces the table at run time. The new table keeps
//! the state of each `Peer` and the deadline of their timers; `known` finds the peers again. `path_mtu` has the MTU of the path to a peer, and its
//! source. `zone` follows the interfaces of link-local peers. `ports` follows the ports of
//! peers. `changes` has the changes of peers for the owner, and `view` is the table as the queues see it.

mod changes;
mod check;
mod known;
mod path_mtu;
mod peer;
mod ports;
mod routes;
mod shared;
mod sources;
mod table;
mod timers;
mod upkeep;
mod view;
mod zone;

pub use path_mtu::{PathMtu, PathMtuSource};
pub use peer::{PeerStats, PeerTraffic};
pub use zone::zone_index;

pub(super) use changes::{EndpointChange, PathMtuChange, PeerChange};
pub(super) use shared::Peers;
pub(super) use table::{PeerIndex, PeerTable};
pub(super) use view::PeerView;
