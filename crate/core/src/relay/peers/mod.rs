//! Peers: whose datagrams are accepted, and which peer a packet goes to.
//!
//! A [`PeerTable`] is immutable. It is either of a single peer, which gets every packet, or of many, of
//! which `routes` chooses one by the packet's destination.

mod check;
mod routes;
mod table;

pub(super) use table::{PeerIndex, PeerTable};
