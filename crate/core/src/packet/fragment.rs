//! IPv4 fragmentation: splits a packet that may be fragmented into fragments that fit into a smaller MTU
//! (RFC 791, 3.2).
//!
//! The fragments are those of `ip_fragment` (net/ipv4/ip_output.c): each is as long as the MTU allows, in
//! steps of eight bytes, and in all but the first the options that are not to be copied are replaced by
//! padding.

use super::checksum::Sum;
use super::header::{ipv4, read16, write};
use super::split::SplitPlan;
use super::view::IPV4_HEADER;

/// Bytes per unit of the offset.
const UNIT: usize = 8;

/// IPv4 options (RFC 791, 3.1): the end of the list, padding, and the flag of those that go into each fragment.
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const COPIED: u8 = 0x80;

/// Returns whether an IPv4 packet must not be fragmented; `None` if `packet` is not one.
#[must_use]
pub fn is_unfragmentable(packet: &[u8]) -> Option<bool> {
    match packet.first()? >> 4 {
        4 => Some(read16(packet, ipv4::FRAGMENT)? & ipv4::DONT_FRAGMENT != 0),
        _ => None,
    }
}

/// Plans the fragments of an IPv4 packet that is longer than `mtu` bytes. Appends their headers to `arena`; the
/// payload stays in `packet`.
///
/// `None` if the packet is not IPv4, forbids fragmentation, is inconsistent with its header, or if no payload
/// fits into `mtu`. `arena` is unchanged then. Bytes behind the packet's total length are not taken over. A
/// fragment is split further; its last part keeps its "more fragments" flag.
pub fn fragment(packet: &[u8], mtu: usize, arena: &mut Vec<u8>) -> Option<SplitPlan> {
    let header_len = usize::from(packet.first()? & 0xf) * 4;
    let total = usize::from(read16(packet, ipv4::TOTAL_LENGTH)?);
    if is_unfragmentable(packet)? || header_len < IPV4_HEADER || total > packet.len() {
        return None;
    }
    let header = packet.get(..header_len)?;
    let step = mtu.checked_sub(header_len)? / UNIT * UNIT;
    if step == 0 || total <= header_len {
        return None;
    }
    let start = arena.len();
    let plan = SplitPlan::new(start, header_len, header_len..total, step);
    let made = plan.segments().try_for_each(|(_, payload)| append(header, payload, total, arena));
    if made.is_none() {
        arena.truncate(start);
    }
    made.map(|()| plan)
}

/// Appends the header of the fragment that has `payload` of the packet.
fn append(
    header: &[u8],
    payload: std::ops::Range<usize>,
    total: usize,
    arena: &mut Vec<u8>,
) -> Option<()> {
    let start = arena.len();
    arena.extend_from_slice(header);
    let own = arena.get_mut(start..)?;
    let field = read16(header, ipv4::FRAGMENT)?;
    let skipped = payload.start - header.len();
    let offset = usize::from(field & ipv4::FRAGMENT_OFFSET) + skipped / UNIT;
    // An offset that the field cannot contain would mean a packet of over 65,535 bytes.
    let offset = u16::try_from(offset).ok().filter(|offset| *offset <= ipv4::FRAGMENT_OFFSET)?;
    let more =
        if payload.end < total { ipv4::MORE_FRAGMENTS } else { field & ipv4::MORE_FRAGMENTS };
    if skipped > 0 {
        blank_options(own.get_mut(IPV4_HEADER..)?);
    }
    let len = u16::try_from(header.len() + payload.len()).ok()?;
    write(own, ipv4::TOTAL_LENGTH, len.to_be_bytes())?;
    // The reserved bit is kept.
    write(own, ipv4::FRAGMENT, (field & 0x8000 | more | offset).to_be_bytes())?;
    write(own, ipv4::CHECKSUM, [0, 0])?;
    let checksum = Sum::of(own).checksum();
    write(own, ipv4::CHECKSUM, checksum)
}

/// Replaces the options that only the first fragment has by padding. A malformed list is kept from the
/// malformed option on.
fn blank_options(options: &mut [u8]) {
    let mut rest = options;
    while let [kind, ..] = *rest {
        let len = match kind {
            END => return,
            NO_OPERATION => 1,
            _ => usize::from(rest.get(1).copied().unwrap_or(0)),
        };
        let minimum = if kind == NO_OPERATION { 1 } else { 2 };
        if len < minimum || len > rest.len() {
            return;
        }
        let (option, behind) = rest.split_at_mut(len);
        if kind & COPIED == 0 {
            option.fill(NO_OPERATION);
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::header::ipv4::{DONT_FRAGMENT, FRAGMENT_OFFSET as OFFSET, MORE_FRAGMENTS};
    use crate::packet::samples::Sample;
    use proptest::prelude::*;

    /// Returns an IPv4 packet with options and payload, whose header checksum is correct.
    fn packet(field: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
        let header_len = IPV4_HEADER + options.len();
        let mut packet = vec![0x40 | (header_len / 4) as u8, 3];
        packet.extend(((header_len + payload.len()) as u16).to_be_bytes());
        packet.extend([0xab, 0xcd]);
        packet.extend(field.to_be_bytes());
        packet.extend([64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2]);
        packet.extend(options);
        let checksum = Sum::of(&packet).checksum();
        packet[10..12].copy_from_slice(&checksum);
        packet.extend(payload);
        packet
    }

    fn fragments(packet: &[u8], mtu: usize) -> Option<Vec<Vec<u8>>> {
        let mut arena = vec![9; 3];
        let plan = fragment(packet, mtu, &mut arena);
        if plan.is_none() {
            assert_eq!(arena, [9; 3]);
        }
        let join = |(header, payload)| {
            let (header, payload): (std::ops::Range<usize>, std::ops::Range<usize>) =
                (header, payload);
            [&arena[header], &packet[payload]].concat()
        };
        Some(plan?.segments().map(join).collect())
    }

    fn field(packet: &[u8]) -> u16 {
        read16(packet, ipv4::FRAGMENT).unwrap()
    }

    /// Reassembles fragments like a receiver: returns the payload, in order, and the flag of the last part.
    fn reassemble(parts: &[Vec<u8>]) -> (Vec<u8>, u16) {
        let mut payload = Vec::new();
        let first = usize::from(field(&parts[0]) & OFFSET);
        for part in parts {
            let header_len = usize::from(part[0] & 0xf) * 4;
            assert!(Sum::of(&part[..header_len]).is_valid());
            assert_eq!(usize::from(read16(part, ipv4::TOTAL_LENGTH).unwrap()), part.len());
            assert_eq!((usize::from(field(part) & OFFSET) - first) * 8, payload.len());
            payload.extend(&part[header_len..]);
        }
        let last = field(parts.last().unwrap()) & MORE_FRAGMENTS;
        assert!(parts[..parts.len() - 1].iter().all(|part| field(part) & MORE_FRAGMENTS != 0));
        (payload, last)
    }

    #[test]
    fn a_packet_of_1500_bytes_becomes_two_fragments_of_the_kernels_lengths() {
        let payload: Vec<u8> = (0..1_480).map(|i| i as u8).collect();
        let parts = fragments(&packet(0, &[], &payload), 1_372).unwrap();
        let lens: Vec<usize> = parts.iter().map(Vec::len).collect();
        // 1,372 - 20 is 1,352, which is a multiple of 8.
        assert_eq!(lens, [1_372, 148]);
        assert_eq!(field(&parts[0]), MORE_FRAGMENTS);
        assert_eq!(field(&parts[1]), 1_352 / 8);
        assert_eq!(reassemble(&parts), (payload, 0));
    }

    #[test]
    fn a_fragment_is_split_further_and_keeps_its_place() {
        let middle = packet(MORE_FRAGMENTS | 100, &[], &[7; 160]);
        let parts = fragments(&middle, 100).unwrap();
        let fields: Vec<u16> = parts.iter().map(|part| field(part)).collect();
        assert_eq!(fields, [0x2000 | 100, 0x2000 | 110]);
        assert_eq!(reassemble(&parts), (vec![7; 160], MORE_FRAGMENTS));
    }

    #[test]
    fn later_fragments_have_only_the_options_that_are_copied() {
        // Record route, not copied; router alert, copied; padding.
        let options = [7, 7, 4, 1, 2, 3, 4, 1, 148, 4, 0, 0];
        let parts = fragments(&packet(0, &options, &[1; 100]), 32 + 64).unwrap();
        assert_eq!(parts[0][20..32], options);
        assert_eq!(parts[1][20..32], [1, 1, 1, 1, 1, 1, 1, 1, 148, 4, 0, 0]);
        assert_eq!(reassemble(&parts).0, [1; 100]);
    }

    #[test]
    fn what_cannot_be_fragmented_is_left() {
        let whole = packet(0, &[], &[1; 100]);
        assert_eq!(fragments(&packet(DONT_FRAGMENT, &[], &[1; 100]), 60), None);
        assert_eq!(is_unfragmentable(&packet(DONT_FRAGMENT, &[], &[])), Some(true));
        assert_eq!(is_unfragmentable(&whole), Some(false));
        let ipv6 = Sample { is_v6: true, ..Sample::udp(&[1; 100]) }.bytes();
        assert_eq!((fragments(&ipv6, 60), is_unfragmentable(&ipv6)), (None, None));
        assert_eq!(fragments(&whole, 27), None, "no payload fits");
        assert_eq!(fragments(&whole[..60], 60), None, "it ends before its length");
        assert_eq!(fragments(&packet(0x1fff, &[], &[1; 100]), 60), None, "beyond 65,535 bytes");
        assert!(fragments(&whole, 28).is_some());
    }

    proptest! {
        #[test]
        fn fragments_reassemble_to_the_packet(
            payload in prop::collection::vec(any::<u8>(), 1..3_000),
            options in prop::collection::vec(any::<u8>(), 0..11).prop_map(|words| words.repeat(4)),
            offset in 0..100_u16,
            more: bool,
            mtu in 68..1_500_usize,
        ) {
            let options = options.get(..options.len().min(40)).unwrap();
            let field = offset | if more { MORE_FRAGMENTS } else { 0 };
            // All but the last fragment of a packet carry a multiple of eight bytes.
            let payload = if more { payload.repeat(8) } else { payload };
            let parts = fragments(&packet(field, options, &payload), mtu).unwrap();
            prop_assert!(parts.iter().all(|part| part.len() <= mtu));
            let (joined, last) = reassemble(&parts);
            prop_assert_eq!(joined, payload);
            prop_assert_eq!(last != 0, more);
            prop_assert!(parts.iter().all(|part| part[4..6] == [0xab, 0xcd]));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), mtu in 0..300_usize) {
            let mut arena = Vec::new();
            if let Some(plan) = fragment(&bytes, mtu, &mut arena) {
                for (header, payload) in plan.segments() {
                    prop_assert!(header.len() + payload.len() <= mtu);
                    prop_assert!(payload.end <= bytes.len() && header.end <= arena.len());
                }
            }
        }
    }
}
