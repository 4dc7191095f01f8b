//! Peers: accepts datagrams by their source, and chooses the peer that a packet is sent to.
//!
//! A `PeerTable` is immutable. It contains either a single peer, which gets every packet unless it has prefixes, or many
//! peers. Of these, `routes` chooses one by the packet's destination. A peer may only send packets whose source is in its
//! own prefixes (`table/filter`). [`Peers`] replaces the table at run time. The new table keeps the state of each `Peer`
//! and the deadline of their timers; `known` finds the peers again. `path_mtu` has the MTU of the path to a peer, and its
//! source. `zone` follows the interfaces of link-local peers, and `ports` the ports of peers. `liveness` decides whether
//! a peer is up. `changes` has the changes of peers for the owner, and `view` is the table as the queues see it.
//! `removed` keeps the counts of removed peers.

mod changes;
mod check;
mod known;
mod liveness;
mod path_mtu;
mod peer;
mod ports;
mod removed;
mod routes;
mod settings;
mod shared;
mod sources;
mod table;
mod timers;
mod totals;
mod upkeep;
mod view;
mod zone;

pub use path_mtu::{PathMtu, PathMtuSource};
pub use peer::{PeerStats, PeerTraffic};
pub use routes::{LastRoute, Routes};
pub use totals::PeerTotals;
pub use zone::zone_index;

pub(super) use changes::{EndpointChange, LivenessChange, PathMtuChange, PeerChange};
pub(super) use shared::{DueKeepalives, Peers};
pub(super) use table::{PeerIndex, PeerTable, ReceiveCount};
pub(super) use view::PeerView;
