//! The format of datagrams.
//!
//! It decides how long a packet may be, how long its datagram is, and where the packet lies in the datagram. Its
//! overhead is constant, so packets of equal length form datagrams of equal length, as a GSO batch requires.

use crate::device::Mode;
use crate::packet::ethernet;
use crate::packet::layer::Layer;
use std::ops::Range;

/// The format of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wire {
    /// One packet per datagram and nothing else: GUE variant 1 (draft-ietf-intarea-gue-09, 4).
    #[default]
    Plain,
    /// One Ethernet frame per datagram, without its checksum, and nothing else.
    Frames,
}

impl Wire {
    /// Returns the format for an interface of this mode.
    pub(super) const fn of(mode: Mode) -> Self {
        match mode {
            Mode::Tun => Self::Plain,
            Mode::Tap => Self::Frames,
        }
    }

    /// Returns the layer of the packets in datagrams.
    #[inline]
    pub(super) const fn layer(self) -> Layer {
        match self {
            Self::Plain => Layer::Ip,
            Self::Frames => Layer::Ethernet,
        }
    }

    /// Returns the bytes that a packet has in front of the longest IP packet that the interface's MTU permits.
    #[inline]
    pub(super) const fn link_header(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Frames => ethernet::HEADER,
        }
    }

    /// Returns the bytes of a datagram that do not belong to its packet.
    #[inline]
    pub(super) const fn overhead(self) -> usize {
        match self {
            Self::Plain | Self::Frames => 0,
        }
    }

    /// Returns the length of the datagram for a packet of `packet_len` bytes.
    #[inline]
    pub(super) const fn seal(self, packet_len: usize) -> usize {
        packet_len + self.overhead()
    }

    /// Returns where the packet lies in the datagram at `datagram`; `None` if it carries none.
    #[inline]
    pub(super) fn open(self, datagram: Range<usize>) -> Option<Range<usize>> {
        match self {
            Self::Plain | Self::Frames => (!datagram.is_empty()).then_some(datagram),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_datagram_is_its_packet() {
        assert_eq!(Wire::Plain.open(7..9), Some(7..9));
        assert_eq!(Wire::Plain.open(7..7), None);
        for len in [1, 1_400, 65_507] {
            let datagram = 16..16 + Wire::Plain.seal(len);
            assert_eq!(Wire::Plain.open(datagram).map(|packet| packet.len()), Some(len));
        }
    }
}
