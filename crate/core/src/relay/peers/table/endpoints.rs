//! Endpoints of the peers, and the paths to them.

use super::{PathMtuChange, PeerChange, PeerIndex, PeerTable, Routing};
use crate::relay::peers::settings::is_at;
use crate::relay::setup::{MIN_MTU_V6, interface_mtu};
use std::net::{IpAddr, SocketAddr};

impl PeerTable {
    /// Returns whether the path to a peer of this address family is known to carry less than IPv6 needs.
    pub(in crate::relay) fn is_too_narrow_for_v6(&self, is_ipv4: bool) -> bool {
        let mut of_family = self.peers.iter().filter(|peer| peer.endpoint().is_ipv4() == is_ipv4);
        of_family.any(|peer| {
            peer.inner_mtu()
                .is_some_and(|inner| interface_mtu(inner, self.upkeep.wire) < MIN_MTU_V6)
        })
    }

    /// Returns whether a peer has an endpoint of this address family.
    #[inline]
    pub(in crate::relay) fn has_family(&self, is_ipv4: bool) -> bool {
        let [has_ipv4, has_ipv6] = self.families;
        if is_ipv4 { has_ipv4 } else { has_ipv6 }
    }

    /// Returns whether a peer has this address, on whichever interface.
    pub(in crate::relay) fn has_address(&self, address: IpAddr) -> bool {
        let mut endpoints = self.peers.iter().flat_map(|peer| peer.endpoints());
        endpoints.any(|endpoint| endpoint.ip() == address)
    }

    /// Returns the local address that a peer sends to; `None` if it is not known.
    pub(in crate::relay) fn local(&self, peer: PeerIndex) -> Option<IpAddr> {
        self.peers.get(peer.0 as usize)?.local()
    }

    /// Returns whether several peers have the address of `source`.
    pub(in crate::relay::peers) fn is_shared(&self, source: SocketAddr) -> bool {
        match &self.routing {
            Routing::Single { .. } => false,
            Routing::Many(many) => many.sources.is_shared(source),
        }
    }

    /// Returns whether `destination` is the endpoint of a peer. That of a link-local peer includes its interface, so an
    /// address without one is not it.
    pub(in crate::relay) fn has_endpoint(&self, destination: SocketAddr) -> bool {
        match &self.routing {
            Routing::Single { .. } => {
                self.peers.iter().any(|peer| is_endpoint(peer.endpoint(), destination))
            }
            Routing::Many(many) => many.sources.has(destination),
        }
    }

    /// Forgets the MTU of the path to a peer.
    pub(in crate::relay) fn forget_path_mtu(&self, endpoint: SocketAddr) {
        for peer in self.peers.iter().filter(|peer| peer.endpoint() == endpoint) {
            let before = peer.reported_mtu();
            peer.forget_path_mtu();
            if before.is_some() {
                let change = PathMtuChange { peer: endpoint, reported: None, before };
                self.upkeep.changes.add(PeerChange::PathMtu(change));
            }
        }
    }
}

/// Returns whether both are one address, port and interface.
fn is_endpoint(endpoint: SocketAddr, other: SocketAddr) -> bool {
    is_at(endpoint, other) && is_at(other, endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_an_address_a_port_and_an_interface() {
        let is = |endpoint: &str, other: &str| {
            is_endpoint(endpoint.parse().unwrap(), other.parse().unwrap())
        };
        assert!(is("192.0.2.1:5", "192.0.2.1:5"));
        assert!(!is("192.0.2.1:5", "192.0.2.1:6") && !is("192.0.2.1:5", "192.0.2.2:5"));
        assert!(is("[2001:db8::1]:5", "[2001:db8::1]:5"));
        assert!(!is("[fe80::1%3]:5", "[fe80::1]:5") && !is("[fe80::1]:5", "[fe80::1%3]:5"));
    }
}
