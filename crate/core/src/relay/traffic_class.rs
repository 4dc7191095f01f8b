//! The traffic class of datagrams: their DSCP (RFC 2474) and ECN (RFC 3168).

use crate::packet::ecn::{self, MASK};

/// The DSCP of datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dscp {
    /// This one, 0 to 63.
    Fixed(u8),
    /// That of their packet.
    Inherit,
}

impl Default for Dscp {
    fn default() -> Self {
        Self::Fixed(0)
    }
}

/// The ECN of datagrams (RFC 6040, 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ecn {
    /// That of their packet (normal mode).
    #[default]
    Copy,
    /// Not ECN-capable (compatibility mode), for a peer that does not return the marks of the network.
    Off,
}

/// How to choose the traffic class of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ClassPolicy {
    pub(super) dscp: Dscp,
    pub(super) ecn: Ecn,
}

impl ClassPolicy {
    /// Returns the class of a datagram for `packet`; `None`: that of the socket, [`ClassPolicy::default_class`].
    #[inline]
    pub(super) fn of(self, packet: &[u8]) -> Option<u8> {
        let inner = ecn::traffic_class(packet).unwrap_or(0);
        let ecn = if self.ecn == Ecn::Copy { inner & MASK } else { ecn::NOT_ECT };
        let class = ecn
            | match self.dscp {
                Dscp::Fixed(dscp) => dscp << 2,
                Dscp::Inherit => inner & !MASK,
            };
        (class != self.default_class()).then_some(class)
    }

    /// Returns the class of the sockets, which datagrams have that need no other.
    pub(super) const fn default_class(self) -> u8 {
        match self.dscp {
            Dscp::Fixed(dscp) => dscp << 2,
            Dscp::Inherit => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_has_its_class_in_both_families() {
        // DSCP 46 (EF) with each ECN.
        for ecn in 0..4_u8 {
            let inner = 46 << 2 | ecn;
            for packet in [[0x45, inner, 0, 0], [0x60 | inner >> 4, inner << 4, 0, 0]] {
                let of = |dscp, ecn| ClassPolicy { dscp, ecn }.of(&packet);
                let some = |class: u8, default: u8| (class != default).then_some(class);
                assert_eq!(of(Dscp::Fixed(0), Ecn::Copy), some(ecn, 0));
                assert_eq!(of(Dscp::Fixed(0), Ecn::Off), None);
                assert_eq!(of(Dscp::Fixed(10), Ecn::Copy), some(10 << 2 | ecn, 10 << 2));
                assert_eq!(of(Dscp::Fixed(10), Ecn::Off), None);
                assert_eq!(of(Dscp::Inherit, Ecn::Copy), Some(inner));
                assert_eq!(of(Dscp::Inherit, Ecn::Off), Some(46 << 2));
            }
        }
        for packet in [&[][..], &[0x45], &[0, 0xff]] {
            assert_eq!(ClassPolicy::default().of(packet), None, "{packet:?}");
        }
    }
}
