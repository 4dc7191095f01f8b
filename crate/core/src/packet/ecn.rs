//! Explicit congestion notification (ECN) of tunneled packets (RFC 6040), and the traffic class that contains it.
//!
//! The traffic class is the TOS byte of IPv4 and the traffic class of IPv6: six bits of DSCP (RFC 2474) and two bits of
//! ECN (RFC 3168).

use super::checksum::Sum;
use super::header::{ipv4, read16, write};

/// The bits of ECN in a traffic class.
pub const MASK: u8 = 0b11;
/// The values of ECN: not ECN-capable, ECN-capable (two forms), congestion experienced.
pub const NOT_ECT: u8 = 0b00;
/// ECT(1).
pub const ECT_1: u8 = 0b01;
/// ECT(0).
pub const ECT_0: u8 = 0b10;
/// Congestion experienced.
pub const CE: u8 = 0b11;

/// Returns the traffic class of an IP packet; `None` if it is not one or ends too soon.
#[inline]
#[must_use]
pub fn traffic_class(packet: &[u8]) -> Option<u8> {
    let first = read16(packet, 0..2)?;
    match first >> 12 {
        4 => Some(first as u8),
        6 => Some((first >> 4) as u8),
        _ => None,
    }
}

/// Returns whether packets may have to change because of the ECN of their datagram. With Not-ECT and ECT(0) outside
/// every packet stays as it is.
#[inline]
#[must_use]
pub fn may_change(outer: u8) -> bool {
    matches!(outer & MASK, CE | ECT_1)
}

/// Returns whether a packet must be dropped: the network marked its datagram with CE, but the transport inside would
/// not understand the mark.
#[inline]
#[must_use]
pub fn must_drop(packet: &[u8], outer: u8) -> bool {
    outer & MASK == CE && traffic_class(packet).is_some_and(|inner| inner & MASK == NOT_ECT)
}

/// Returns the ECN of a packet that leaves the tunnel (RFC 6040, 4.2); `None`: it must be dropped.
#[must_use]
pub fn decapsulated(inner: u8, outer: u8) -> Option<u8> {
    match (inner & MASK, outer & MASK) {
        (NOT_ECT, CE) => None,
        (NOT_ECT, _) => Some(NOT_ECT),
        (_, CE) => Some(CE),
        (ECT_0, ECT_1) => Some(ECT_1),
        (inner, _) => Some(inner),
    }
}

/// Sets the ECN of a packet that leaves the tunnel. Returns whether the packet has changed. A wrong checksum of an
/// IPv4 header stays wrong. A packet that must be dropped is unchanged.
pub fn decapsulate(packet: &mut [u8], outer: u8) -> bool {
    let Some(class) = traffic_class(packet) else { return false };
    match decapsulated(class, outer) {
        Some(ecn) if ecn != class & MASK => set(packet, class & !MASK | ecn).is_some(),
        _ => false,
    }
}

/// Sets the traffic class; `None` if the packet ends too soon, which leaves it unchanged.
fn set(packet: &mut [u8], class: u8) -> Option<()> {
    let word = read16(packet, 0..2)?;
    if word >> 12 == 6 {
        return write(packet, 0..2, (word & 0xf00f | u16::from(class) << 4).to_be_bytes());
    }
    let new = word & 0xff00 | u16::from(class);
    // RFC 1624, 3: the new checksum is ~(~old + ~before + after).
    let old = Sum::of_field(!read16(packet, ipv4::CHECKSUM)?);
    let checksum = old.and(Sum::of_field(!word)).and(Sum::of_field(new)).checksum();
    write(packet, ipv4::CHECKSUM, checksum)?;
    write(packet, 0..2, new.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::Sample;
    use crate::packet::view::IPV4_HEADER;
    use proptest::prelude::*;

    /// The table of RFC 6040, 4.2 (figure 4): a row for the packet, a column for its datagram: Not-ECT, ECT(0), ECT(1),
    /// CE.
    const TABLE: [(u8, [Option<u8>; 4]); 4] = [
        (NOT_ECT, [Some(NOT_ECT), Some(NOT_ECT), Some(NOT_ECT), None]),
        (ECT_0, [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CE)]),
        (ECT_1, [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CE)]),
        (CE, [Some(CE), Some(CE), Some(CE), Some(CE)]),
    ];
    const COLUMNS: [u8; 4] = [NOT_ECT, ECT_0, ECT_1, CE];

    /// A packet with this traffic class.
    fn packet(is_v6: bool, class: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = Sample { is_v6, ..Sample::udp(payload) }.bytes();
        if is_v6 {
            packet[0] = 0x60 | class >> 4;
            packet[1] = class << 4 | packet[1] & 0xf;
        } else {
            packet[1] = class;
            packet[10..12].copy_from_slice(&[0, 0]);
            let checksum = Sum::of(&packet[..IPV4_HEADER]).checksum();
            packet[10..12].copy_from_slice(&checksum);
        }
        packet
    }

    proptest! {
        /// All 16 pairs, with any DSCP on both sides: the result is that of the table, nothing but the two bits and the
        /// checksum of IPv4 differs, and the checksum is right.
        #[test]
        fn the_table_holds_for_all_pairs(
            is_v6: bool,
            (inner_dscp, outer_dscp) in (0..64_u8, 0..64_u8),
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            for (inner, results) in TABLE {
                for (outer, expected) in COLUMNS.into_iter().zip(results) {
                    let outer = outer_dscp << 2 | outer;
                    let before = packet(is_v6, inner_dscp << 2 | inner, &payload);
                    let mut after = before.clone();
                    prop_assert_eq!(must_drop(&before, outer), expected.is_none());
                    let is_changed = decapsulate(&mut after, outer);
                    prop_assert_eq!(is_changed, before != after);
                    prop_assert!(!is_changed || may_change(outer));
                    let class = inner_dscp << 2 | expected.unwrap_or(inner);
                    prop_assert_eq!(&after, &packet(is_v6, class, &payload));
                    let mut again = after.clone();
                    prop_assert!(!decapsulate(&mut again, outer));
                }
            }
        }

        #[test]
        fn a_wrong_checksum_stays_wrong(inner in 1..3_u8, wrong in 1..u16::MAX) {
            let mut packet = packet(false, inner, b"x");
            let right = read16(&packet, ipv4::CHECKSUM).unwrap();
            let checksum = (right ^ wrong).to_be_bytes();
            packet[ipv4::CHECKSUM].copy_from_slice(&checksum);
            let was_valid = Sum::of(&packet[..IPV4_HEADER]).is_valid();
            prop_assert!(decapsulate(&mut packet, CE));
            prop_assert_eq!(Sum::of(&packet[..IPV4_HEADER]).is_valid(), was_valid);
        }

        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..44), outer: u8) {
            let before = bytes.clone();
            let is_changed = decapsulate(&mut bytes, outer);
            prop_assert_eq!(is_changed, bytes != before);
            prop_assert!(!must_drop(&before, outer) || !is_changed);
        }
    }

    #[test]
    fn what_has_no_traffic_class_is_left_alone() {
        for packet in [&[][..], &[0x45], &[0x60], &[0x10, 0, 0], &[0x45, 1, 0, 0]] {
            let mut after = packet.to_vec();
            assert!(!decapsulate(&mut after, CE), "{packet:?}");
            assert_eq!(after, packet);
        }
    }
}
