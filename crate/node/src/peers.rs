//! The peers of a relay: converts their options to those of the core, and their state to plain objects.

use crate::convert::{literal, networks, parse};
use crate::counters::PathMtu;
use crate::sys::list::{LIST_MAX, List};
use napi_derive::napi;
use std::net::{SocketAddr, SocketAddrV6};
use std::time::Duration;
use tun2udp_core::Result;
use tun2udp_core::relay::{self, FollowPort, PeerConfig, PeerStats, PeerTotals, PeerTraffic};

/// Maximum number of endpoints of a peer; `lib/relay/peers/` has the same limit.
const ENDPOINTS_MAX: u32 = 16;

/// Where the datagrams to a peer go.
#[napi(object, object_to_js = false)]
pub struct NativeEndpoint {
    /// An address literal; a link-local IPv6 one has `%ZONE`, the name or index of an interface.
    pub address: String,
    /// The UDP port.
    pub port: u16,
}

/// One of several peers. `lib/relay/peers/` has checked its form.
#[napi(object, object_to_js = false)]
pub struct NativePeer {
    /// Identifies the peer when the peers are replaced. Default: its endpoint does.
    pub name: Option<String>,
    /// Where its datagrams go, and the address that they come from.
    pub endpoint: NativeEndpoint,
    /// Further endpoints, tried in turn while the peer is silent.
    #[napi(ts_type = "Array<NativeEndpoint>")]
    pub alternatives: Option<List<NativeEndpoint, ENDPOINTS_MAX>>,
    /// `NETWORK[/PREFIX]`: the inner networks of the peer.
    #[napi(ts_type = "Array<string>")]
    pub allowed_prefixes: List<String, LIST_MAX>,
    /// Time between two keepalives, milliseconds. Default: none is sent.
    pub keepalive_millis: Option<u32>,
    /// Whether datagrams go to another port that the peer sends from. Default: if it is known to receive there.
    pub follow_port: Option<bool>,
}

/// The state of a peer.
#[napi(object, object_from_js = false)]
pub struct NativePeerState {
    /// The name of the configuration. Absent for a single peer.
    pub name: Option<String>,
    /// The address that its datagrams are sent to.
    pub address: String,
    /// The port that its datagrams are sent to.
    pub port: u16,
    /// The MTU of the path to it. Absent if it is unknown.
    pub path_mtu: Option<PathMtu>,
    /// Whether datagrams from it arrive. Absent without keepalives, and until it is known.
    pub is_up: Option<bool>,
    /// Datagrams exchanged with it. Absent for a single peer without keepalives, whose datagrams the counters of the relay count.
    pub traffic: Option<NativePeerTraffic>,
}

/// Datagrams exchanged with a peer.
#[napi(object, object_from_js = false)]
pub struct NativePeerTraffic {
    /// Datagrams to the peer that the kernel accepted for sending.
    pub datagrams_sent: f64,
    /// Bytes of payload in them.
    pub bytes_sent: f64,
    /// Packets to the peer that were dropped, for any cause.
    pub outbound_dropped: f64,
    /// Datagrams from the peer, including dropped ones.
    pub datagrams_received: f64,
    /// Bytes of payload in them.
    pub bytes_received: f64,
    /// Datagrams from the peer that were dropped, for any cause except a refusal of the interface.
    pub inbound_dropped: f64,
    /// Packets from the peer whose source is not in its networks. `inboundDropped` includes them.
    pub foreign_prefix: f64,
    /// Time since the last datagram from the peer, milliseconds. Absent: there was none.
    pub silent_for_millis: Option<f64>,
}

/// The counts that belong to no peer of the relay.
#[napi(object, object_from_js = false)]
pub struct NativeOtherTraffic {
    /// The sum of the peers that were removed.
    pub removed: NativePeerTraffic,
    /// Datagrams from other addresses, packets without a peer, and packets that the interface refused.
    pub no_peer: NativePeerTraffic,
}

/// A peer whose zones are still names: an interface is looked up with a system call, off the event loop.
pub(crate) struct UnresolvedPeer {
    config: PeerConfig,
    zones: Vec<Option<String>>,
}

/// Returns the peers, with the zones of their endpoints as text.
pub(crate) fn unresolved(peers: List<NativePeer, LIST_MAX>) -> Result<Vec<UnresolvedPeer>> {
    peers.into_vec().into_iter().map(UnresolvedPeer::try_from).collect()
}

/// Looks up the interfaces of link-local endpoints in the network namespace of the calling thread.
pub(crate) fn resolve(peers: Vec<UnresolvedPeer>) -> Result<Vec<PeerConfig>> {
    peers.into_iter().map(UnresolvedPeer::resolve).collect()
}

impl TryFrom<NativePeer> for UnresolvedPeer {
    type Error = tun2udp_core::Error;

    fn try_from(peer: NativePeer) -> Result<Self> {
        let (endpoint, zone) = address(&peer.endpoint)?;
        let prefixes = networks("prefix", &peer.allowed_prefixes)?;
        let mut config = PeerConfig::new(endpoint, prefixes);
        config.name = peer.name;
        config.keepalive = peer.keepalive_millis.map(|millis| Duration::from_millis(millis.into()));
        config.follow_port = match peer.follow_port {
            None => FollowPort::Known,
            Some(false) => FollowPort::Never,
            Some(true) => FollowPort::Always,
        };
        let mut zones = vec![zone];
        for alternative in peer.alternatives.as_deref().unwrap_or_default() {
            let (endpoint, zone) = address(alternative)?;
            config.alternatives.push(endpoint);
            zones.push(zone);
        }
        Ok(Self { config, zones })
    }
}

impl UnresolvedPeer {
    fn resolve(self) -> Result<PeerConfig> {
        let mut config = self.config;
        let endpoints = std::iter::once(&mut config.endpoint).chain(&mut config.alternatives);
        for (endpoint, zone) in endpoints.zip(&self.zones) {
            *endpoint = within_zone(*endpoint, zone.as_deref())?;
        }
        Ok(config)
    }
}

/// Returns the endpoint with the index of its zone, in the network namespace of the calling thread.
pub(crate) fn within_zone(mut endpoint: SocketAddr, zone: Option<&str>) -> Result<SocketAddr> {
    if let (SocketAddr::V6(endpoint), Some(zone)) = (&mut endpoint, zone) {
        endpoint.set_scope_id(relay::zone_index(*endpoint.ip(), zone)?);
    }
    Ok(endpoint)
}

impl From<PeerStats> for NativePeerState {
    fn from(stats: PeerStats) -> Self {
        Self {
            name: stats.name,
            address: literal(stats.endpoint),
            port: stats.endpoint.port(),
            path_mtu: stats.path_mtu.map(Into::into),
            is_up: stats.is_up,
            traffic: stats.traffic.map(Into::into),
        }
    }
}

impl From<PeerTraffic> for NativePeerTraffic {
    #[allow(clippy::cast_precision_loss)]
    fn from(traffic: PeerTraffic) -> Self {
        Self {
            datagrams_sent: traffic.datagrams_sent as f64,
            bytes_sent: traffic.bytes_sent as f64,
            outbound_dropped: traffic.outbound_dropped as f64,
            datagrams_received: traffic.datagrams_received as f64,
            bytes_received: traffic.bytes_received as f64,
            inbound_dropped: traffic.inbound_dropped as f64,
            foreign_prefix: traffic.foreign_prefix as f64,
            silent_for_millis: traffic.silent_for.map(|silent| silent.as_millis() as f64),
        }
    }
}

impl From<PeerTotals> for NativeOtherTraffic {
    fn from(totals: PeerTotals) -> Self {
        Self { removed: totals.removed.into(), no_peer: totals.no_peer.into() }
    }
}

/// Parses an endpoint. Returns its zone separately.
pub(crate) fn address(endpoint: &NativeEndpoint) -> Result<(SocketAddr, Option<String>)> {
    let NativeEndpoint { address, port } = endpoint;
    let Some((address, zone)) = address.split_once('%') else {
        return Ok((SocketAddr::new(parse("peer", address)?, *port), None));
    };
    let peer = SocketAddrV6::new(parse("peer", address)?, *port, 0, 0);
    Ok((peer.into(), Some(zone.to_owned())))
}
