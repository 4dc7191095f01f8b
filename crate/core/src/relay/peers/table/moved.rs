//! Tables whose peers have other endpoints than in the one before.

use super::{Many, Peer, PeerChange, PeerIndex, PeerTable, Routing, Sources};
use crate::relay::peers::changes::EndpointChange;
use crate::relay::peers::settings::PeerSettings;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

impl PeerTable {
    /// Builds the table in which peers on the interfaces with the first index of each move are on those with the
    /// second one. They keep their counters. Returns `None` if there are none.
    pub(in crate::relay::peers) fn moved(&self, moves: &[(u32, u32)]) -> Option<Self> {
        if moves.is_empty() {
            return None;
        }
        let move_peer = |peer: &Arc<Peer>| {
            let endpoint = moved(peer.endpoint(), moves);
            let own = peer.settings();
            let endpoints = own.endpoints.iter().map(|own| moved(*own, moves)).collect();
            let settings = PeerSettings { endpoints, ..own.clone() };
            match endpoint == peer.endpoint() && settings == *own {
                true => Arc::clone(peer),
                false => Arc::new(peer.at(settings, endpoint)),
            }
        };
        let peers: Vec<Arc<Peer>> = self.peers.iter().map(move_peer).collect();
        let is_same =
            peers.iter().zip(&self.peers).all(|(after, before)| Arc::ptr_eq(after, before));
        (!is_same).then(|| self.with_peers(peers))
    }

    /// Builds the table in which the single peer has this endpoint. Returns `None` if packets are routed to one of
    /// many peers.
    pub(in crate::relay::peers) fn with_endpoint(&self, endpoint: SocketAddr) -> Option<Self> {
        let (Routing::Single { .. }, Some(peer)) = (&self.routing, self.peers.first()) else {
            return None;
        };
        let settings = PeerSettings { endpoints: vec![endpoint], ..peer.settings().clone() };
        Some(self.with_peers(vec![peer.configured(settings)]))
    }

    /// Replaces the table in `newest` by one in which datagrams of `peer` go to `endpoint`, and reports it.
    #[cold]
    pub(in crate::relay::peers) fn move_peer(
        &self,
        newest: &ArcSwap<Self>,
        peer: &Peer,
        endpoint: SocketAddr,
    ) {
        let _lock = self.upkeep.lock_table();
        let Some(table) = newest.load().with_moved(peer, endpoint) else { return };
        newest.store(Arc::new(table));
        let (name, before) = (peer.name().map(str::to_owned), peer.endpoint());
        self.upkeep.changes.add(PeerChange::Endpoint(EndpointChange { name, before, endpoint }));
    }

    /// Builds the table in which datagrams of `peer` go to `endpoint`. Returns `None` if [`Self::with_moves`] refuses that.
    pub(in crate::relay::peers) fn with_moved(
        &self,
        peer: &Peer,
        endpoint: SocketAddr,
    ) -> Option<Self> {
        self.with_moves(&[(peer, endpoint)])
    }

    /// Builds the table in which datagrams of each peer go to the endpoint next to it. A peer stays where it is if its
    /// endpoint has changed in the meantime, if its settings do not permit the endpoint any more, or if another peer has
    /// that endpoint, also from an earlier move. Returns `None` if all of them stay.
    pub(in crate::relay::peers) fn with_moves(
        &self,
        moves: &[(&Peer, SocketAddr)],
    ) -> Option<Self> {
        let numbers: HashMap<_, u32> =
            self.peers.iter().zip(0..).map(|(peer, number)| (peer.identity(), number)).collect();
        let (mut peers, mut taken) = (self.peers.clone(), Sources::default());
        let mut is_same = true;
        for (peer, endpoint) in moves {
            let Some(number) = numbers.get(&peer.identity()).copied() else { continue };
            let Some(own) = peers.get_mut(number as usize) else { continue };
            let is_taken = || match &self.routing {
                Routing::Single { .. } => false,
                Routing::Many(many) => {
                    let owner = many.sources.find_exact(*endpoint);
                    owner.is_some_and(|owner| owner.0 != number)
                }
            };
            // The caller's peer may have older settings.
            let is_permitted =
                own.endpoint() == peer.endpoint() && own.settings().permits(*endpoint);
            if is_permitted && !is_taken() && taken.insert(*endpoint, PeerIndex(number)) {
                *own = Arc::new(own.moved_to(*endpoint));
                is_same = false;
            }
        }
        (!is_same).then(|| self.with_peers(peers))
    }

    /// Builds the table with other endpoints of the same peers, whose inner networks do not change.
    fn with_peers(&self, peers: Vec<Arc<Peer>>) -> Self {
        let routing = match &self.routing {
            Routing::Single { accepted, allowed } => {
                let endpoint = peers.first().map(|peer| peer.endpoint());
                Routing::Single { accepted: accepted.and(endpoint), allowed: allowed.clone() }
            }
            Routing::Many(many) => {
                let mut sources = Sources::default();
                for (peer, number) in peers.iter().zip(0..) {
                    for endpoint in peer.endpoints() {
                        sources.insert(endpoint, PeerIndex(number));
                    }
                }
                Routing::Many(Box::new(Many { routes: many.routes.clone(), sources }))
            }
        };
        Self::of_peers(peers, routing, Arc::clone(&self.upkeep))
    }

    /// Returns whether `source` is the address of a peer, but on another interface than the known one. The caller has
    /// found no peer that sends from it.
    pub(in crate::relay) fn is_elsewhere(&self, source: Option<SocketAddr>) -> bool {
        match (&self.routing, source) {
            (Routing::Single { accepted: Some(expected), .. }, Some(source)) => {
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
