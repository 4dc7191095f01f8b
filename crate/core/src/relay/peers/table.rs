//! The table of all peers.

use super::check::check;
use super::peer::{Peer, PeerStats};
use super::routes::Routes;
use super::timers::Timers;
use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::{Accept, PeerConfig, RelayConfig};
use crate::sys::socket::ErrorReport;
use crate::transport::{ErrorKind, Sent};
use socket2::SockAddr;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The number of a peer in a [`PeerTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relay) struct PeerIndex(pub(in crate::relay) u32);

/// Which peer a packet goes to, and which one a datagram comes from.
#[derive(Debug)]
pub(in crate::relay) struct PeerTable {
    peers: Vec<Arc<Peer>>,
    /// The peers' endpoints, by index, as the kernel takes them.
    destinations: Vec<SockAddr>,
    routing: Routing,
    upkeep: Arc<Upkeep>,
}

/// What all tables of a relay share.
#[derive(Debug)]
pub(super) struct Upkeep {
    pub(super) timers: Timers,
    /// How long a reported MTU of a path counts.
    pub(super) path_mtu_lifetime: Duration,
}

/// How a peer is chosen.
#[derive(Debug)]
enum Routing {
    /// There is one peer, which gets every packet.
    Single {
        /// Datagrams are accepted from this address; `None`: from any.
        accepted: Option<SocketAddr>,
    },
    /// One of many, by the destination of the packet and the source of the datagram.
    Many(Box<Many>),
}

#[derive(Debug, Default)]
struct Many {
    routes: Routes,
    by_endpoint: HashMap<SocketAddr, PeerIndex>,
    by_address: HashMap<Host, PeerIndex>,
}

/// An address that identifies a host: one that is link-local does so only together with its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Host {
    address: IpAddr,
    scope_id: u32,
}

impl Upkeep {
    pub(super) fn new(path_mtu_lifetime: Duration) -> Self {
        Self { timers: Timers::new(), path_mtu_lifetime }
    }
}

impl PeerTable {
    /// Builds the table that the configuration describes; `InvalidArgument` if it is contradictory.
    pub(super) fn new(config: &RelayConfig, upkeep: Arc<Upkeep>) -> Result<Self> {
        check(config)?;
        if config.peers.is_empty() {
            return Ok(Self::single(config.accept, config.peer, upkeep));
        }
        Self::many(&config.peers, &[], upkeep)
    }

    fn single(accept: Accept, peer: SocketAddr, upkeep: Arc<Upkeep>) -> Self {
        let accepted = (accept == Accept::Peer).then_some(peer);
        Self {
            peers: vec![Arc::new(Peer::new(peer))],
            destinations: vec![peer.into()],
            routing: Routing::Single { accepted },
            upkeep,
        }
    }

    /// Builds the table that replaces this one. A peer whose endpoint stays is the same peer.
    pub(super) fn successor(&self, configs: &[PeerConfig]) -> Result<Self> {
        Self::many(configs, &self.peers, Arc::clone(&self.upkeep))
    }

    /// Builds a table of several peers, which are those of `known` whose endpoints they have, and new ones
    /// otherwise. `InvalidArgument` if two have the same endpoint or the same network.
    fn many(configs: &[PeerConfig], known: &[Arc<Peer>], upkeep: Arc<Upkeep>) -> Result<Self> {
        let known: HashMap<_, _> = known.iter().map(|peer| (peer.endpoint(), peer)).collect();
        let mut many = Many::default();
        let mut peers = Vec::new();
        for (config, number) in configs.iter().zip(0..) {
            many.add(config, PeerIndex(number))?;
            let found = known.get(&config.endpoint).map(|peer| Arc::clone(peer));
            peers.push(found.unwrap_or_else(|| Arc::new(Peer::new(config.endpoint))));
        }
        let destinations = configs.iter().map(|config| config.endpoint.into()).collect();
        Ok(Self { peers, destinations, routing: Routing::Many(Box::new(many)), upkeep })
    }

    /// Returns whether packets are routed to one of many peers.
    #[inline]
    pub(in crate::relay) fn is_many(&self) -> bool {
        matches!(self.routing, Routing::Many(_))
    }

    #[cfg(test)]
    pub(super) fn peers(&self) -> &[Arc<Peer>] {
        &self.peers
    }

    /// Returns what is known of each peer, by index.
    pub(super) fn stats(&self, now: Instant) -> Vec<PeerStats> {
        let now = self.upkeep.timers.millis(now);
        let stats = |peer: &Arc<Peer>| PeerStats {
            endpoint: peer.endpoint(),
            path_mtu: peer.path_mtu(),
            traffic: self.is_many().then(|| peer.traffic(now)),
        };
        self.peers.iter().map(stats).collect()
    }

    /// Returns the clock's time if packets are routed to one of many peers: of a single one the relay's own
    /// counters say everything, and [`PeerTable::count_received`] is not to be called.
    #[inline]
    pub(in crate::relay) fn counting_time(&self) -> Option<u64> {
        self.is_many().then(|| self.upkeep.timers.millis(Instant::now()))
    }

    /// Counts a message from a peer, received at `now`.
    pub(in crate::relay) fn count_received(
        &self,
        peer: PeerIndex,
        (datagrams, bytes): (u64, u64),
        now: u64,
    ) {
        if let Some(peer) = self.peers.get(peer.0 as usize) {
            peer.count_received(datagrams, bytes, now);
        }
    }

    /// Counts messages that were sent.
    pub(in crate::relay) fn count_sent(&self, messages: &[Sent]) {
        for message in messages {
            if let Some(peer) = self.peers.get(message.to as usize) {
                peer.count_sent(message.datagrams, message.bytes);
            }
        }
    }

    /// Notes what the network reported of datagrams sent earlier.
    pub(in crate::relay) fn note_errors(&self, reports: &[ErrorReport]) {
        for report in reports {
            if ErrorKind::of(report).is_none() {
                continue;
            }
            let peer = self.of_source(report.destination);
            let peer = peer.and_then(|peer| self.peers.get(peer.0 as usize));
            if let (Some(mtu), Some(peer)) = (report.mtu, peer) {
                let Upkeep { timers, path_mtu_lifetime } = &*self.upkeep;
                let deadline = timers.millis(Instant::now() + *path_mtu_lifetime);
                peer.learn_path_mtu(mtu, deadline);
                timers.schedule(deadline);
            }
        }
    }

    /// Does what is due with the peers.
    pub(super) fn expire(&self, now: Instant) {
        let timers = &self.upkeep.timers;
        let now = timers.millis(now);
        if timers.take_due(now) {
            self.peers
                .iter()
                .filter_map(|peer| peer.expire(now))
                .for_each(|at| timers.schedule(at));
        }
    }

    /// Returns where the peers' datagrams go, by index.
    pub(in crate::relay) fn destinations(&self) -> &[SockAddr] {
        &self.destinations
    }

    /// Returns the peer that sends from `source`; `None` if it is not a peer's. The port may differ, since a
    /// plain peer sends from a port of its own; of several peers at one address it chooses.
    #[inline]
    pub(in crate::relay) fn of_source(&self, source: Option<SocketAddr>) -> Option<PeerIndex> {
        match &self.routing {
            Routing::Single { accepted: None } => Some(PeerIndex(0)),
            Routing::Single { accepted: Some(expected) } => {
                is_same_host(*expected, source?).then_some(PeerIndex(0))
            }
            Routing::Many(many) => many.of_source(source?),
        }
    }

    /// Returns the peer that an IP packet goes to; `None` if no peer has its destination.
    #[inline]
    pub(in crate::relay) fn route(&self, packet: &[u8]) -> Option<PeerIndex> {
        match &self.routing {
            Routing::Single { .. } => Some(PeerIndex(0)),
            Routing::Many(many) => many.routes.route(packet),
        }
    }
}

impl Many {
    fn add(&mut self, peer: &PeerConfig, index: PeerIndex) -> Result<()> {
        let endpoint = normalized(peer.endpoint);
        if self.by_endpoint.insert(endpoint, index).is_some() {
            return Err(refuse(
                "add the peer",
                endpoint.to_string(),
                "another peer has this endpoint",
            ));
        }
        // The first of several at one address gets datagrams from further ports.
        self.by_address.entry(Host::of(endpoint)).or_insert(index);
        for network in &peer.networks {
            if self.routes.insert(*network, index).is_some() {
                let reason = "it is given twice: each network belongs to one peer";
                return Err(refuse("route the network", network.to_string(), reason));
            }
        }
        Ok(())
    }

    fn of_source(&self, source: SocketAddr) -> Option<PeerIndex> {
        let host = Host::of(source);
        let exact = self.by_endpoint.get(&normalized(source));
        let found = exact.or_else(|| self.by_address.get(&host));
        // A link-local peer that was given without its interface.
        found.or_else(|| self.by_address.get(&Host { scope_id: 0, ..host })).copied()
    }
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

/// The address without the flow label, which is not part of a host's or socket's identity.
fn normalized(mut address: SocketAddr) -> SocketAddr {
    if let SocketAddr::V6(address) = &mut address {
        address.set_flowinfo(0);
    }
    address
}

/// Returns whether `source` is an address of the host that `expected` names.
fn is_same_host(expected: SocketAddr, source: SocketAddr) -> bool {
    match (expected, source) {
        (SocketAddr::V4(expected), SocketAddr::V4(source)) => expected.ip() == source.ip(),
        (SocketAddr::V6(expected), SocketAddr::V6(source)) => {
            // A link-local address names a host only together with its interface.
            let is_same_link = expected.scope_id() == 0 || expected.scope_id() == source.scope_id();
            expected.ip() == source.ip() && is_same_link
        }
        _ => false,
    }
}

fn refuse(operation: &'static str, subject: String, reason: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, operation, subject, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::Sample;
    use crate::sys::socket::ErrorOrigin;
    use proptest::prelude::*;

    fn address(text: &str) -> Option<SocketAddr> {
        Some(text.parse().unwrap())
    }

    fn upkeep() -> Arc<Upkeep> {
        Arc::new(Upkeep::new(Duration::from_secs(600)))
    }

    fn accepts(table: &PeerTable, source: Option<SocketAddr>) -> bool {
        table.of_source(source).is_some()
    }

    fn peer(endpoint: &str, networks: &[&str]) -> PeerConfig {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        PeerConfig { endpoint: endpoint.parse().unwrap(), networks }
    }

    #[test]
    fn the_peer_is_known_by_its_address_whatever_its_port() {
        let table = PeerTable::single(Accept::Peer, "192.0.2.1:5".parse().unwrap(), upkeep());
        assert!(accepts(&table, address("192.0.2.1:6")));
        assert!(!accepts(&table, address("192.0.2.2:5")));
        assert!(!accepts(&table, address("[::ffff:192.0.2.1]:5")));
        assert!(!accepts(&table, None));
    }

    #[test]
    fn a_link_local_peer_is_known_by_its_link_too() {
        let table = PeerTable::single(Accept::Peer, "[fe80::1%3]:5".parse().unwrap(), upkeep());
        assert!(accepts(&table, address("[fe80::1%3]:6")));
        assert!(!accepts(&table, address("[fe80::1%4]:5")));
    }

    #[test]
    fn any_source_is_accepted_when_asked_for() {
        let table = PeerTable::single(Accept::Any, "192.0.2.1:5".parse().unwrap(), upkeep());
        assert!(accepts(&table, address("198.51.100.7:1")));
        assert!(accepts(&table, None));
    }

    #[test]
    fn a_single_peer_gets_everything() {
        let table = PeerTable::single(Accept::Peer, "192.0.2.1:5".parse().unwrap(), upkeep());
        for packet in [&[][..], b"\x45", b"\x60", &[0xff; 60]] {
            assert_eq!(table.route(packet), Some(PeerIndex(0)), "{packet:?}");
        }
    }

    #[test]
    fn of_many_the_destination_of_the_packet_chooses() {
        let peers = [
            peer("192.0.2.1:5", &["10.0.0.0/8", "2001:db8::/32"]),
            peer("192.0.2.2:5", &["10.9.0.0/16", "2001:db8::2/128"]),
        ];
        let table = PeerTable::many(&peers, &[], upkeep()).unwrap();
        for is_v6 in [false, true] {
            let packet = Sample { is_v6, ..Sample::tcp(1, b"x") }.bytes();
            let to = |text: &str| {
                let mut packet = packet.clone();
                match text.parse().unwrap() {
                    IpAddr::V4(address) => packet[16..20].copy_from_slice(&address.octets()),
                    IpAddr::V6(address) => packet[24..40].copy_from_slice(&address.octets()),
                }
                table.route(&packet).map(|peer| peer.0)
            };
            let found = match is_v6 {
                false => [to("10.1.2.3"), to("10.9.2.3"), to("11.0.0.1")],
                true => [to("2001:db8::1"), to("2001:db8::2"), to("2001:db9::1")],
            };
            assert_eq!(found, [Some(0), Some(1), None]);
        }
        for packet in [&[][..], b"\x45", &[0x45; 19], &[0x60; 39], &[0x50; 60]] {
            assert_eq!(table.route(packet), None, "{packet:?}");
        }
    }

    #[test]
    fn what_belongs_to_two_peers_is_refused() {
        let refused =
            |peers: &[PeerConfig]| PeerTable::many(peers, &[], upkeep()).unwrap_err().to_string();
        let twice = [peer("192.0.2.1:5", &[]), peer("192.0.2.1:5", &[])];
        assert!(refused(&twice).contains("192.0.2.1:5"), "{}", refused(&twice));
        let shared = [peer("192.0.2.1:5", &["10.0.0.1/8"]), peer("192.0.2.2:5", &["10.0.0.2/8"])];
        assert!(refused(&shared).contains("10.0.0.2/8"), "{}", refused(&shared));
    }

    #[test]
    fn a_reported_path_mtu_belongs_to_the_peer_it_is_about_and_ages() {
        let peers = [peer("192.0.2.1:5", &[]), peer("192.0.2.2:5", &[])];
        let table = PeerTable::many(&peers, &[], upkeep()).unwrap();
        let report = |origin, destination: &str, mtu| ErrorReport {
            errno: libc::EMSGSIZE,
            origin,
            destination: address(destination),
            mtu,
        };
        let mtus = || table.stats(Instant::now()).iter().map(|s| s.path_mtu).collect::<Vec<_>>();
        table.note_errors(&[
            report(ErrorOrigin::Local, "192.0.2.1:5", Some(1_000)),
            report(ErrorOrigin::Network, "192.0.2.9:5", Some(1_100)),
            report(ErrorOrigin::Network, "192.0.2.1:5", None),
        ]);
        assert_eq!((mtus(), table.upkeep.timers.time_left()), (vec![None, None], None));
        table.note_errors(&[report(ErrorOrigin::Network, "192.0.2.2:5", Some(1_300))]);
        assert_eq!(mtus(), [None, Some(1_300)]);
        // It is carried over, and so is the deadline.
        let table = table.successor(&peers[1..]).unwrap();
        let mtus = || table.stats(Instant::now()).iter().map(|s| s.path_mtu).collect::<Vec<_>>();
        assert_eq!(mtus(), [Some(1_300)]);
        let left = table.upkeep.timers.time_left().unwrap();
        assert!(left > Duration::from_secs(590) && left <= Duration::from_secs(600), "{left:?}");
        table.expire(Instant::now() + Duration::from_secs(590));
        assert_eq!(mtus(), [Some(1_300)]);
        table.expire(Instant::now() + Duration::from_secs(601));
        assert_eq!((mtus(), table.upkeep.timers.time_left()), (vec![None], None));
    }

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

    /// The linear scan: the peer with that endpoint, otherwise the first at that address, otherwise the
    /// first that was given with the address but without an interface.
    fn scan(peers: &[PeerConfig], source: SocketAddr) -> Option<u32> {
        let exact = peers.iter().position(|peer| peer.endpoint == source);
        let strict = |peer: &PeerConfig| {
            is_same_host(peer.endpoint, source) && is_same_host(source, peer.endpoint)
        };
        let at_address = || peers.iter().position(strict);
        let without_scope = || {
            peers.iter().position(|peer| {
                is_same_host(peer.endpoint, source) && Host::of(peer.endpoint).scope_id == 0
            })
        };
        exact.or_else(at_address).or_else(without_scope).map(|number| number as u32)
    }

    proptest! {
        #[test]
        fn sources_are_found_as_by_a_scan(
            endpoints in prop::collection::hash_set(endpoint(), 1..8),
            sources in prop::collection::vec(endpoint(), 1..20),
        ) {
            let peers: Vec<PeerConfig> = endpoints
                .into_iter()
                .map(|endpoint| PeerConfig { endpoint, networks: Vec::new() })
                .collect();
            let table = PeerTable::many(&peers, &[], upkeep()).unwrap();
            for source in sources {
                let found = table.of_source(Some(source)).map(|peer| peer.0);
                prop_assert_eq!(found, scan(&peers, source), "{} among {:?}", source, peers);
            }
            prop_assert_eq!(table.of_source(None), None);
        }
    }
}
