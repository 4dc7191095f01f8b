//! Peers whose interface has a new index.

use super::{Many, Peer, PeerIndex, PeerTable, Routing, Sources};
use socket2::SockAddr;
use std::net::SocketAddr;
use std::sync::Arc;

impl PeerTable {
    /// Builds the table in which peers on the interfaces with the first index of each move are on those with the
    /// second one. They keep their counters. Returns `None` if there are none.
    pub(in crate::relay::peers) fn moved(&self, moves: &[(u32, u32)]) -> Option<Self> {
        if moves.is_empty() {
            return None;
        }
        let endpoints: Vec<SocketAddr> =
            self.peers.iter().map(|peer| moved(peer.endpoint(), moves)).collect();
        let peers: Vec<Arc<Peer>> = self
            .peers
            .iter()
            .zip(&endpoints)
            .map(|(peer, endpoint)| match peer.endpoint() == *endpoint {
                true => Arc::clone(peer),
                false => Arc::new(peer.at(*endpoint)),
            })
            .collect();
        if peers.iter().zip(&self.peers).all(|(after, before)| Arc::ptr_eq(after, before)) {
            return None;
        }
        let routing = match &self.routing {
            Routing::Single { accepted } => {
                Routing::Single { accepted: accepted.map(|address| moved(address, moves)) }
            }
            Routing::Many(many) => {
                let mut sources = Sources::default();
                for (endpoint, number) in endpoints.iter().zip(0..) {
                    sources.insert(*endpoint, PeerIndex(number));
                }
                Routing::Many(Box::new(Many { routes: many.routes.clone(), sources }))
            }
        };
        let destinations = endpoints.into_iter().map(SockAddr::from).collect();
        Some(Self { peers, destinations, routing, upkeep: Arc::clone(&self.upkeep) })
    }

    /// Returns whether `source` is the address of a peer, but on another interface than the known one. The caller has
    /// found no peer that sends from it.
    pub(in crate::relay) fn is_elsewhere(&self, source: Option<SocketAddr>) -> bool {
        match (&self.routing, source) {
            (Routing::Single { accepted: Some(expected) }, Some(source)) => {
                source.ip() == expected.ip()
            }
            (Routing::Many(many), Some(source)) => many.sources.has_link_local(source),
            _ => false,
        }
    }
}

/// Returns a link-local endpoint with the new index of its interface; other endpoints are not changed.
fn moved(endpoint: SocketAddr, moves: &[(u32, u32)]) -> SocketAddr {
    let SocketAddr::V6(mut address) = endpoint else { return endpoint };
    let found = moves.iter().find(|(from, _)| *from == address.scope_id());
    match found {
        Some((_, to)) if address.ip().is_unicast_link_local() => {
            address.set_scope_id(*to);
            address.into()
        }
        _ => endpoint,
    }
}
