//! Inner networks and the peers that they belong to: longest prefix match.

use crate::packet::view::{destination, source};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use std::net::IpAddr;

/// The prefixes of both address families, each with its peer.
#[derive(Clone, Debug)]
pub struct Routes<P> {
    v4: PrefixMap<Ipv4Net, P>,
    v6: PrefixMap<Ipv6Net, P>,
}

/// The result of the last look-up. Packets of one flow have the same address, so most of a batch need no other one.
/// It is valid for one table: a new batch begins with an empty one.
#[derive(Clone, Copy, Debug)]
pub struct LastRoute<P>(Option<(IpAddr, Option<P>)>);

impl<P: Copy> Routes<P> {
    /// Adds a prefix. Bits of `network` behind its prefix are ignored. If a peer had the same prefix, it is
    /// replaced, and that peer is returned.
    pub fn insert(&mut self, network: IpNet, peer: P) -> Option<P> {
        match network.trunc() {
            IpNet::V4(network) => self.v4.insert(network, peer),
            IpNet::V6(network) => self.v6.insert(network, peer),
        }
    }

    /// Returns the peer with the longest prefix that contains `address`.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<P> {
        match address {
            IpAddr::V4(address) => self.v4.get_lpm(&address.into()).map(|(_, peer)| *peer),
            IpAddr::V6(address) => self.v6.get_lpm(&address.into()).map(|(_, peer)| *peer),
        }
    }

    /// Returns the peer whose prefix contains the destination of an IP packet; `None` if there is none or the packet is
    /// not an IP packet.
    #[inline]
    pub fn to(&self, packet: &[u8], last: &mut LastRoute<P>) -> Option<P> {
        last.find(self, destination(packet)?)
    }

    /// Returns the peer whose prefix contains the source of an IP packet; `None` if there is none or the packet is not
    /// an IP packet.
    #[inline]
    pub fn from(&self, packet: &[u8], last: &mut LastRoute<P>) -> Option<P> {
        last.find(self, source(packet)?)
    }
}

impl<P> Default for Routes<P> {
    fn default() -> Self {
        Self { v4: PrefixMap::default(), v6: PrefixMap::default() }
    }
}

impl<P: Copy> LastRoute<P> {
    #[inline]
    fn find(&mut self, routes: &Routes<P>, address: IpAddr) -> Option<P> {
        match self.0 {
            Some((known, peer)) if known == address => peer,
            _ => {
                let peer = routes.find(address);
                self.0 = Some((address, peer));
                peer
            }
        }
    }
}

impl<P> Default for LastRoute<P> {
    fn default() -> Self {
        Self(None)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::relay::peers::PeerIndex;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// Generates addresses with few distinct bits, so networks contain one another and an address is in several.
    fn bits() -> impl Strategy<Value = u128> {
        prop::collection::vec(0..4_u8, 16)
            .prop_map(|bytes| bytes.iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte)))
    }

    pub(in crate::relay::peers) fn address() -> impl Strategy<Value = IpAddr> {
        (bits(), any::<bool>()).prop_map(|(bits, is_v6)| match is_v6 {
            true => IpAddr::V6(Ipv6Addr::from(bits)),
            false => IpAddr::V4(Ipv4Addr::from(bits as u32)),
        })
    }

    pub(in crate::relay::peers) fn network() -> impl Strategy<Value = IpNet> {
        (address(), 0..=128_u8).prop_map(|(address, length)| {
            let longest = if address.is_ipv4() { 32 } else { 128 };
            IpNet::new(address, length.min(longest)).unwrap()
        })
    }

    /// Finds the peer with a linear scan: the network with the longest prefix that contains the address. Of equal
    /// networks the last one is used, since it replaced the others.
    fn scan(routes: &[IpNet], address: IpAddr) -> Option<PeerIndex> {
        let candidates = routes.iter().enumerate().filter(|(_, net)| net.contains(&address));
        candidates.max_by_key(|(_, net)| net.prefix_len()).map(|(peer, _)| PeerIndex(peer as u32))
    }

    proptest! {
        #[test]
        fn the_longest_prefix_wins(
            networks in prop::collection::vec(network(), 0..40),
            addresses in prop::collection::vec(address(), 1..40),
        ) {
            let mut routes = Routes::default();
            for (peer, network) in networks.iter().enumerate() {
                let same = networks[..peer].iter().rposition(|other| other.trunc() == network.trunc());
                let replaced = routes.insert(*network, PeerIndex(peer as u32));
                prop_assert_eq!(replaced, same.map(|peer| PeerIndex(peer as u32)));
            }
            let networks_themselves = networks.iter().map(IpNet::addr);
            for address in addresses.iter().copied().chain(networks_themselves) {
                prop_assert_eq!(routes.find(address), scan(&networks, address), "{}", address);
            }
        }
    }
}
