//! Peers: whose datagrams are accepted, and which peer a packet goes to.
//!
//! A `PeerTable` is immutable. It is either of a single peer, which gets every packet, or of many, of
//! which `routes` chooses one by the packet's destination. [`Peers`] replaces the table at run time; what is
//! known of a `Peer` is carried over, and so is the deadline of their timers. `zone`
//! follows the interface of a link-local peer. `changes` has the changes of path MTUs for the owner.

mod changes;
mod check;
mod peer;
mod routes;
mod shared;
mod sources;
mod table;
mod timers;
mod zone;

pub use peer::{PeerStats, PeerTraffic};

pub(super) use changes::PathMtuChange;
pub(super) use shared::{PeerView, Peers};
pub(super) use table::{PeerIndex, PeerTable};
