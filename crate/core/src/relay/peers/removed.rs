//! The counts of peers that were removed, so that the sum over all peers stays the total.

use super::peer::{Peer, PeerCounters, PeerTraffic};
use std::collections::HashSet;
use std::sync::Arc;

/// The counts of removed peers.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// The sum of the peers that no queue uses any more.
    total: PeerTraffic,
    /// Peers that a queue may still count for: each uses the table of its last batch.
    in_use: Vec<Arc<PeerCounters>>,
}

impl Removed {
    /// Adds the peers of `before` whose counters no peer of `after` has.
    pub(super) fn add(&mut self, before: &[Arc<Peer>], after: &[Arc<Peer>]) {
        self.release();
        let kept: HashSet<_> = after.iter().map(|peer| Arc::as_ptr(peer.counters())).collect();
        let counters = before.iter().map(|peer| peer.counters());
        let removed = counters.filter(|counters| !kept.contains(&Arc::as_ptr(counters)));
        self.in_use.extend(removed.cloned());
    }

    /// Adds the counts of peers that an earlier relay removed.
    pub(super) fn add_counts(&mut self, counts: PeerTraffic) {
        self.total = self.total + counts;
    }

    /// Returns the counts of all removed peers.
    pub(super) fn counts(&mut self) -> PeerTraffic {
        self.release();
        self.in_use.iter().fold(self.total, |sum, counters| sum + counters.counts())
    }

    /// Releases the memory of those that no queue uses any more.
    fn release(&mut self) {
        for counters in std::mem::take(&mut self.in_use) {
            match Arc::try_unwrap(counters) {
                Ok(counters) => self.total = self.total + counters.counts(),
                Err(counters) => self.in_use.push(counters),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::PeerSettings;
    use super::*;

    #[test]
    fn a_removed_peer_counts_as_long_as_a_queue_uses_it_and_afterwards() {
        let peer = |number: u16| {
            let address = std::net::Ipv4Addr::LOCALHOST;
            Arc::new(Peer::new(PeerSettings::at((address, number).into())))
        };
        let (first, second) = (peer(1), peer(2));
        let mut removed = Removed::default();
        // The same peer at another interface is not removed.
        let moved = Arc::new(second.moved_to("127.0.0.1:3".parse().unwrap()));
        first.count_sent(3, 300);
        second.count_sent(1, 1);
        removed.add(&[Arc::clone(&first), second], &[moved]);
        assert_eq!((removed.counts().datagrams_sent, removed.in_use.len()), (3, 1));
        first.count_sent(1, 10);
        first.count_inbound_drops(5, 2);
        drop(first);
        for _ in 0..2 {
            let counts = removed.counts();
            assert_eq!((counts.datagrams_sent, counts.bytes_sent), (4, 310));
            assert_eq!((counts.inbound_dropped, counts.foreign_prefix), (5, 2));
            assert!(removed.in_use.is_empty());
        }
    }
}
