//! One of several peers, as the caller configures it.

use crate::udp::canonical;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One of several peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// The name that identifies the peer when the peers are replaced; `None`: its endpoint identifies it.
    pub name: Option<String>,
    /// Where its datagrams go, and the address that they come from.
    pub endpoint: SocketAddr,
    /// Further endpoints, tried in turn while the peer is silent. With `keepalive` it is silent if nothing was received for
    /// three intervals; each endpoint is tried for the same time. Without, the next endpoint is used if the kernel reports
    /// that the present one refuses datagrams or cannot be reached, at most once per second. Datagrams from all of them
    /// are accepted.
    pub alternatives: Vec<SocketAddr>,
    /// The inner networks of the peer. Packets to them are sent to it, and packets from it must have a source in them.
    /// Of the networks of all peers that contain an address, the one with the longest prefix decides.
    pub allowed_prefixes: Vec<IpNet>,
    /// If nothing else was sent to the peer for this time, a keepalive is sent: a small packet that the peer discards. At
    /// least 10 ms. The events `peer-up` and `peer-down` report whether datagrams of the peer arrive. `None`: none is sent.
    pub keepalive: Option<Duration>,
    /// When datagrams go to another port that the peer sends from. The address never changes.
    pub follow_port: FollowPort,
}

/// When datagrams to a peer go to another port of its address that it sends from, because a NAT has changed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FollowPort {
    /// Never.
    #[default]
    Never,
    /// If the peer is known to receive on the port that it sends from: it has sent from the port of its endpoint, or a
    /// keepalive. A plain peer with a socket for each direction does neither, so datagrams go on to its endpoint.
    Known,
    /// Always. The peer must receive on the port that it sends from.
    Always,
}

impl PeerConfig {
    /// Creates a peer with these inner networks.
    #[must_use]
    pub fn new(endpoint: SocketAddr, allowed_prefixes: Vec<IpNet>) -> Self {
        Self {
            name: None,
            endpoint,
            alternatives: Vec::new(),
            allowed_prefixes,
            keepalive: None,
            follow_port: FollowPort::default(),
        }
    }

    /// Returns the endpoint and the alternatives.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = SocketAddr> {
        std::iter::once(self.endpoint).chain(self.alternatives.iter().copied())
    }

    /// Returns the same peer, IPv4-mapped IPv6 addresses and networks replaced by those of IPv4.
    pub(super) fn canonical(&self) -> Self {
        let mut peer = self.clone();
        peer.endpoint = canonical(peer.endpoint);
        peer.alternatives.iter_mut().for_each(|endpoint| *endpoint = canonical(*endpoint));
        peer.allowed_prefixes.iter_mut().for_each(|prefix| *prefix = canonical_network(*prefix));
        peer
    }
}

/// Bits before the IPv4 address in an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// Returns the IPv4 network that an IPv4-mapped IPv6 network represents; any other network is returned unchanged.
pub(super) fn canonical_network(network: IpNet) -> IpNet {
    let length = network.prefix_len().checked_sub(MAPPED_PREFIX);
    match (network.addr().to_canonical(), network, length) {
        (IpAddr::V4(address), IpNet::V6(_), Some(length)) => {
            IpNet::new(address.into(), length).unwrap_or(network)
        }
        _ => network,
    }
}
