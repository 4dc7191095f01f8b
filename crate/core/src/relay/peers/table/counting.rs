//! Counting for the peers.

use super::{PeerIndex, PeerTable};
use crate::udp::Sent;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The datagrams of a message, or of several.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::relay) struct ReceiveCount {
    pub(in crate::relay) datagrams: u64,
    /// Bytes of payload.
    pub(in crate::relay) bytes: u64,
    /// Datagrams that were dropped.
    pub(in crate::relay) dropped: u64,
    /// Those that were dropped because the peer may not send from their source.
    pub(in crate::relay) foreign_prefix: u64,
    /// Keepalives, which are not among the datagrams.
    pub(in crate::relay) keepalives: u64,
}

impl ReceiveCount {
    /// Returns whether one of the datagrams was not dropped, or is a keepalive.
    #[inline]
    pub(in crate::relay) fn has_accepted(&self) -> bool {
        self.datagrams > self.dropped || self.keepalives > 0
    }

    /// Records that a datagram of `len` bytes, which was counted, is a keepalive.
    #[cold]
    pub(in crate::relay) fn note_keepalive(&mut self, len: usize) {
        self.datagrams -= 1;
        self.bytes -= len as u64;
        self.keepalives += 1;
    }
}

impl PeerTable {
    /// Returns the clock's time if datagrams are counted per peer. A single peer without keepalive has no counters of its
    /// own: the relay's counters suffice, and the caller does not call [`PeerTable::count_received`].
    #[inline]
    pub(in crate::relay) fn counting_time(&self) -> Option<u64> {
        self.counts_traffic().then(|| self.upkeep.timers.millis(Instant::now()))
    }

    /// Returns whether datagrams are counted per peer.
    #[inline]
    pub(in crate::relay) fn counts_traffic(&self) -> bool {
        self.is_many() || self.has_keepalive
    }

    /// Counts a message received at `now`, from a peer or from another address.
    pub(in crate::relay) fn count_received(
        &self,
        peer: Option<PeerIndex>,
        count: &ReceiveCount,
        now: u64,
    ) {
        let Some(peer) = peer.and_then(|peer| self.peers.get(peer.0 as usize)) else {
            self.upkeep.foreign_bytes.fetch_add(count.bytes, Ordering::Relaxed);
            return;
        };
        peer.count_received(count.datagrams, count.bytes, now);
        if count.dropped > 0 {
            peer.count_inbound_drops(count.dropped, count.foreign_prefix);
        }
    }

    /// Counts messages that were sent or refused.
    pub(in crate::relay) fn count_sent(&self, messages: &[Sent]) {
        // A NAT has a mapping per source port, so with several of them traffic does not replace a keepalive.
        let notes = self.has_keepalive && !messages.is_empty() && self.upkeep.has_one_source_port();
        let now = notes.then(|| self.upkeep.timers.millis(Instant::now()));
        for message in messages {
            let Some(peer) = self.peers.get(message.shape.to as usize) else { continue };
            if message.datagrams > 0 {
                peer.count_sent(message.datagrams, message.bytes);
                now.into_iter().for_each(|now| peer.liveness().note_sent(now));
            }
            if message.dropped > 0 {
                peer.count_outbound_drops(message.dropped);
            }
        }
    }

    /// Counts packets to a peer that were dropped before they were sent.
    #[cold]
    pub(in crate::relay) fn count_outbound_drops(&self, peer: PeerIndex, packets: u64) {
        if let Some(peer) = self.peers.get(peer.0 as usize) {
            peer.count_outbound_drops(packets);
        }
    }
}
