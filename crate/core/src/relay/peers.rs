//! Whose datagrams are taken.

use super::config::Accept;
use std::net::{IpAddr, SocketAddr};

/// Decides by source address; the port may differ, since a plain peer sends from one of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerFilter {
    expected: Option<SocketAddr>,
}

impl PeerFilter {
    pub(super) fn new(accept: Accept, peer: SocketAddr) -> Self {
        Self { expected: (accept == Accept::Peer).then_some(peer) }
    }

    pub(super) fn accepts(&self, source: Option<SocketAddr>) -> bool {
        let Some(expected) = self.expected else { return true };
        source.is_some_and(|source| match (expected, source) {
            (SocketAddr::V4(expected), SocketAddr::V4(source)) => expected.ip() == source.ip(),
            (SocketAddr::V6(expected), SocketAddr::V6(source)) => {
                // A link-local address means a host only together with its interface.
                let is_same_link =
                    expected.scope_id() == 0 || expected.scope_id() == source.scope_id();
                expected.ip() == source.ip() && is_same_link
            }
            _ => false,
        })
    }
}

/// Whether datagrams to `address` stay on this machine by the address alone.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<SocketAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_peer_is_known_by_its_address_whatever_its_port() {
        let filter = PeerFilter::new(Accept::Peer, "192.0.2.1:5".parse().unwrap());
        assert!(filter.accepts(address("192.0.2.1:6")));
        assert!(!filter.accepts(address("192.0.2.2:5")));
        assert!(!filter.accepts(address("[::ffff:192.0.2.1]:5")));
        assert!(!filter.accepts(None));
    }

    #[test]
    fn a_link_local_peer_is_known_by_its_link_too() {
        let filter = PeerFilter::new(Accept::Peer, "[fe80::1%3]:5".parse().unwrap());
        assert!(filter.accepts(address("[fe80::1%3]:6")));
        assert!(!filter.accepts(address("[fe80::1%4]:5")));
    }

    #[test]
    fn anyone_is_taken_when_asked_for() {
        let filter = PeerFilter::new(Accept::Any, "192.0.2.1:5".parse().unwrap());
        assert!(filter.accepts(address("198.51.100.7:1")));
        assert!(filter.accepts(None));
    }
}
