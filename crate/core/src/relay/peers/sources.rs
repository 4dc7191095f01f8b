//! Finds the peer that a datagram comes from.

use super::PeerIndex;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

/// The peers by endpoint. The port of a source may differ, since a plain peer sends from a port of its own. If
/// several peers have the same address, the port identifies the peer.
#[derive(Debug, Default)]
pub(super) struct Sources {
    by_endpoint: HashMap<SocketAddr, PeerIndex>,
    by_address: HashMap<Host, PeerIndex>,
    /// The addresses of several peers.
    shared: HashSet<Host>,
    /// The link-local addresses of peers, on whichever interface.
    link_local: HashSet<IpAddr>,
}

/// An address that identifies a host. A link-local address does so only together with its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Host {
    address: IpAddr,
    scope_id: u32,
}

impl Sources {
    /// Creates a set with memory for this many peers.
    pub(super) fn with_capacity(peers: usize) -> Self {
        Self {
            by_endpoint: HashMap::with_capacity(peers),
            by_address: HashMap::with_capacity(peers),
            ..Self::default()
        }
    }

    /// Adds an endpoint of a peer. Returns whether no other peer has it; otherwise it remains the endpoint of that peer.
    pub(super) fn insert(&mut self, endpoint: SocketAddr, peer: PeerIndex) -> bool {
        // The first of several peers at one address gets datagrams from other ports.
        if *self.by_address.entry(Host::of(endpoint)).or_insert(peer) != peer {
            self.shared.insert(Host::of(endpoint));
        }
        if is_link_local(endpoint) {
            self.link_local.insert(endpoint.ip());
        }
        *self.by_endpoint.entry(without_flow(endpoint)).or_insert(peer) == peer
    }

    /// Returns whether a peer has this endpoint.
    pub(super) fn has(&self, endpoint: SocketAddr) -> bool {
        self.find_exact(endpoint).is_some()
    }

    /// Returns the peer that has this endpoint.
    pub(super) fn find_exact(&self, endpoint: SocketAddr) -> Option<PeerIndex> {
        self.by_endpoint.get(&without_flow(endpoint)).copied()
    }

    /// Returns whether several peers have the address of `source`.
    pub(super) fn is_shared(&self, source: SocketAddr) -> bool {
        let host = Host::of(source);
        self.shared.contains(&host) || self.shared.contains(&Host { scope_id: 0, ..host })
    }

    /// Returns whether a peer has this link-local address, on whichever interface.
    pub(super) fn has_link_local(&self, source: SocketAddr) -> bool {
        !self.link_local.is_empty() && self.link_local.contains(&source.ip())
    }

    /// Returns the peer that sends from `source`; `None` if no peer does.
    pub(super) fn find(&self, source: SocketAddr) -> Option<PeerIndex> {
        let host = Host::of(source);
        let exact = self.by_endpoint.get(&without_flow(source));
        let found = exact.or_else(|| self.by_address.get(&host));
        // A link-local peer may be configured without its interface.
        found.or_else(|| self.by_address.get(&Host { scope_id: 0, ..host })).copied()
    }
}

fn is_link_local(endpoint: SocketAddr) -> bool {
    matches!(endpoint, SocketAddr::V6(address) if address.ip().is_unicast_link_local())
}

impl Host {
    fn of(address: SocketAddr) -> Self {
        let scope_id = match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(address) => address.scope_id(),
        };
        Self { address: address.ip(), scope_id }
    }
}

/// Returns the address without the flow label, which does not belong to the identity of a host or socket.
fn without_flow(mut address: SocketAddr) -> SocketAddr {
    if let SocketAddr::V6(address) = &mut address {
        address.set_flowinfo(0);
    }
    address
}

/// Returns whether `source` is an address of the host that `expected` names.
pub(super) fn is_same_host(expected: SocketAddr, source: SocketAddr) -> bool {
    match (expected, source) {
        (SocketAddr::V4(expected), SocketAddr::V4(source)) => expected.ip() == source.ip(),
        (SocketAddr::V6(expected), SocketAddr::V6(source)) => {
            // A link-local address identifies a host only together with its interface.
            let is_same_link = expected.scope_id() == 0 || expected.scope_id() == source.scope_id();
            expected.ip() == source.ip() && is_same_link
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endpoint() -> impl Strategy<Value = SocketAddr> {
        let hosts = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "fe80::1%1", "fe80::1%2", "fe80::1"];
        (prop::sample::select(hosts.to_vec()), 1..4_u16).prop_map(|(host, port)| {
            let text = if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            };
            text.parse().unwrap()
        })
    }

    /// Finds the peer with a linear scan: the peer with that endpoint, otherwise the first at that address, otherwise
    /// the first that was given with the address but without an interface.
    fn scan(peers: &[SocketAddr], source: SocketAddr) -> Option<u32> {
        let exact = peers.iter().position(|peer| *peer == source);
        let strict = |peer: &SocketAddr| is_same_host(*peer, source) && is_same_host(source, *peer);
        let at_address = || peers.iter().position(strict);
        let without_scope = || {
            peers
                .iter()
                .position(|peer| is_same_host(*peer, source) && Host::of(*peer).scope_id == 0)
        };
        exact.or_else(at_address).or_else(without_scope).map(|number| number as u32)
    }

    proptest! {
        #[test]
        fn sources_are_found_as_by_a_scan(
            endpoints in prop::collection::hash_set(endpoint(), 1..8),
            sources in prop::collection::vec(endpoint(), 1..20),
        ) {
            let peers: Vec<SocketAddr> = endpoints.into_iter().collect();
            let mut table = Sources::default();
            for (number, peer) in peers.iter().enumerate() {
                prop_assert!(table.insert(*peer, PeerIndex(number as u32)));
            }
            prop_assert!(table.insert(peers[0], PeerIndex(0)));
            prop_assert!(!table.insert(peers[0], PeerIndex(u32::MAX)));
            for source in sources {
                let found = table.find(source).map(|peer| peer.0);
                prop_assert_eq!(found, scan(&peers, source), "{} among {:?}", source, peers);
            }
        }
    }
}
