//! The table in use, which may be replaced while the queues run.

use super::changes::PeerChange;
use super::check::check_endpoint;
use super::path_mtu::PathMtu;
use super::peer::PeerStats;
use super::removed::Removed;
use super::table::{Expired, PeerIndex, PeerTable};
use super::timers::Timers;
use super::totals::{PeerTotals, of_no_peer};
use super::upkeep::Upkeep;
use super::view::PeerView;
use super::zone::Zones;
use crate::error::{Error, ErrorCode, Result};
use crate::relay::config::{PeerConfig, RelayConfig};
use crate::relay::stats::Stats;
use crate::sys::poll::WakeUp;
use crate::udp::{PathMtuDiscovery, canonical, is_loopback};
use arc_swap::ArcSwap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Keepalives that are due.
#[derive(Debug)]
pub(in crate::relay) struct DueKeepalives {
    /// The table of the peers.
    pub(in crate::relay) table: Arc<PeerTable>,
    pub(in crate::relay) peers: Vec<PeerIndex>,
}

/// The peers of a relay, shared by its queues and its owner.
#[derive(Debug)]
pub(in crate::relay) struct Peers {
    current: Arc<ArcSwap<PeerTable>>,
    /// The families of the sockets.
    has_ipv4: AtomicBool,
    has_ipv6: AtomicBool,
    /// Whether the relay is set up for loopback, because all peers had such addresses at the start.
    is_on_loopback: bool,
    upkeep: Arc<Upkeep>,
    removed: Mutex<Removed>,
}

impl Peers {
    /// Creates the peers that the configuration describes, and completes the configuration: mapped addresses become
    /// IPv4 addresses, and a link-local peer gets the index of its interface. Returns `InvalidArgument` if the
    /// configuration is contradictory, `NotFound` if there is no such interface.
    pub(in crate::relay) fn new(config: &mut RelayConfig) -> Result<Self> {
        Self::with_timers(config, Timers::new())
    }

    /// As [`Peers::new`], for a relay that continues another one.
    pub(in crate::relay) fn continued(config: &mut RelayConfig) -> Result<Self> {
        Self::with_timers(config, Timers::with_past())
    }

    fn with_timers(config: &mut RelayConfig, timers: Timers) -> Result<Self> {
        config.canonicalize();
        let zones = Zones::resolve(config)?;
        let follows_path_mtu = config.path_mtu == PathMtuDiscovery::Discover;
        let lifetime = config.path_mtu_lifetime;
        let upkeep = Upkeep::new(lifetime, follows_path_mtu, zones, config.wire());
        let upkeep = Arc::new(upkeep.with_timers(timers));
        let table = PeerTable::new(config, Arc::clone(&upkeep))?;
        Ok(Self {
            upkeep,
            current: Arc::new(ArcSwap::from_pointee(table)),
            has_ipv4: AtomicBool::new(config.endpoints().any(|peer| peer.is_ipv4())),
            has_ipv6: AtomicBool::new(config.endpoints().any(|peer| peer.is_ipv6())),
            is_on_loopback: config.endpoints().all(|peer| is_loopback(peer.ip())),
            removed: Mutex::default(),
        })
    }

    /// Records the address families of the sockets, and the number of source ports.
    pub(in crate::relay) fn set_sockets(
        &self,
        has_ipv4: bool,
        has_ipv6: bool,
        source_ports: usize,
    ) {
        self.has_ipv4.store(has_ipv4, Ordering::Relaxed);
        self.has_ipv6.store(has_ipv6, Ordering::Relaxed);
        self.upkeep.set_one_source_port(source_ports == 1);
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
        self.install(table);
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
        self.install(table);
        *zones = followed;
        Ok(())
    }

    /// Uses a table from now on. Its first keepalives are due now.
    fn install(&self, table: PeerTable) {
        let has_keepalive = table.has_keepalive();
        self.current.store(Arc::new(table));
        if has_keepalive {
            self.upkeep.expire_now();
        }
    }

    /// Begins with the deadlines of the peers. `wake_up` wakes the queues.
    pub(in crate::relay) fn start(&self, wake_up: &Arc<WakeUp>) {
        self.upkeep.set_wake_up(wake_up);
        if self.current.load().has_keepalive() {
            self.upkeep.expire_now();
        }
    }

    /// Refuses an endpoint that the sockets cannot reach.
    fn check_socket(&self, endpoint: SocketAddr) -> Result<()> {
        let has_family = if endpoint.is_ipv4() { &self.has_ipv4 } else { &self.has_ipv6 };
        let reason = if !has_family.load(Ordering::Relaxed) {
            "the relay has no socket of its address family"
        } else if self.is_on_loopback && !is_loopback(endpoint.ip()) {
            "the relay was started for peers on loopback only, so it is set up for loopback"
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

    /// Returns the number of datagrams sent to a peer; `None` if datagrams are not counted per peer.
    pub(in crate::relay) fn sent_to(&self, endpoint: SocketAddr) -> Option<u64> {
        let table = self.current.load();
        let peer = table.peers().iter().find(|peer| peer.endpoint() == endpoint)?;
        table.counts_traffic().then(|| peer.traffic(0).datagrams_sent)
    }

    /// Returns the state of each peer, by index.
    pub(in crate::relay) fn stats(&self) -> Vec<PeerStats> {
        let within = |path: PathMtu| path.within(self.upkeep.wire);
        let stats = self.current.load().stats(Instant::now()).into_iter();
        stats.map(|peer| PeerStats { path_mtu: peer.path_mtu.map(within), ..peer }).collect()
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

    /// Handles deadlines that have passed, and returns the keepalives that the caller sends. If no deadline is scheduled,
    /// this costs one relaxed load.
    #[inline]
    pub(in crate::relay) fn expire(&self) -> Option<DueKeepalives> {
        if self.time_left() == Some(Duration::ZERO) { self.handle_deadlines() } else { None }
    }

    #[cold]
    fn handle_deadlines(&self) -> Option<DueKeepalives> {
        let table = self.current.load_full();
        let Expired { keepalives, moves } = table.expire(Instant::now());
        for (peer, endpoint) in moves {
            table.move_peer(&self.current, &peer, endpoint);
        }
        (!keepalives.is_empty()).then_some(DueKeepalives { table, peers: keepalives })
    }

    /// Returns the changes of peers since the last call.
    #[inline]
    pub(in crate::relay) fn take_changes(&self) -> Vec<PeerChange> {
        self.upkeep
            .changes
            .take()
            .into_iter()
            .map(|change| change.within(self.upkeep.wire))
            .collect()
    }

    /// Creates a view of the table for one direction of a queue.
    pub(in crate::relay) fn view(&self) -> PeerView {
        PeerView::new(Arc::clone(&self.current))
    }
}

fn refuse(operation: &'static str, subject: String, reason: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, operation, subject, reason)
}

mod handover;
#[cfg(test)]
mod tests;
