//! The state that a relay continues with.

use crate::interface::Change;
use crate::relay::peers::PeerTraffic;
use crate::relay::stats::{InboundStats, OutboundStats};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The state of a relay. As JSON it is passed between versions of this package: a field that one of them does not have is
/// ignored, or has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RelayState {
    /// Counters from the interface to the peers.
    pub outbound: OutboundStats,
    /// Counters from the peers to the interface.
    pub inbound: InboundStats,
    /// The kernel's count of packets that the interface dropped, up to which `outbound` has them. `None`: it is not known.
    pub interface_dropped: Option<u64>,
    /// The peers.
    pub peers: Vec<PeerState>,
    /// The sum of the peers that were removed.
    pub removed: PeerTraffic,
    /// Bytes of payload of datagrams from addresses that are not a peer's.
    pub foreign_bytes: u64,
    /// The addresses of the configuration.
    pub addresses: Vec<IpNet>,
    /// The routes of the configuration.
    pub routes: Vec<IpNet>,
    /// The changes of an interface that outlives the relay.
    pub(crate) changes: Vec<Change>,
}

/// The state of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerState {
    /// The name of the configuration.
    #[serde(default)]
    pub name: Option<String>,
    /// The endpoint of the configuration.
    pub configured: SocketAddr,
    /// The address that datagrams are sent to.
    pub endpoint: SocketAddr,
    /// Datagrams exchanged with the peer.
    #[serde(default)]
    pub traffic: PeerTraffic,
    /// Whether the peer is up. `None`: this is not known.
    #[serde(default)]
    pub is_up: Option<bool>,
    /// The local address that the last datagram was sent to.
    #[serde(default)]
    pub local: Option<IpAddr>,
    /// The MTU that was reported for the path.
    #[serde(default)]
    pub path_mtu: Option<ReportedMtu>,
}

/// An MTU that was reported for the path to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedMtu {
    /// The longest outer packet, bytes.
    pub outside: u32,
    /// The router that reported it; `None`: this machine.
    #[serde(default)]
    pub router: Option<IpAddr>,
    /// How long it is valid.
    pub valid_for: Duration,
}
