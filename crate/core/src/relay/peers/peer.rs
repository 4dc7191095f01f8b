//! One peer: its endpoint, its counters, and the MTU of the path to it.

use super::liveness::Liveness;
use super::path_mtu::{PathMtu, PathState};
use super::ports::Ports;
use super::settings::{PeerSettings, is_at};
use super::sources::is_same_host;
use crate::relay::setup::inner_mtu;
use crate::sys::socket::ErrorReport;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A peer. It outlives the tables that contain it, and all queues share it. A peer with another endpoint or other
/// settings is a new object, which shares the counters. Times are milliseconds of the clock of the relay's timers.
#[derive(Debug)]
pub(in crate::relay) struct Peer {
    settings: PeerSettings,
    endpoint: SocketAddr,
    path: Arc<PathState>,
    /// The local address that its last datagram was sent to. It is read when it changes, not per packet.
    local: Arc<Mutex<Option<IpAddr>>>,
    counters: Arc<PeerCounters>,
}

/// The counters of a peer. They stay the same if its endpoint changes.
#[derive(Debug, Default)]
pub(super) struct PeerCounters {
    sent: Traffic,
    received: Traffic,
    /// Packets from the peer whose source is not in its prefixes.
    foreign_prefix: AtomicU64,
    /// Time of the last datagram from the peer, plus one; 0: there was none.
    last_heard: AtomicU64,
    ports: Ports,
    liveness: Liveness,
}

/// Datagrams of one direction. Each message is counted at once, since several queues add to the same counters.
#[derive(Debug, Default)]
struct Traffic {
    datagrams: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
}

/// The state of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStats {
    /// The name of the configuration; `None`: it has none.
    pub name: Option<String>,
    /// The address that its datagrams are sent to.
    pub endpoint: SocketAddr,
    /// MTU of the path to the peer, and where it is known from. `None`: the peer is on this machine, or there was no
    /// route to it when the relay started, and no recent report.
    pub path_mtu: Option<PathMtu>,
    /// Whether the peer is up. `None`: it has no keepalive, or none of its datagrams arrived and three intervals have not passed.
    pub is_up: Option<bool>,
    /// Datagrams exchanged with the peer. `None` for a single peer without keepalive, whose datagrams the relay's own
    /// counters count.
    pub traffic: Option<PeerTraffic>,
}

/// Datagrams exchanged with a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerTraffic {
    /// Datagrams to the peer that the kernel accepted for sending.
    pub datagrams_sent: u64,
    /// Bytes of payload in them.
    pub bytes_sent: u64,
    /// Packets to the peer that were dropped, for any cause.
    pub outbound_dropped: u64,
    /// Datagrams from the peer, including dropped ones.
    pub datagrams_received: u64,
    /// Bytes of payload in them.
    pub bytes_received: u64,
    /// Datagrams from the peer that were dropped for any cause, except packets that the interface refused: these are not
    /// counted for a peer.
    pub inbound_dropped: u64,
    /// Packets from the peer whose source is not in its prefixes. `inbound_dropped` includes them.
    pub foreign_prefix: u64,
    /// Time since the last datagram received. `None`: there was none.
    pub silent_for: Option<Duration>,
}

impl Peer {
    pub(super) fn new(settings: PeerSettings) -> Self {
        Self {
            endpoint: settings.first(),
            settings,
            path: Arc::default(),
            local: Arc::default(),
            counters: Arc::default(),
        }
    }

    /// Returns the same peer with another endpoint. If that has another address, the path to it is unknown; if only the
    /// interface of the address is another one, the path has the MTU of the start.
    pub(super) fn at(&self, settings: PeerSettings, endpoint: SocketAddr) -> Self {
        let peer = Self { endpoint, counters: Arc::clone(&self.counters), ..Self::new(settings) };
        if is_same_host(self.endpoint, endpoint) && is_same_host(endpoint, self.endpoint) {
            let (path, local) = (Arc::clone(&self.path), Arc::clone(&self.local));
            return Self { path, local, ..peer };
        }
        if self.endpoint.ip() == endpoint.ip() {
            peer.path.set_start(self.path.start());
        }
        peer
    }

    /// Returns the peer with these settings: the same one if they have not changed. Datagrams go on to an endpoint that
    /// was chosen at run time if the settings still permit it.
    pub(super) fn configured(self: &Arc<Self>, settings: PeerSettings) -> Arc<Self> {
        if self.settings == settings {
            return Arc::clone(self);
        }
        let keeps = self.settings.first() == settings.first() && settings.permits(self.endpoint);
        let endpoint = if keeps { self.endpoint } else { settings.first() };
        if endpoint != self.endpoint {
            self.ports().reset();
        }
        if endpoint != self.endpoint || settings.keepalive != self.settings.keepalive {
            self.counters.liveness.reset();
        }
        Arc::new(self.at(settings, endpoint))
    }

    /// Returns what identifies the peer, with whichever endpoints and settings, as long as it exists.
    pub(super) fn identity(&self) -> *const PeerCounters {
        Arc::as_ptr(&self.counters)
    }

    /// Returns the same peer at an endpoint that was chosen at run time.
    pub(super) fn moved_to(&self, endpoint: SocketAddr) -> Self {
        self.ports().restart();
        self.at(self.settings.clone(), endpoint)
    }

    pub(super) fn settings(&self) -> &PeerSettings {
        &self.settings
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.settings.name.as_deref()
    }

    /// Returns the address that its datagrams are sent to.
    pub(in crate::relay) fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    /// Returns the endpoints that its datagrams may come from. Some may be repeated.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = SocketAddr> {
        self.settings.endpoints.iter().copied().chain([self.endpoint])
    }

    /// Returns the local address that its last datagram was sent to.
    pub(super) fn local(&self) -> Option<IpAddr> {
        *self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the local address by the one that `change` returns. Returns whether it changed.
    pub(super) fn update_local(
        &self,
        change: impl FnOnce(Option<IpAddr>) -> Option<IpAddr>,
    ) -> bool {
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *local;
        *local = change(before);
        *local != before
    }

    pub(super) fn count_sent(&self, datagrams: u64, bytes: u64) {
        self.counters.sent.add(datagrams, bytes);
    }

    pub(super) fn count_received(&self, datagrams: u64, bytes: u64, now: u64) {
        self.counters.received.add(datagrams, bytes);
        self.counters.last_heard.store(now + 1, Ordering::Relaxed);
    }

    /// Counts packets to the peer that were dropped.
    pub(super) fn count_outbound_drops(&self, packets: u64) {
        self.counters.sent.dropped.fetch_add(packets, Ordering::Relaxed);
    }

    /// Counts datagrams from the peer that were dropped, `foreign_prefix` of them for their source.
    pub(super) fn count_inbound_drops(&self, datagrams: u64, foreign_prefix: u64) {
        self.counters.received.dropped.fetch_add(datagrams, Ordering::Relaxed);
        self.counters.foreign_prefix.fetch_add(foreign_prefix, Ordering::Relaxed);
    }

    /// Returns the counters.
    pub(super) fn counters(&self) -> &Arc<PeerCounters> {
        &self.counters
    }

    /// Returns the state of the path to the peer.
    pub(super) fn path(&self) -> &PathState {
        &self.path
    }

    /// Records the MTU that an error report states, bytes ([`PathState::learn`]).
    pub(super) fn learn_path_mtu(&self, mtu: u32, report: &ErrorReport, deadline: u64) -> bool {
        self.path.learn(mtu, report, self.endpoint, deadline)
    }

    /// Returns the MTU that was reported for the path, with its source.
    pub(super) fn reported_mtu(&self) -> Option<PathMtu> {
        self.path.reported(self.endpoint)
    }

    pub(super) fn forget_path_mtu(&self) {
        self.path.forget();
    }

    /// Returns the MTU of the path, with its source; `None` if it is unknown.
    pub(super) fn path_mtu(&self) -> Option<PathMtu> {
        self.path.current(self.endpoint)
    }

    /// Returns the longest packet that the path carries, bytes; `None` if no limit was reported.
    #[inline]
    pub(super) fn inner_mtu(&self) -> Option<u32> {
        self.path.learned().map(|mtu| inner_mtu(mtu, self.endpoint))
    }

    pub(super) fn traffic(&self, now: u64) -> PeerTraffic {
        let last_heard = self.counters.last_heard.load(Ordering::Relaxed).checked_sub(1);
        let silent_for = last_heard.map(|at| Duration::from_millis(now.saturating_sub(at)));
        PeerTraffic { silent_for, ..self.counters.counts() }
    }
}

impl PeerCounters {
    /// Returns the counts, without the time.
    pub(super) fn counts(&self) -> PeerTraffic {
        let Self { sent, received, foreign_prefix, .. } = self;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PeerTraffic {
            datagrams_sent: read(&sent.datagrams),
            bytes_sent: read(&sent.bytes),
            outbound_dropped: read(&sent.dropped),
            datagrams_received: read(&received.datagrams),
            bytes_received: read(&received.bytes),
            inbound_dropped: read(&received.dropped),
            foreign_prefix: read(foreign_prefix),
            silent_for: None,
        }
    }
}

impl Traffic {
    fn add(&self, datagrams: u64, bytes: u64) {
        self.datagrams.fetch_add(datagrams, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

mod endpoint;
mod handover;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_add_up_and_the_last_one_is_remembered() {
        let peer = Peer::new(PeerSettings::at("192.0.2.1:5".parse().unwrap()));
        assert_eq!(peer.traffic(7).silent_for, None);
        peer.count_sent(3, 300);
        peer.count_sent(1, 50);
        peer.count_received(2, 20, 0);
        assert_eq!(peer.traffic(7).silent_for, Some(Duration::from_millis(7)));
        peer.count_received(1, 0, 200);
        peer.count_outbound_drops(2);
        peer.count_inbound_drops(3, 1);
        let traffic = peer.traffic(1_200);
        assert_eq!((traffic.datagrams_sent, traffic.bytes_sent), (4, 350));
        assert_eq!((traffic.datagrams_received, traffic.bytes_received), (3, 20));
        assert_eq!((traffic.outbound_dropped, traffic.inbound_dropped), (2, 3));
        assert_eq!(traffic.foreign_prefix, 1);
        assert_eq!(traffic.silent_for, Some(Duration::from_secs(1)));
    }
}
