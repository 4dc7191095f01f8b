//! The peers as one direction of a queue sees them.

use super::table::{PeerIndex, PeerTable};
use arc_swap::ArcSwap;
use arc_swap::cache::Cache;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The table as one direction of a queue sees it, and a copy of the peers' local addresses. It changes between batches
/// only.
#[derive(Debug)]
pub(in crate::relay) struct PeerView {
    newest: Cache<Arc<ArcSwap<PeerTable>>, Arc<PeerTable>>,
    table: Arc<PeerTable>,
    /// The local address of each peer, by index.
    locals: Vec<Option<IpAddr>>,
    /// The version of `locals`.
    local_version: u32,
}

impl PeerView {
    pub(super) fn new(current: Arc<ArcSwap<PeerTable>>) -> Self {
        let table = current.load_full();
        let local_version = table.local_version().load(Ordering::Acquire);
        let locals = locals(&table);
        Self { newest: Cache::new(current), table, locals, local_version }
    }

    /// Switches to the newest table and local addresses. This is one relaxed load each if they have not changed.
    /// Indices of the old table are invalid afterwards.
    #[inline]
    pub(in crate::relay) fn refresh(&mut self) {
        let newest = self.newest.load();
        let is_new = !Arc::ptr_eq(newest, &self.table);
        if is_new || newest.local_version().load(Ordering::Relaxed) != self.local_version {
            self.table = Arc::clone(newest);
            // Read before the addresses: of two changes, none is missed.
            self.local_version = self.table.local_version().load(Ordering::Acquire);
            self.locals = locals(&self.table);
        }
    }

    /// Returns the table of the last refresh.
    #[inline]
    pub(in crate::relay) fn table(&self) -> &PeerTable {
        &self.table
    }

    /// Returns the local address that a peer sends to, and that its datagrams must therefore come from. `None`: it is
    /// not known, or the socket has only one address.
    #[inline]
    pub(in crate::relay) fn local(&self, peer: PeerIndex) -> Option<IpAddr> {
        *self.locals.get(peer.0 as usize)?
    }

    /// Records the local address that a datagram of a peer from `source` was sent to. A datagram of another host, which
    /// may be accepted too, does not count.
    #[cold]
    pub(in crate::relay) fn learn_local(&self, peer: PeerIndex, source: SocketAddr, local: IpAddr) {
        let Some(peer) = self.table.peers().get(peer.0 as usize) else { return };
        if peer.endpoint().ip() == source.ip() && peer.update_local(|_| Some(local)) {
            self.table.local_version().fetch_add(1, Ordering::Release);
        }
    }

    /// Records an accepted datagram of a peer from `source` at `now`: the peer is up. If the peer's datagrams go to that
    /// endpoint from then on, the table is replaced before the caller passes the packet on, so that a reply to it goes there.
    #[inline]
    pub(in crate::relay) fn note_source(
        &self,
        peer: PeerIndex,
        source: SocketAddr,
        is_keepalive: bool,
        now: u64,
    ) {
        let peer = self.table.peers().get(peer.0 as usize);
        if let Some(peer) = peer.filter(|peer| peer.notes_sources()) {
            if peer.hears(source, now) {
                self.table.note_liveness(peer, true);
            }
            let is_shared = || self.table.is_shared(source);
            if let Some(endpoint) = peer.note_source(source, is_keepalive, is_shared, now) {
                self.table.move_peer(self.newest.arc_swap(), peer, endpoint);
            }
        }
    }

    /// Forgets a local address that was removed from this machine.
    #[cold]
    pub(in crate::relay) fn forget_local(&self, lost: IpAddr) {
        let is_changed = |local: Option<IpAddr>| local.filter(|local| *local != lost);
        let changes =
            self.table.peers().iter().filter(|peer| peer.update_local(is_changed)).count();
        if changes > 0 {
            self.table.local_version().fetch_add(1, Ordering::Release);
        }
    }
}

fn locals(table: &PeerTable) -> Vec<Option<IpAddr>> {
    table.peers().iter().map(|peer| peer.local()).collect()
}

#[cfg(test)]
mod tests {
    use crate::relay::config::RelayConfig;
    use crate::relay::peers::{PeerIndex, Peers};
    use std::net::{IpAddr, SocketAddr};

    #[test]
    fn a_local_address_is_that_of_the_last_datagram_of_the_peer_itself() {
        let endpoint: SocketAddr = "192.0.2.1:5".parse().unwrap();
        let address = "10.9.0.1/24".parse().unwrap();
        let peers = Peers::new(&mut RelayConfig::new(address, endpoint, 0)).unwrap();
        let (mut receiving, mut sending) = (peers.view(), peers.view());
        let local = |last: u8| IpAddr::from([198, 51, 100, last]);
        let peer = PeerIndex(0);
        assert_eq!(sending.local(peer), None);
        let other_port = SocketAddr::new(endpoint.ip(), 77);
        receiving.learn_local(peer, other_port, local(1));
        assert_eq!(sending.local(peer), None, "until the next batch");
        sending.refresh();
        assert_eq!(sending.local(peer), Some(local(1)));
        receiving.learn_local(peer, "192.0.2.2:5".parse().unwrap(), local(2));
        sending.refresh();
        assert_eq!(sending.local(peer), Some(local(1)), "another host");
        receiving.learn_local(peer, endpoint, local(3));
        sending.forget_local(local(1));
        sending.refresh();
        assert_eq!(sending.local(peer), Some(local(3)));
        sending.forget_local(local(3));
        for view in [&mut sending, &mut receiving] {
            view.refresh();
            assert_eq!(view.local(peer), None);
        }
    }
}
