//! Counts and records what a received message has.

use super::{Inbound, bytes_of};
use crate::packet::keepalive::keepalive;
use crate::relay::peers::{PeerIndex, ReceiveCount};
use crate::relay::queue::recording::Recording;
use crate::relay::queue::unwrap::NoPacket;
use crate::relay::stats::InboundDrop;
use crate::sys::mmsg::Received;
use std::ops::Range;

impl Inbound {
    /// Counts a datagram that has no packet for the interface.
    pub(super) fn count_none(&self, none: NoPacket, count: &mut ReceiveCount) {
        match none {
            NoPacket::Keepalive => count.note_keepalive(keepalive(self.wire.layer()).len()),
            NoPacket::Dropped(cause) => {
                count.dropped += 1;
                count.foreign_prefix += u64::from(cause == InboundDrop::ForeignPrefix);
                self.counters.count_receive_drop(cause, 1);
            }
        }
    }

    /// Passes a datagram of the present message, as it was received, to the captures.
    pub(super) fn record(
        &self,
        message: &Received,
        datagram: &Range<usize>,
        found: &Result<Range<usize>, NoPacket>,
        recording: &Recording<'_>,
    ) {
        let start = message.range.start;
        let payload = if self.original.is_empty() {
            bytes_of(self.receiver.buffer(), datagram)
        } else {
            bytes_of(&self.original, &(datagram.start - start..datagram.end - start))
        };
        recording.received(payload, (message, self.receiver.endpoint()), found);
    }

    /// Records the state of the peer that a message shows: the local address that it was sent to, and if the peers are
    /// counted, `count` and its source at `now`.
    #[inline]
    pub(super) fn note_message(
        &self,
        peer: Option<PeerIndex>,
        message: &Received,
        count: &ReceiveCount,
        now: Option<u64>,
    ) {
        if let (Some(peer), Some(source), Some(local)) = (peer, message.source, message.local)
            && self.peers.local(peer) != Some(local)
        {
            self.peers.learn_local(peer, source, local);
        }
        self.counters.count_keepalives_received(count.keepalives);
        let Some(now) = now else { return };
        self.peers.table().count_received(peer, count, now);
        if let (Some(peer), Some(source)) = (peer, message.source)
            && count.has_accepted()
        {
            self.peers.note_source(peer, source, count.keepalives > 0, now);
        }
    }
}
