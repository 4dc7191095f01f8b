//! The counts of a capture.

use crate::counter::Counter;

/// The number of sides.
pub(crate) const SIDES: usize = 4;

/// A point and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Packets read from the interface.
    InsideOutbound = 0,
    /// Packets for the interface.
    InsideInbound = 1,
    /// Datagrams sent.
    OutsideOutbound = 2,
    /// Datagrams received.
    OutsideInbound = 3,
}

impl Side {
    /// All sides, in their order.
    pub(super) const ALL: [Self; SIDES] =
        [Self::InsideOutbound, Self::InsideInbound, Self::OutsideOutbound, Self::OutsideInbound];

    pub(super) const fn is_inside(self) -> bool {
        matches!(self, Self::InsideOutbound | Self::InsideInbound)
    }

    pub(super) const fn is_outbound(self) -> bool {
        matches!(self, Self::InsideOutbound | Self::OutsideOutbound)
    }
}

/// The counts of one side. `packets` = `captured` + `filtered` + `left_out`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideStats {
    /// Packets that passed while the capture ran.
    pub packets: u64,
    /// Packets that were written, or wait for the writer.
    pub captured: u64,
    /// Packets that the filter did not match.
    pub filtered: u64,
    /// Packets that matched and were not written: there was no room for them, or writing them failed.
    pub left_out: u64,
    /// The increase of the relay's counters of this side, from the begin of the capture to its end in each thread.
    /// Equals `packets` after the end.
    pub relay: u64,
}

/// The counts of a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureStats {
    /// Packets from the interface, including dropped ones.
    pub inside_outbound: SideStats,
    /// Packets for the interface, including refused ones, and ICMP errors of the relay.
    pub inside_inbound: SideStats,
    /// Datagrams sent, including keepalives.
    pub outside_outbound: SideStats,
    /// Datagrams received, including dropped ones and keepalives.
    pub outside_inbound: SideStats,
    /// Bytes written, of all files.
    pub bytes: u64,
    /// Files begun.
    pub files: u64,
}

impl CaptureStats {
    /// Returns the counts of a side.
    pub(super) fn side_mut(&mut self, side: Side) -> &mut SideStats {
        match side {
            Side::InsideOutbound => &mut self.inside_outbound,
            Side::InsideInbound => &mut self.inside_inbound,
            Side::OutsideOutbound => &mut self.outside_outbound,
            Side::OutsideInbound => &mut self.outside_inbound,
        }
    }

    /// Returns the counts of a side.
    pub(super) fn side(&self, side: Side) -> &SideStats {
        match side {
            Side::InsideOutbound => &self.inside_outbound,
            Side::InsideInbound => &self.inside_inbound,
            Side::OutsideOutbound => &self.outside_outbound,
            Side::OutsideInbound => &self.outside_inbound,
        }
    }
}

/// The live counts of one side in one thread.
#[derive(Debug, Default)]
pub(super) struct SideCounts {
    pub(super) captured: Counter,
    pub(super) filtered: Counter,
    pub(super) left_out: Counter,
}
