//! Lowers the maximum segment size (MSS) that a TCP SYN or SYN-ACK announces, so that the segments of the
//! connection fit into the path (RFC 9293, 3.7.1; RFC 4459, 3.2).

use super::checksum::Sum;
use super::header::{ipv4, ipv6, read16, tcp, write};
use super::view::{
    IPV4_HEADER, IPV6_HEADER, IpVersion, Layout, TCP, TCP_HEADER, tcp_flags, transport_offset,
};

/// Kinds of TCP options (RFC 9293, 3.2): the end of the list, padding, and the maximum segment size.
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
/// Bytes of the option: kind, length, and two of value.
const OPTION_LEN: usize = 4;

/// The largest MSS that a SYN may announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentLimit {
    /// The largest MSS that fits into IP packets of this many bytes.
    Mtu(u32),
    /// This many bytes.
    Mss(u16),
}

impl SegmentLimit {
    fn mss(self, version: IpVersion) -> u16 {
        let ip_header = match version {
            IpVersion::V4 => IPV4_HEADER,
            IpVersion::V6 => IPV6_HEADER,
        };
        match self {
            Self::Mss(mss) => mss.max(1),
            Self::Mtu(mtu) => {
                let mss = mtu.saturating_sub((ip_header + TCP_HEADER) as u32).max(1);
                u16::try_from(mss).unwrap_or(u16::MAX)
            }
        }
    }
}

/// Lowers the MSS option of a SYN to `limit`, and corrects the checksum by the difference (RFC 1624). Returns
/// whether it changed the packet.
///
/// It never raises the value and never adds an option. A packet is unchanged if it is not a TCP SYN over IPv4 or
/// IPv6, if it is a later fragment, or if its options are malformed. The MSS does not include IP and TCP
/// options (RFC 6691, 2), so it is the MTU less 40 bytes over IPv4 and less 60 over IPv6. An option of 0 is
/// kept: receivers ignore it.
pub fn clamp(packet: &mut [u8], limit: SegmentLimit) -> bool {
    syn(packet).is_some_and(|layout| clamp_syn(packet, &layout, limit).unwrap_or(false))
}

/// Returns whether a packet is a TCP SYN or SYN-ACK with options.
#[inline]
#[must_use]
pub fn is_syn(packet: &[u8]) -> bool {
    syn(packet).is_some()
}

/// Returns the layout of a packet that is a SYN or SYN-ACK with options.
fn syn(packet: &[u8]) -> Option<Layout> {
    let transport = transport_offset(packet, TCP)?;
    if packet.get(transport + tcp::FLAGS)? & tcp_flags::SYN == 0 {
        return None;
    }
    let layout = Layout::with_transport_at(packet, transport)?;
    // Bytes behind the length that the IP header states do not belong to the packet.
    let stated = stated_len(packet, layout.version)?;
    let is_whole = layout.payload <= stated && stated <= packet.len();
    (is_whole && layout.payload > layout.transport + TCP_HEADER).then_some(layout)
}

/// Returns the length of a packet that its IP header states, bytes.
fn stated_len(packet: &[u8], version: IpVersion) -> Option<usize> {
    Some(match version {
        IpVersion::V4 => read16(packet, ipv4::TOTAL_LENGTH)?.into(),
        IpVersion::V6 => usize::from(read16(packet, ipv6::PAYLOAD_LENGTH)?) + IPV6_HEADER,
    })
}

/// `None` if the options are malformed.
fn clamp_syn(packet: &mut [u8], layout: &Layout, limit: SegmentLimit) -> Option<bool> {
    let largest = limit.mss(layout.version);
    let header = packet.get_mut(layout.transport..layout.payload)?;
    let mut is_changed = false;
    // The list is checked to its end before anything is changed.
    check_options(header)?;
    let mut at = TCP_HEADER;
    while let Some((kind, len)) = option(header, at)? {
        if kind == MAXIMUM_SEGMENT_SIZE
            && len == OPTION_LEN
            && read16(header, at + 2..at + 4)? > largest
        {
            set_field(header, at + 2, largest)?;
            is_changed = true;
        }
        at += len;
    }
    Some(is_changed)
}

/// `None` if one of the options is malformed.
fn check_options(header: &[u8]) -> Option<()> {
    let mut at = TCP_HEADER;
    while let Some((_, len)) = option(header, at)? {
        at += len;
    }
    Some(())
}

/// Returns kind and length of the option at `at`, bytes; `Some(None)` at the end of the list, `None` if the
/// option is malformed.
fn option(header: &[u8], at: usize) -> Option<Option<(u8, usize)>> {
    let Some(kind) = header.get(at) else { return Some(None) };
    let len = match *kind {
        END => return Some(None),
        NO_OPERATION => 1,
        kind => {
            let len = usize::from(*header.get(at + 1)?);
            let is_valid = len >= 2 && at + len <= header.len();
            let is_valid = is_valid && (kind != MAXIMUM_SEGMENT_SIZE || len == OPTION_LEN);
            is_valid.then_some(len)?
        }
    };
    Some(Some((*kind, len)))
}

/// Writes a field of 16 bits at any offset, odd ones included, and corrects the checksum.
fn set_field(header: &mut [u8], at: usize, value: u16) -> Option<()> {
    // The sum is of aligned words: those that the field shares.
    let words = at & !1..(at + 3) & !1;
    let before = Sum::of(header.get(words.clone())?);
    header.get_mut(at..at + 2)?.copy_from_slice(&value.to_be_bytes());
    let after = Sum::of(header.get(words)?);
    // RFC 1624, 3: the new checksum is ~(~old + ~before + after).
    let [first, second] = before.checksum();
    let complement = Sum::of_field(u16::from_be_bytes([first, second]));
    let old = Sum::of_field(!read16(header, tcp::CHECKSUM)?);
    let checksum = old.and(complement).and(after).checksum();
    write(header, tcp::CHECKSUM, checksum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::checksum::pseudo_header;
    use crate::packet::samples::Sample;
    use proptest::prelude::*;

    /// Clamps to the MSS that fits into IP packets of `mtu` bytes.
    fn clamp(packet: &mut [u8], mtu: u32) -> bool {
        super::clamp(packet, SegmentLimit::Mtu(mtu))
    }

    fn packet(is_v6: bool, flags: u8, options: &[u8]) -> Vec<u8> {
        Sample { is_v6, flags, options: options.to_vec(), ..Sample::tcp(9, b"") }.bytes()
    }

    fn has_valid_checksum(packet: &[u8]) -> bool {
        let (transport, addresses) = if packet[0] >> 4 == 6 { (40, 8..40) } else { (20, 12..20) };
        let pseudo = pseudo_header(TCP, packet.len() - transport).and(Sum::of(&packet[addresses]));
        pseudo.and(Sum::of(&packet[transport..])).is_valid()
    }

    /// Returns the MSS of the first MSS option that is at offset `at` of the options.
    fn mss(packet: &[u8], at: usize) -> u16 {
        let transport = if packet[0] >> 4 == 6 { 40 } else { 20 };
        read16(packet, transport + 22 + at..transport + 24 + at).unwrap()
    }

    const SYN: u8 = tcp_flags::SYN;
    const SYN_ACK: u8 = tcp_flags::SYN | 0x10;

    #[test]
    fn syn_and_syn_ack_are_lowered_to_the_mtu_less_the_headers() {
        for flags in [SYN, SYN_ACK] {
            for (is_v6, expected) in [(false, 1_360), (true, 1_340)] {
                let mut packet = packet(is_v6, flags, &[2, 4, 0x05, 0xb4]);
                assert!(clamp(&mut packet, 1_400));
                assert_eq!(mss(&packet, 0), expected);
                assert!(has_valid_checksum(&packet));
            }
        }
    }

    #[test]
    fn a_limit_in_bytes_is_the_same_for_both_families() {
        for is_v6 in [false, true] {
            let mut packet = packet(is_v6, SYN, &[2, 4, 0x05, 0xb4]);
            assert!(super::clamp(&mut packet, SegmentLimit::Mss(1_200)));
            assert_eq!(mss(&packet, 0), 1_200);
            assert!(!super::clamp(&mut packet, SegmentLimit::Mss(1_201)));
        }
    }

    #[test]
    fn an_mss_is_never_raised_and_0_is_kept() {
        for value in [0, 1, 536, 1_359, 1_360_u16] {
            let [a, b] = value.to_be_bytes();
            let before = packet(false, SYN, &[2, 4, a, b]);
            let mut after = before.clone();
            assert!(!clamp(&mut after, 1_400), "{value}");
            assert_eq!(after, before);
        }
    }

    #[test]
    fn the_option_is_found_at_each_place_even_an_odd_one() {
        let options: [&[u8]; 5] = [
            &[2, 4, 0xff, 0xff, 1, 1, 1, 0],
            &[1, 2, 4, 0xff, 0xff, 1, 1, 1],
            &[4, 2, 2, 4, 0xff, 0xff, 1, 1],
            &[3, 3, 7, 2, 4, 0xff, 0xff, 0],
            &[8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 4, 0xff, 0xff, 0],
        ];
        for (options, at) in options.into_iter().zip([0, 1, 2, 3, 11]) {
            let before = packet(true, SYN, options);
            let mut after = before.clone();
            assert!(clamp(&mut after, 1_280));
            assert_eq!(mss(&after, at), 1_220, "{options:?}");
            assert!(has_valid_checksum(&after));
            let differ: Vec<usize> =
                (0..before.len()).filter(|i| before[*i] != after[*i]).collect();
            let value = 60 + at + 2;
            let is_allowed = |i: &usize| [56, 57, value, value + 1].contains(i);
            assert!(differ.iter().all(is_allowed), "{differ:?}");
        }
    }

    #[test]
    fn each_mss_option_is_lowered() {
        let mut packet = packet(false, SYN, &[2, 4, 0xff, 0xff, 2, 4, 0xf0, 0]);
        assert!(clamp(&mut packet, 1_500));
        assert_eq!((mss(&packet, 0), mss(&packet, 4)), (1_460, 1_460));
        assert!(has_valid_checksum(&packet));
    }

    #[test]
    fn what_is_malformed_or_not_a_syn_is_untouched() {
        let mss = [2, 4, 0xff, 0xff];
        let mut cases = vec![
            packet(false, 0x10, &mss),
            packet(false, SYN, &[2, 3, 0xff, 1]),
            packet(false, SYN, &[2, 4, 0xff, 0xff, 5, 1, 0, 0]),
            packet(false, SYN, &[2, 4, 0xff, 0xff, 5, 9, 0, 0]),
            packet(false, SYN, &[2, 4, 0xff, 0xff, 1, 1, 1, 5]),
            // Behind the end of the list.
            packet(false, SYN, &[0, 0, 0, 0, 2, 4, 0xff, 0xff]),
            packet(false, SYN, &[]),
        ];
        let mut later_fragment = packet(false, SYN, &mss);
        later_fragment[7] = 1;
        cases.push(later_fragment);
        let mut udp = packet(false, SYN, &mss);
        udp[9] = 17;
        cases.push(udp);
        // The options are behind the length that the IP header states.
        for (is_v6, at, stated) in [(false, 2, 40_u16), (true, 4, 20)] {
            let mut padded = packet(is_v6, SYN, &mss);
            padded[at..at + 2].copy_from_slice(&stated.to_be_bytes());
            cases.push(padded);
        }
        let mut with_data = Sample { flags: SYN, ..Sample::tcp(9, b"data") };
        with_data.options = mss.to_vec();
        let mut truncated = with_data.bytes();
        truncated.pop();
        cases.push(truncated);
        let whole = packet(false, SYN, &mss);
        cases.extend((0..whole.len()).map(|len| whole[..len].to_vec()));
        for before in cases {
            let mut after = before.clone();
            assert!(!clamp(&mut after, 576), "{before:?}");
            assert_eq!(after, before);
        }
    }

    #[test]
    fn a_wrong_checksum_stays_wrong() {
        let mut packet = packet(false, SYN, &[2, 4, 0xff, 0xff]);
        packet[37] ^= 1;
        assert!(clamp(&mut packet, 1_500));
        assert!(!has_valid_checksum(&packet));
        packet[37] ^= 1;
        assert!(has_valid_checksum(&packet));
    }

    #[test]
    fn extension_headers_of_ipv6_are_skipped() {
        let mut packet = packet(true, SYN, &[2, 4, 0xff, 0xff]);
        packet[6] = 60;
        packet[5] += 8;
        packet.splice(40..40, [TCP, 0, 1, 4, 0, 0, 0, 0]);
        assert!(clamp(&mut packet, 1_280));
        assert_eq!(read16(&packet, 70..72), Some(1_220));
    }

    proptest! {
        #[test]
        fn clamping_is_idempotent_and_keeps_the_checksum(
            is_v6: bool,
            flags: u8,
            mtu in 0..70_000_u32,
            options in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 2, 3, 4, 8, 10, 255]), 0..10)
                .prop_map(|words| words.repeat(4)),
        ) {
            let before = packet(is_v6, flags, &options);
            let mut once = before.clone();
            let is_changed = clamp(&mut once, mtu);
            prop_assert_eq!(is_changed, once != before);
            prop_assert!(has_valid_checksum(&once));
            let mut twice = once.clone();
            prop_assert!(!clamp(&mut twice, mtu));
            prop_assert_eq!(twice, once);
        }

        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..120), mtu: u32) {
            let len = bytes.len();
            clamp(&mut bytes, mtu);
            prop_assert_eq!(bytes.len(), len);
        }
    }
}
