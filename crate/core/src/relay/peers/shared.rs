//! The table in use, which may be replaced while the queues run.

use super::changes::PeerChange;
use super::check::check_endpoint;
use super::peer::PeerStats;
use super::removed::Removed;
use super::table::PeerTable;
use super::totals::{PeerTotals, of_no_peer};
use super::upkeep::Upkeep;
use super::view::PeerView;
use super::zone::Zones;
use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::{PeerConfig, RelayConfig};
use crate::relay::stats::Stats;
use crate::udp::{PathMtuDiscovery, canonical, is_loopback};
use arc_swap::ArcSwap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The peers of a relay, shared by its queues and its owner.
#[derive(Debug)]
pub(in crate::relay) struct Peers {
    current: Arc<ArcSwap<PeerTable>>,
    /// The families of the sockets.
    has_ipv4: AtomicBool,
    has_ipv6: AtomicBool,
    /// Whether the sockets have loopback addresses, because all peers had such addresses at the start.
    is_on_loopback: bool,
    upkeep: Arc<Upkeep>,
    removed: Mutex<Removed>,
}

impl Peers {
    /// Creates the peers that the configuration describes, and completes the configuration: mapped addresses become
    /// IPv4 addresses, and a link-local peer gets the index of its interface. Returns `InvalidArgument` if the
    /// configuration is contradictory, `NotFound` if there is no such interface.
    pub(in crate::relay) fn new(config: &mut RelayConfig) -> Result<Self> {
        config.canonicalize();
        let zones = Zones::resolve(config)?;
        let follows_path_mtu = config.path_mtu == PathMtuDiscovery::Discover;
        let upkeep = Arc::new(Upkeep::new(config.path_mtu_lifetime, follows_path_mtu, zones));
        let table = PeerTable::new(config, Arc::clone(&upkeep))?;
        Ok(Self {
            upkeep,
            current: Arc::new(ArcSwap::from_pointee(table)),
            has_ipv4: AtomicBool::new(config.endpoints().any(|peer| peer.is_ipv4())),
            has_ipv6: AtomicBool::new(config.endpoints().any(|peer| peer.is_ipv6())),
            is_on_loopback: config.listen.is_none()
                && config.endpoints().all(|peer| is_loopback(peer.ip())),
            removed: Mutex::default(),
        })
    }

    /// Records the address families of the sockets.
    pub(in crate::relay) fn set_families(&self, has_ipv4: bool, has_ipv6: bool) {
        self.has_ipv4.store(has_ipv4, Ordering::Relaxed);
        self.has_ipv6.store(has_ipv6, Ordering::Relaxed);
    }

    /// Replaces the peers. A peer with the name of a known one, otherwise with its endpoint, keeps its counters, and its
    /// path MTU if its address does not change. Packets that were already read are sent to the peers that the old table
    /// chose.
    pub(in crate::relay) fn replace(&self, peers: &[PeerConfig]) -> Result<()> {
        let mut zones = self.upkeep.lock_table();
        let before = self.current.load();
        if !before.is_many() {
            let reason = "the relay was started for a single peer, which gets every packet";
            return Err(refuse("replace the peers", String::new(), reason));
        }
        let mut peers: Vec<PeerConfig> = peers.iter().map(PeerConfig::canonical).collect();
        peers
            .iter()
            .flat_map(PeerConfig::endpoints)
            .try_for_each(|peer| self.check_socket(peer))?;
        let followed = zones.of_peers(&mut peers)?;
        let table = before.successor(&peers)?;
        self.removed().add(before.peers(), table.peers());
        self.current.store(Arc::new(table));
        *zones = followed;
        Ok(())
    }

    /// Replaces the endpoint of a single peer.
    pub(in crate::relay) fn set_endpoint(&self, endpoint: SocketAddr) -> Result<()> {
        let mut endpoint = canonical(endpoint);
        check_endpoint(endpoint)?;
        self.check_socket(endpoint)?;
        let mut zones = self.upkeep.lock_table();
        let followed = zones.of_single(&mut endpoint)?;
        let Some(table) = self.current.load().with_endpoint(endpoint) else {
            let reason = "the relay was started for several peers: replace them instead";
            return Err(refuse("replace the endpoint", endpoint.to_string(), reason));
        };
        self.current.store(Arc::new(table));
        *zones = followed;
        Ok(())
    }

    /// Refuses an endpoint that the sockets cannot reach.
    fn check_socket(&self, endpoint: SocketAddr) -> Result<()> {
        let has_family = if endpoint.is_ipv4() { &self.has_ipv4 } else { &self.has_ipv6 };
        let reason = if !has_family.load(Ordering::Relaxed) {
            "the relay has no socket of its address family"
        } else if self.is_on_loopback && !is_loopback(endpoint.ip()) {
            "the relay was started for peers on loopback, so its sockets have loopback addresses"
        } else {
            return Ok(());
        };
        Err(refuse("send to", endpoint.to_string(), reason))
    }

    /// Checks whether the interfaces of link-local peers have new indices in the namespace of `socket`, and uses the
    /// new indices from then on. The caller calls it when a peer cannot be reached, or sends from another interface.
    pub(in crate::relay) fn follow_zones(&self, socket: BorrowedFd<'_>) {
        let mut zones = self.upkeep.lock_table();
        let moves = zones.take_moves(socket, self.upkeep.timers.millis(Instant::now()));
        if let Some(table) = self.current.load().moved(&moves) {
            self.current.store(Arc::new(table));
        }
    }

    /// Records the MTUs of the routes to peers when the relay started, bytes.
    pub(in crate::relay) fn set_start_mtus(&self, mtus: &[(SocketAddr, u32)]) {
        let table = self.current.load();
        mtus.iter().for_each(|(endpoint, mtu)| table.set_start_mtu(*endpoint, *mtu));
    }

    /// Forgets the MTU of the path to a peer.
    pub(in crate::relay) fn forget_path_mtu(&self, endpoint: SocketAddr) {
        self.current.load().forget_path_mtu(endpoint);
    }

    /// Returns whether a peer has this address.
    pub(in crate::relay) fn has_address(&self, address: IpAddr) -> bool {
        self.current.load().has_address(address)
    }

    /// Returns the endpoint of a single peer; `None` if there are several.
    pub(in crate::relay) fn single_endpoint(&self) -> Option<SocketAddr> {
        let table = self.current.load();
        table.peers().first().filter(|_| !table.is_many()).map(|peer| peer.endpoint())
    }

    /// Returns whether `destination` is the endpoint of a peer.
    pub(in crate::relay) fn has_endpoint(&self, destination: SocketAddr) -> bool {
        self.current.load().has_endpoint(destination)
    }

    /// Returns the number of datagrams sent to one of many peers; `None` if packets are not routed to many peers.
    pub(in crate::relay) fn sent_to(&self, endpoint: SocketAddr) -> Option<u64> {
        let stats = self.stats();
        let peer = stats.iter().find(|peer| peer.endpoint == endpoint)?;
        Some(peer.traffic?.datagrams_sent)
    }

    /// Returns the state of each peer, by index.
    pub(in crate::relay) fn stats(&self) -> Vec<PeerStats> {
        self.current.load().stats(Instant::now())
    }

    /// Returns the counts of all peers. `relay` returns the counters of the relay.
    pub(in crate::relay) fn totals(&self, relay: impl FnOnce() -> Stats) -> PeerTotals {
        // The table is not replaced in the meantime.
        let _zones = self.upkeep.lock_table();
        let no_peer = of_no_peer(&relay(), self.current.load().foreign_bytes());
        PeerTotals { peers: self.stats(), removed: self.removed().counts(), no_peer }
    }

    fn removed(&self) -> MutexGuard<'_, Removed> {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time until the next deadline of a peer; `None` if there is none.
    #[inline]
    pub(in crate::relay) fn time_left(&self) -> Option<Duration> {
        self.upkeep.timers.time_left()
    }

    /// Handles deadlines that have passed. If none is scheduled, this costs one relaxed load.
    #[inline]
    pub(in crate::relay) fn expire(&self) {
        if self.time_left() == Some(Duration::ZERO) {
            self.current.load().expire(Instant::now());
        }
    }

    /// Returns the changes of peers since the last call.
    #[inline]
    pub(in crate::relay) fn take_changes(&self) -> Vec<PeerChange> {
        self.upkeep.changes.take()
    }

    /// Creates a view of the table for one direction of a queue.
    pub(in crate::relay) fn view(&self) -> PeerView {
        PeerView::new(Arc::clone(&self.current))
    }
}

fn refuse(operation: &'static str, subject: String, reason: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, operation, subject, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(endpoint: &str) -> PeerConfig {
        PeerConfig::new(endpoint.parse().unwrap(), Vec::new())
    }

    fn peers(endpoints: &[&str]) -> Peers {
        let configs = endpoints.iter().map(|endpoint| peer(endpoint)).collect();
        let address = "10.9.0.1/24".parse().unwrap();
        Peers::new(&mut RelayConfig::with_peers(address, configs, 0).unwrap()).unwrap()
    }

    #[test]
    fn a_view_changes_only_when_it_is_refreshed() {
        let peers = peers(&["192.0.2.1:5"]);
        let mut view = peers.view();
        let count = |view: &PeerView| view.table().destinations().len();
        peers.replace(&[peer("192.0.2.1:5"), peer("192.0.2.2:5")]).unwrap();
        assert_eq!(count(&view), 1);
        view.refresh();
        assert_eq!(count(&view), 2);
        view.refresh();
        assert_eq!(count(&view), 2);
        assert_eq!(count(&peers.view()), 2);
    }

    #[test]
    fn a_peer_whose_endpoint_stays_is_the_same() {
        let peers = peers(&["192.0.2.1:5", "192.0.2.2:5"]);
        let all = || peers.current.load().peers().to_vec();
        let before = all();
        peers.replace(&[peer("192.0.2.3:5"), peer("192.0.2.1:5")]).unwrap();
        let after = all();
        let endpoints: Vec<SocketAddr> = after.iter().map(|peer| peer.endpoint()).collect();
        assert_eq!(endpoints, ["192.0.2.3:5".parse().unwrap(), "192.0.2.1:5".parse().unwrap()]);
        assert!(Arc::ptr_eq(&before[0], &after[1]));
        assert!(before.iter().all(|peer| !Arc::ptr_eq(peer, &after[0])));
    }

    #[test]
    fn a_peer_with_a_name_keeps_its_counts_at_another_endpoint() {
        let peers = peers(&["192.0.2.1:5", "192.0.2.2:5"]);
        let named = |name: &str, endpoint: &str| PeerConfig {
            name: Some(name.to_owned()),
            ..peer(endpoint)
        };
        let state = || {
            let state = |peer: PeerStats| {
                let mtu = peer.path_mtu.map(|mtu| mtu.outside);
                (peer.name.unwrap_or_default(), peer.endpoint.port(), peer.traffic.unwrap(), mtu)
            };
            peers
                .stats()
                .into_iter()
                .map(state)
                .map(|(name, port, traffic, mtu)| (name, port, traffic.datagrams_sent, mtu))
                .collect::<Vec<_>>()
        };
        peers.set_start_mtus(&[("192.0.2.1:5".parse().unwrap(), 1_500)]);
        peers.current.load().peers()[0].count_sent(7, 70);
        // It gets a name, then another port, then another address.
        let other = || named("b", "192.0.2.2:5");
        peers.replace(&[other(), named("a", "192.0.2.1:5")]).unwrap();
        assert_eq!(state(), [("b".into(), 5, 0, None), ("a".into(), 5, 7, Some(1_500))]);
        let kept = Arc::clone(&peers.current.load().peers()[0]);
        peers.replace(&[other(), named("a", "192.0.2.1:6")]).unwrap();
        assert_eq!(state(), [("b".into(), 5, 0, None), ("a".into(), 6, 7, Some(1_500))]);
        peers.replace(&[other(), named("a", "192.0.2.3:6")]).unwrap();
        assert_eq!(state(), [("b".into(), 5, 0, None), ("a".into(), 6, 7, None)]);
        assert!(Arc::ptr_eq(&kept, &peers.current.load().peers()[0]), "the other is not touched");
        // Another name is another peer.
        peers.replace(&[other(), named("c", "192.0.2.3:6")]).unwrap();
        assert_eq!(state()[1], ("c".into(), 6, 0, None));
        let error = peers.replace(&[other(), named("b", "192.0.2.4:5")]).unwrap_err();
        assert!(error.to_string().contains("name"), "{error}");
    }

    #[test]
    fn the_endpoint_of_a_single_peer_is_replaced() {
        let (first, second): (SocketAddr, SocketAddr) =
            ("192.0.2.1:5".parse().unwrap(), "192.0.2.2:6".parse().unwrap());
        let mut config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), first, 0);
        let single = Peers::new(&mut config).unwrap();
        single.set_start_mtus(&[(first, 1_500)]);
        single.set_endpoint("[::ffff:192.0.2.2]:6".parse().unwrap()).unwrap();
        let stats = &single.stats()[0];
        assert_eq!((stats.endpoint, stats.path_mtu), (second, None));
        let table = single.current.load();
        assert!(table.of_source(Some(second)).is_some() && table.of_source(Some(first)).is_none());
        for (refused, reason) in
            [("192.0.2.1:0", "port 0"), ("0.0.0.0:5", "unspecified"), ("[2001:db8::1]:5", "family")]
        {
            let error = single.set_endpoint(refused.parse().unwrap()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
        single.set_families(true, true);
        let error = single.set_endpoint("[fe80::1]:5".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("link-local"), "{error}");
        single.set_endpoint("[2001:db8::1]:5".parse().unwrap()).unwrap();
        assert!(peers(&["192.0.2.1:5"]).set_endpoint(second).is_err(), "of several");
        let mut config = RelayConfig { peer: "127.0.0.1:5".parse().unwrap(), ..config };
        let error = Peers::new(&mut config).unwrap().set_endpoint(second).unwrap_err();
        assert!(error.to_string().contains("loopback"), "{error}");
    }

    #[test]
    fn a_refused_table_changes_nothing() {
        let peers = peers(&["192.0.2.1:5"]);
        let all = || peers.current.load().peers().to_vec();
        let before = all();
        for refused in
            [vec![peer("192.0.2.2:5"), peer("192.0.2.2:5")], vec![peer("[2001:db8::1]:5")]]
        {
            let error = peers.replace(&refused).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
            assert!(Arc::ptr_eq(&before[0], &all()[0]));
        }
        let address = "10.9.0.1/24".parse().unwrap();
        let mut single = RelayConfig::new(address, "192.0.2.1:5".parse().unwrap(), 0);
        assert!(Peers::new(&mut single).unwrap().replace(&[peer("192.0.2.2:5")]).is_err());
    }
}
