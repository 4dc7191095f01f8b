//! The peers of packets: where a packet goes, and whether a peer may send it.

use super::{PeerIndex, PeerTable, Routes, Routing};
use crate::relay::peers::LastRoute;

impl PeerTable {
    /// Returns the peer that an IP packet is sent to; `None` if its destination is in no prefix of a peer. `last` is the
    /// last destination of the batch.
    #[inline]
    pub(in crate::relay) fn route(
        &self,
        packet: &[u8],
        last: &mut LastRoute<PeerIndex>,
    ) -> Option<PeerIndex> {
        match self.prefixes() {
            None => Some(PeerIndex(0)),
            Some(routes) => routes.to(packet, last),
        }
    }

    /// Returns whether `peer` may send an IP packet: of the prefixes of all peers that contain its source, the longest
    /// belongs to this peer. `last` is the last source of the batch.
    #[inline]
    pub(in crate::relay) fn permits(
        &self,
        peer: PeerIndex,
        packet: &[u8],
        last: &mut LastRoute<PeerIndex>,
    ) -> bool {
        match self.prefixes() {
            None => true,
            Some(routes) => routes.from(packet, last) == Some(peer),
        }
    }

    /// Returns the prefixes of the peers. `None`: a single peer gets every packet or frame, and may send every one.
    #[inline]
    fn prefixes(&self) -> Option<&Routes<PeerIndex>> {
        match &self.routing {
            Routing::Single { allowed, .. } => allowed.as_deref(),
            Routing::Many(many) => many.routes.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::config::PeerConfig;
    use crate::relay::peers::routes::tests::{address, network};
    use crate::relay::peers::upkeep::Upkeep;
    use crate::relay::peers::zone::Zones;
    use crate::relay::wire::Wire;
    use ipnet::IpNet;
    use proptest::prelude::*;
    use std::net::{IpAddr, SocketAddr};
    use std::sync::Arc;
    use std::time::Duration;

    /// Number of peers. All have one address, so only their ports differ.
    const PEERS: usize = 4;

    fn endpoint(peer: usize) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 5_000 + peer as u16))
    }

    /// A packet from and to this address.
    fn packet(address: IpAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(ip) => [&[0x45; 12][..], &ip.octets(), &ip.octets()].concat(),
            IpAddr::V6(ip) => [&[0x60; 8][..], &ip.octets(), &ip.octets()].concat(),
        }
    }

    /// The networks of one table, each with its peer, and the order of the peers.
    type Round = (Vec<Option<usize>>, Vec<usize>);

    fn rounds() -> impl Strategy<Value = (Vec<IpNet>, Vec<Round>)> {
        let networks = prop::collection::hash_set(network().prop_map(|net| net.trunc()), 1..20);
        networks.prop_flat_map(|networks| {
            let networks: Vec<IpNet> = networks.into_iter().collect();
            let owner = prop::option::weighted(0.8, 0..PEERS);
            let owners = prop::collection::vec(owner, networks.len());
            let order = Just((0..PEERS).collect::<Vec<_>>()).prop_shuffle();
            (Just(networks), prop::collection::vec((owners, order), 1..5))
        })
    }

    fn configs(networks: &[IpNet], (owners, order): &Round) -> Vec<PeerConfig> {
        let of = |peer: usize| {
            let owned = networks.iter().zip(owners).filter(|(_, owner)| **owner == Some(peer));
            PeerConfig::new(endpoint(peer), owned.map(|(network, _)| *network).collect())
        };
        order.iter().map(|peer| of(*peer)).collect()
    }

    /// Finds the peer of an address with a linear scan.
    fn scan(networks: &[IpNet], (owners, _): &Round, address: IpAddr) -> Option<SocketAddr> {
        let owned = networks.iter().zip(owners).filter(|(network, _)| network.contains(&address));
        let owned = owned.filter_map(|(network, owner)| Some((network.prefix_len(), (*owner)?)));
        owned.max_by_key(|(length, _)| *length).map(|(_, peer)| endpoint(peer))
    }

    proptest! {
        /// Prefixes move between peers, are removed and added again, and the peers change places.
        #[test]
        fn both_directions_are_as_by_a_scan_after_each_replacement(
            (networks, rounds) in rounds(),
            addresses in prop::collection::vec(address(), 1..20),
        ) {
            let upkeep = Arc::new(Upkeep::new(Duration::from_secs(600), true, Zones::default(), Wire::default()));
            let mut table = PeerTable::many(&[], &[], upkeep).unwrap();
            for round in &rounds {
                table = table.successor(&configs(&networks, round)).unwrap();
                let (mut to, mut from) = (LastRoute::default(), LastRoute::default());
                let all = addresses.iter().copied().chain(networks.iter().map(IpNet::addr));
                for address in all.flat_map(|address| [address; 2]) {
                    let packet = packet(address);
                    let expected = scan(&networks, round, address);
                    let index = |peer: &SocketAddr| table.of_source(Some(*peer)).unwrap();
                    let found = table.route(&packet, &mut to);
                    prop_assert_eq!(found, expected.as_ref().map(index), "to {}", address);
                    for peer in (0..PEERS).map(endpoint) {
                        let permits = table.permits(index(&peer), &packet, &mut from);
                        prop_assert_eq!(permits, expected == Some(peer), "{} by {}", address, peer);
                    }
                }
            }
        }
    }
}
