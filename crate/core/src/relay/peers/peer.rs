//! What is known of one peer, from table to table.

use std::net::SocketAddr;

/// A peer. It outlives the tables that it is in.
#[derive(Debug)]
pub(in crate::relay) struct Peer {
    endpoint: SocketAddr,
}

impl Peer {
    pub(super) fn new(endpoint: SocketAddr) -> Self {
        Self { endpoint }
    }

    /// Returns where its datagrams go.
    pub(in crate::relay) fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }
}
