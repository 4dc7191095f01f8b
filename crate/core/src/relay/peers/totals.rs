//! The counts of all peers, whose sum is that of the relay.

use super::peer::{PeerStats, PeerTraffic};
use crate::relay::stats::Stats;
use std::ops::Add;

/// The counts of all peers that a relay with several peers has or had.
///
/// Once the relay has handled everything that it received, their sum equals the counters of the relay: `datagrams_sent`,
/// `bytes_sent`, `datagrams_received`, `bytes_received`, and `dropped` of both directions. Under traffic each value is
/// exact, but the values are not of one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerTotals {
    /// The peers of the relay, in the order of the configuration.
    pub peers: Vec<PeerStats>,
    /// The sum of the peers that were removed. A peer that is removed and added again starts at 0.
    pub removed: PeerTraffic,
    /// The traffic of no peer: datagrams from other addresses, packets without a peer, datagrams of the relay itself that
    /// came back, and packets that the interface refused.
    pub no_peer: PeerTraffic,
}

impl PeerTotals {
    /// Returns the sum of all counts.
    #[must_use]
    pub fn sum(&self) -> PeerTraffic {
        let peers = self.peers.iter().filter_map(|peer| peer.traffic);
        peers.fold(self.removed + self.no_peer, |sum, peer| sum + peer)
    }
}

/// Returns the part of the relay's counters that belongs to no peer. `foreign_bytes` are the bytes of the datagrams from
/// addresses that are not a peer's.
pub(super) fn of_no_peer(stats: &Stats, foreign_bytes: u64) -> PeerTraffic {
    let Stats { outbound, inbound, .. } = stats;
    let refused = inbound.interface_down + inbound.no_buffers + inbound.rejected + inbound.closing;
    PeerTraffic {
        outbound_dropped: outbound.no_peer + outbound.looped,
        datagrams_received: inbound.foreign_source,
        bytes_received: foreign_bytes,
        inbound_dropped: inbound.foreign_source + refused,
        ..PeerTraffic::default()
    }
}

/// The sum of the counts. It has no time.
impl Add for PeerTraffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            datagrams_sent: self.datagrams_sent + other.datagrams_sent,
            bytes_sent: self.bytes_sent + other.bytes_sent,
            outbound_dropped: self.outbound_dropped + other.outbound_dropped,
            datagrams_received: self.datagrams_received + other.datagrams_received,
            bytes_received: self.bytes_received + other.bytes_received,
            inbound_dropped: self.inbound_dropped + other.inbound_dropped,
            foreign_prefix: self.foreign_prefix + other.foreign_prefix,
            silent_for: None,
        }
    }
}
