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
        let differ: Vec<usize> = (0..before.len()).filter(|i| before[*i] != after[*i]).collect();
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
