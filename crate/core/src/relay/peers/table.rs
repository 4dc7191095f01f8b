//! The table of all peers.

use super::changes::{PathMtuChange, PeerChange};
use super::check::{check, check_endpoint, check_keepalive};
use super::known::KnownPeers;
use super::peer::{Peer, PeerStats};
use super::routes::Routes;
use super::settings::PeerSettings;
use super::sources::{Sources, is_same_host};
use super::upkeep::Upkeep;
use crate::error::{Error, ErrorCode, Result};
use crate::packet::layer::Layer;
use crate::relay::config::{Accept, PeerConfig, RelayConfig};
use crate::sys::socket::ErrorReport;
use ipnet::IpNet;
use socket2::SockAddr;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// The number of a peer in a [`PeerTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relay) struct PeerIndex(pub(in crate::relay) u32);

/// Chooses the peer for a packet, and finds the peer that a datagram comes from.
#[derive(Debug)]
pub(in crate::relay) struct PeerTable {
    peers: Vec<Arc<Peer>>,
    /// The peers' endpoints, by index, in the kernel's format.
    destinations: Vec<SockAddr>,
    routing: Routing,
    /// Whether a peer has an IPv4 endpoint, and whether one has an IPv6 endpoint.
    families: [bool; 2],
    /// Whether a peer has a keepalive.
    has_keepalive: bool,
    upkeep: Arc<Upkeep>,
}

/// How to choose a peer.
#[derive(Debug)]
enum Routing {
    /// There is a single peer.
    Single {
        /// Accept datagrams from this address only. `None`: from any.
        accepted: Option<SocketAddr>,
        /// The prefixes of the peer. `None`: it gets every packet, and may send every packet.
        allowed: Option<Arc<Routes<PeerIndex>>>,
    },
    /// Choose one of many peers, by the destination of the packet and the source of the datagram.
    Many(Box<Many>),
}

#[derive(Debug, Default)]
struct Many {
    /// The prefixes of the peers. `None`: frames have one peer, since prefixes do not contain them.
    routes: Option<Arc<Routes<PeerIndex>>>,
    sources: Sources,
}

impl PeerTable {
    /// Builds the table that the configuration describes. Returns `InvalidArgument` if it is contradictory.
    pub(super) fn new(config: &RelayConfig, upkeep: Arc<Upkeep>) -> Result<Self> {
        check(config)?;
        if config.peers.is_empty() {
            let allowed = &config.allowed_prefixes;
            let peer = PeerConfig::new(config.peer, Vec::new());
            let peer = PeerConfig { keepalive: config.keepalive, ..peer };
            return Ok(Self::single(config.accept, PeerSettings::of(&peer), allowed, upkeep));
        }
        Self::many(&config.peers, &[], upkeep)
    }

    /// Builds a table of one peer. It gets and sends packets of the `allowed` prefixes; if there are none, all packets.
    fn single(accept: Accept, peer: PeerSettings, allowed: &[IpNet], upkeep: Arc<Upkeep>) -> Self {
        let accepted = (accept == Accept::Peer).then_some(peer.first());
        let allowed = (!allowed.is_empty()).then(|| {
            let mut routes = Routes::default();
            for network in allowed {
                routes.insert(*network, PeerIndex(0));
            }
            Arc::new(routes)
        });
        let peers = vec![Arc::new(Peer::new(peer))];
        Self::of_peers(peers, Routing::Single { accepted, allowed }, upkeep)
    }

    /// Builds the table that replaces this one. A peer of this table is identified by its name, otherwise by its
    /// endpoint, and keeps its counters.
    pub(super) fn successor(&self, configs: &[PeerConfig]) -> Result<Self> {
        Self::many(configs, &self.peers, Arc::clone(&self.upkeep))
    }

    /// Builds a table of several peers. Peers of `known` are used again; other peers are created. Returns
    /// `InvalidArgument` if two have the same name, the same endpoint or the same network.
    fn many(configs: &[PeerConfig], known: &[Arc<Peer>], upkeep: Arc<Upkeep>) -> Result<Self> {
        let known = KnownPeers::new(known, configs)?;
        let (mut sources, mut routes) = (Sources::with_capacity(configs.len()), Routes::default());
        let mut peers: Vec<Arc<Peer>> = Vec::with_capacity(configs.len());
        for (config, number) in configs.iter().zip(0..) {
            config.keepalive.map_or(Ok(()), check_keepalive)?;
            add_endpoints(&mut sources, config, PeerIndex(number))?;
            add_prefixes(&mut routes, &config.allowed_prefixes, PeerIndex(number))?;
        }
        // Nothing is refused from here on: a known peer may begin again with its settings.
        for config in configs {
            let settings = PeerSettings::of(config);
            peers.push(match known.find(config) {
                Some(peer) => peer.configured(settings),
                None => Arc::new(Peer::new(settings)),
            });
        }
        for (peer, number) in peers.iter_mut().zip(0..) {
            // An endpoint that was chosen at run time may be the configured one of another peer now.
            if !sources.insert(peer.endpoint(), PeerIndex(number)) {
                let settings = peer.settings();
                *peer = Arc::new(peer.at(settings.clone(), settings.first()));
            }
        }
        let routes = (upkeep.wire.layer() == Layer::Ip).then(|| Arc::new(routes));
        let many = Many { routes, sources };
        Ok(Self::of_peers(peers, Routing::Many(Box::new(many)), upkeep))
    }

    fn of_peers(peers: Vec<Arc<Peer>>, routing: Routing, upkeep: Arc<Upkeep>) -> Self {
        let destinations = peers.iter().map(|peer| peer.endpoint().into()).collect();
        let has = |is_ipv4| peers.iter().any(|peer| peer.endpoint().is_ipv4() == is_ipv4);
        let families = [has(true), has(false)];
        let has_keepalive = peers.iter().any(|peer| peer.settings().keepalive.is_some());
        Self { peers, destinations, routing, families, has_keepalive, upkeep }
    }

    /// Returns whether packets are routed to one of many peers.
    #[inline]
    pub(in crate::relay) fn is_many(&self) -> bool {
        matches!(self.routing, Routing::Many(_))
    }

    /// Returns the bytes of payload of datagrams from addresses that are not a peer's.
    pub(super) fn foreign_bytes(&self) -> u64 {
        self.upkeep.foreign_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn peers(&self) -> &[Arc<Peer>] {
        &self.peers
    }

    /// Records the MTU of the route to the peer with this endpoint when the relay started, bytes.
    pub(super) fn set_start_mtu(&self, endpoint: SocketAddr, mtu: u32) {
        for peer in self.peers.iter().filter(|peer| peer.endpoint() == endpoint) {
            peer.path().set_start(mtu);
        }
    }

    /// Returns the version of the peers' local addresses. It changes with each of them.
    #[inline]
    pub(super) fn local_version(&self) -> &AtomicU32 {
        &self.upkeep.local_version
    }

    /// Returns the state of each peer, by index.
    pub(super) fn stats(&self, now: Instant) -> Vec<PeerStats> {
        let now = self.upkeep.timers.millis(now);
        let stats = |peer: &Arc<Peer>| {
            let traffic = self.counts_traffic().then(|| peer.traffic(now));
            PeerStats {
                name: peer.name().map(str::to_owned),
                endpoint: peer.endpoint(),
                path_mtu: peer.path_mtu(),
                is_up: peer.settings().keepalive.and_then(|_| peer.liveness().is_up()),
                traffic,
            }
        };
        self.peers.iter().map(stats).collect()
    }

    /// Records the path MTUs in error reports of datagrams sent earlier.
    pub(in crate::relay) fn note_errors(&self, reports: &[ErrorReport]) {
        self.note_failures(reports);
        if !self.upkeep.follows_path_mtu {
            return;
        }
        for report in reports {
            if let (Some(mtu), Some(destination)) = (report.mtu, report.destination) {
                self.learn_path_mtu(mtu, destination.ip(), report);
            }
        }
    }

    /// Records the MTU of the path to all peers at `address`, since a report of this kernel has no port.
    fn learn_path_mtu(&self, mtu: u32, address: IpAddr, report: &ErrorReport) {
        let Upkeep { timers, path_mtu_lifetime, changes, .. } = &*self.upkeep;
        let lifetime = u64::try_from(path_mtu_lifetime.as_millis()).unwrap_or(u64::MAX);
        let deadline = timers.millis(Instant::now()).saturating_add(lifetime);
        for peer in self.peers.iter().filter(|peer| peer.endpoint().ip() == address) {
            let before = peer.reported_mtu();
            if peer.learn_path_mtu(mtu, report, deadline) {
                let reported = peer.reported_mtu();
                let change = PathMtuChange { peer: peer.endpoint(), reported, before };
                changes.add(PeerChange::PathMtu(change));
            }
            timers.schedule(deadline);
        }
    }

    /// Returns the longest packet that the path to a peer carries, bytes; `None` if no limit was reported.
    #[inline]
    pub(in crate::relay) fn inner_mtu(&self, peer: PeerIndex) -> Option<u32> {
        self.peers.get(peer.0 as usize)?.inner_mtu()
    }

    /// Returns the addresses that the peers' datagrams are sent to, by index.
    pub(in crate::relay) fn destinations(&self) -> &[SockAddr] {
        &self.destinations
    }

    /// Returns the peer that sends from `source`; `None` if no peer does. The port may differ, since a plain peer
    /// sends from a port of its own. If several peers have the same address, the port identifies the peer.
    #[inline]
    pub(in crate::relay) fn of_source(&self, source: Option<SocketAddr>) -> Option<PeerIndex> {
        match &self.routing {
            Routing::Single { accepted: None, .. } => Some(PeerIndex(0)),
            Routing::Single { accepted: Some(expected), .. } => {
                is_same_host(*expected, source?).then_some(PeerIndex(0))
            }
            Routing::Many(many) => many.sources.find(source?),
        }
    }
}

fn add_endpoints(sources: &mut Sources, peer: &PeerConfig, index: PeerIndex) -> Result<()> {
    for endpoint in peer.endpoints() {
        check_endpoint(endpoint)?;
        if !sources.insert(endpoint, index) {
            let reason = "another peer has this endpoint";
            return Err(refuse("add the peer", endpoint.to_string(), reason));
        }
    }
    Ok(())
}

fn add_prefixes(
    routes: &mut Routes<PeerIndex>,
    prefixes: &[IpNet],
    index: PeerIndex,
) -> Result<()> {
    for network in prefixes {
        if routes.insert(*network, index).is_some() {
            let reason = "it is given twice: each network belongs to one peer";
            return Err(refuse("route the network", network.to_string(), reason));
        }
    }
    Ok(())
}

fn refuse(operation: &'static str, subject: String, reason: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, operation, subject, reason)
}

pub(in crate::relay) use counting::ReceiveCount;

pub(super) use deadlines::Expired;

mod counting;
mod deadlines;
mod endpoints;
mod filter;
mod moved;
#[cfg(test)]
mod tests;
