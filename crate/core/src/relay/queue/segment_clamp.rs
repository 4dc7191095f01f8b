//! Lowers the maximum segment size (MSS) of SYNs, in both directions.

use crate::packet::mss::{self, SegmentLimit};
use crate::relay::config::MssClamp;
use crate::relay::setup::interface_mtu;
use crate::relay::wire::Wire;

/// The limit of a relay's SYNs.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentClamp {
    clamp: MssClamp,
    /// MTU of the interface when the relay started, bytes.
    interface_mtu: u32,
    wire: Wire,
}

impl SegmentClamp {
    pub(super) fn new(clamp: MssClamp, interface_mtu: u32, wire: Wire) -> Self {
        Self { clamp, interface_mtu, wire }
    }

    /// Returns whether no SYN is changed.
    #[inline]
    pub(super) fn is_off(self) -> bool {
        self.clamp == MssClamp::Off
    }

    /// Lowers the MSS of a packet if it is a SYN. The path to its peer carries packets or frames of `inner_mtu` bytes;
    /// `None`: no limit was reported.
    #[inline]
    pub(super) fn apply(self, packet: &mut [u8], inner_mtu: Option<u32>) {
        if let Some(limit) = self.limit(inner_mtu) {
            mss::clamp(packet, limit);
        }
    }

    fn limit(self, inner_mtu: Option<u32>) -> Option<SegmentLimit> {
        match self.clamp {
            MssClamp::Auto => {
                let path = inner_mtu.map(|inner| interface_mtu(inner, self.wire));
                let mtu = path.map_or(self.interface_mtu, |path| path.min(self.interface_mtu));
                Some(SegmentLimit::Mtu(mtu))
            }
            MssClamp::Off => None,
            MssClamp::Bytes(bytes) => Some(SegmentLimit::Mss(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_the_smaller_of_interface_and_path() {
        let limit = |clamp, wire, inner| SegmentClamp::new(clamp, 1_400, wire).limit(inner);
        let mtu = |mtu| Some(SegmentLimit::Mtu(mtu));
        assert_eq!(limit(MssClamp::Auto, Wire::Plain, None), mtu(1_400));
        assert_eq!(limit(MssClamp::Auto, Wire::Plain, Some(1_500)), mtu(1_400));
        assert_eq!(limit(MssClamp::Auto, Wire::Plain, Some(1_300)), mtu(1_300));
        assert_eq!(limit(MssClamp::Auto, Wire::Frames, Some(1_300)), mtu(1_286));
        assert_eq!(limit(MssClamp::Off, Wire::Plain, Some(1_300)), None);
        let bytes = limit(MssClamp::Bytes(1_200), Wire::Frames, Some(1_300));
        assert_eq!(bytes, Some(SegmentLimit::Mss(1_200)));
    }
}
