//! The table in use, which may be replaced while the queues run.

use super::changes::PathMtuChange;
use super::peer::PeerStats;
use super::table::PeerTable;
use super::upkeep::Upkeep;
use super::view::PeerView;
use super::zone::Zones;
use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::{PeerConfig, RelayConfig};
use crate::udp::PathMtuDiscovery;
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The peers of a relay, shared by its queues and its owner.
#[derive(Debug)]
pub(in crate::relay) struct Peers {
    current: Arc<ArcSwap<PeerTable>>,
    has_ipv4: bool,
    has_ipv6: bool,
    upkeep: Arc<Upkeep>,
    /// The interfaces of link-local peers. Locked while a table is replaced, since the new table keeps peers of the
    /// old one.
    zones: Mutex<Zones>,
}

impl Peers {
    /// Creates the peers that the configuration describes, and completes the configuration: mapped addresses become
    /// IPv4 addresses, and a link-local peer gets the index of its interface. Returns `InvalidArgument` if the
    /// configuration is contradictory, `NotFound` if there is no such interface.
    pub(in crate::relay) fn new(config: &mut RelayConfig) -> Result<Self> {
        config.canonicalize();
        let zones = Zones::resolve(config)?;
        let follows_path_mtu = config.path_mtu == PathMtuDiscovery::Discover;
        let upkeep = Arc::new(Upkeep::new(config.path_mtu_lifetime, follows_path_mtu));
        let table = PeerTable::new(config, Arc::clone(&upkeep))?;
        Ok(Self {
            upkeep,
            current: Arc::new(ArcSwap::from_pointee(table)),
            has_ipv4: config.endpoints().any(|peer| peer.is_ipv4()),
            has_ipv6: config.endpoints().any(|peer| peer.is_ipv6()),
            zones: Mutex::new(zones),
        })
    }

    /// Replaces the peers. A peer whose endpoint does not change keeps its counters and its path MTU. Packets that
    /// were already read are sent to the peers that the old table chose.
    pub(in crate::relay) fn replace(&self, peers: &[PeerConfig]) -> Result<()> {
        let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current.load();
        if !before.is_many() {
            let reason = "the relay was started for a single peer, which gets every packet";
            return Err(refuse(String::new(), reason));
        }
        let is_foreign = |peer: &&PeerConfig| match peer.endpoint {
            SocketAddr::V4(_) => !self.has_ipv4,
            SocketAddr::V6(_) => !self.has_ipv6,
        };
        let mut peers: Vec<PeerConfig> = peers.iter().map(PeerConfig::canonical).collect();
        if let Some(peer) = peers.iter().find(is_foreign) {
            let reason = "the relay has no socket of its address family";
            return Err(refuse(peer.endpoint.to_string(), reason));
        }
        let followed = zones.of_peers(&mut peers)?;
        let table = before.successor(&peers)?;
        self.current.store(Arc::new(table));
        *zones = followed;
        Ok(())
    }

    /// Checks whether the interfaces of link-local peers have new indices in the namespace of `socket`, and uses the
    /// new indices from then on. The caller calls it when a peer cannot be reached, or sends from another interface.
    pub(in crate::relay) fn follow_zones(&self, socket: BorrowedFd<'_>) {
        let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// Returns the changes of path MTUs since the last call.
    #[inline]
    pub(in crate::relay) fn take_path_mtu_changes(&self) -> Vec<PathMtuChange> {
        self.upkeep.changes.take()
    }

    /// Creates a view of the table for one direction of a queue.
    pub(in crate::relay) fn view(&self) -> PeerView {
        PeerView::new(Arc::clone(&self.current))
    }
}

fn refuse(subject: String, reason: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, "replace the peers", subject, reason)
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
