//! The peers of packets: where a packet goes, and whether a peer may send it.

use super::{PeerIndex, PeerTable, Routes, Routing};
use crate::relay::peers::LastRoute;

impl PeerTable {
    /// Returns the peer that an IP packet is sent to; `None` if its destination is in no prefix of a peer. `last` is the
    /// last destination of the batch.
    #[inline]
    pub(in crate::relay) fn route(&self, packet: &[u8], last: &mut LastRoute) -> Option<PeerIndex> {
        match self.prefixes() {
            None => Some(PeerIndex(0)),
            Some(routes) => routes.to(packet, last),
        }
    }

    /// Returns whether `peer` may send an IP packet: of the prefixes of all peers that contain its source, the longest
    /// belongs to this peer. `last` is the last source of the batch.
    #[inline]
    pub(in crate::relay) fn permits(
        &self,
        peer: PeerIndex,
        packet: &[u8],
        last: &mut LastRoute,
    ) -> bool {
        match self.prefixes() {
            None => true,
            Some(routes) => routes.from(packet, last) == Some(peer),
        }
    }

    /// Returns the prefixes of the peers. `None`: a single peer gets every packet, and may send every packet.
    #[inline]
    fn prefixes(&self) -> Option<&Routes> {
        match &self.routing {
            Routing::Single { allowed, .. } => allowed.as_deref(),
            Routing::Many(many) => Some(&many.routes),
        }
    }
}
