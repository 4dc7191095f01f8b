//! Properties of the clamp of the MSS, of ICMP errors and of fragments. The laws themselves are in
//! `fuzz/src/path.rs`; these tests create the packets.

use crate::fuzz::path::{Error, clamped, fragmented, reported};
use crate::sample::Sample;
use crate::seed;
use proptest::prelude::*;
use std::net::IpAddr;
use tun2udp_core::packet::mss::SegmentLimit;

const SYN: u16 = 0x002;
const SYN_ACK: u16 = 0x012;

/// Well-formed TCP options in any order, with an MSS among them, of at most 40 bytes in total.
fn well_formed() -> impl Strategy<Value = Vec<u8>> {
    let mss = any::<[u8; 2]>().prop_map(|[a, b]| vec![2, 4, a, b]);
    let option = prop_oneof![
        3 => Just(vec![1]),
        1 => mss.clone(),
        1 => Just(vec![4, 2]),
        1 => Just(vec![3, 3, 7]),
        1 => Just(vec![8, 10, 0, 0, 0, 1, 0, 0, 0, 2]),
        1 => prop::collection::vec(any::<u8>(), 0..6)
            .prop_map(|data| [&[253, data.len() as u8 + 2], &data[..]].concat()),
    ];
    let around = prop::collection::vec(option, 0..5);
    (around.clone(), mss, around).prop_map(|(before, mss, after)| {
        let mut all = Vec::new();
        // The MSS is kept if the options in front of it leave space.
        for option in before.into_iter().chain([mss]).chain(after) {
            if all.len() + option.len() <= 40 {
                all.extend(option);
            }
        }
        // The end of the list, and padding.
        all.resize(all.len().next_multiple_of(4), 0);
        all
    })
}

fn limits() -> impl Strategy<Value = SegmentLimit> {
    prop_oneof![
        (0..70_000_u32).prop_map(SegmentLimit::Mtu),
        any::<u16>().prop_map(SegmentLimit::Mss),
    ]
}

fn sample(is_v6: bool, flags: u16, options: Vec<u8>) -> Sample {
    Sample { is_v6, flags, options, ..Sample::default() }
}

proptest! {
    #![proptest_config(seed::config())]

    #[test]
    fn only_the_mss_of_a_syn_and_its_checksum_change(
        is_v6: bool,
        flags in prop::sample::select(vec![SYN, SYN_ACK, 0x0c2, 0x010, 0x018, 0x004]),
        options in well_formed(),
        payload in prop::collection::vec(any::<u8>(), 0..20),
        limit in limits(),
    ) {
        let packet = sample(is_v6, flags, options).packet(&payload);
        let after = clamped(&packet, limit);
        prop_assert!(flags & SYN != 0 || after == packet);
    }

    #[test]
    fn an_mss_is_never_raised(is_v6: bool, options in well_formed()) {
        let packet = sample(is_v6, SYN, options).packet(b"");
        prop_assert_eq!(clamped(&packet, SegmentLimit::Mss(u16::MAX)), packet.clone());
        let once = clamped(&packet, SegmentLimit::Mss(1_000));
        prop_assert_eq!(clamped(&once, SegmentLimit::Mss(1_001)), once);
    }

    #[test]
    fn malformed_options_are_untouched_or_well_formed(
        is_v6: bool,
        options in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 2, 3, 4, 5, 8, 40, 255]), 0..10)
            .prop_map(|words| words.repeat(4)),
        limit in limits(),
        padding in 0..8_usize,
        cut in 0..40_usize,
    ) {
        let mut packet = sample(is_v6, SYN, options).packet(b"");
        clamped(&[&packet[..], &[2; 8][..padding]].concat(), limit);
        packet.truncate(packet.len().saturating_sub(cut));
        clamped(&packet, limit);
    }

    #[test]
    fn a_packet_that_is_too_long_is_reported_to_its_sender(
        is_v6: bool,
        len in 0..3_000_usize,
        mtu in 0..100_000_u32,
        source in prop::sample::select(vec![None, Some("10.9.0.7"), Some("fd09::7")]),
    ) {
        let packet = sample(is_v6, 0x010, Vec::new()).packet(&vec![7; len]);
        let source = source.map(|address| address.parse::<IpAddr>().unwrap());
        for error in [Error::NoPeer, Error::TooBig(mtu, source)] {
            let reply = reported(&packet, error).unwrap();
            prop_assert_eq!(reported(&reply, error), None);
        }
    }

    #[test]
    fn fragments_reassemble_to_the_packet(
        label in prop::sample::select(vec![0_u8, 4]),
        payload in prop::collection::vec(any::<u8>(), 1..5_000),
        mtu in 68..1_500_usize,
    ) {
        let packet = Sample { label, is_udp: true, ..Sample::default() }.packet(&payload);
        let parts = fragmented(&packet, mtu).unwrap();
        prop_assert_eq!(parts.len(), (packet.len() - 20).div_ceil((mtu - 20) / 8 * 8));
        // A fragment is split further for a narrower path.
        for part in &parts {
            prop_assert!(fragmented(part, 68).is_some());
        }
        let with_df = Sample { label: label | 2, is_udp: true, ..Sample::default() }.packet(&payload);
        prop_assert_eq!(fragmented(&with_df, mtu), None);
    }
}

/// Without this test, the properties above could hold because no MSS is ever lowered.
#[test]
fn an_mss_is_lowered_at_all() {
    for (is_v6, expected) in [(false, 1_360_u16), (true, 1_340)] {
        let packet = sample(is_v6, SYN, vec![2, 4, 0x05, 0xb4]).packet(b"");
        let after = clamped(&packet, SegmentLimit::Mtu(1_400));
        assert_eq!(after[after.len() - 2..], expected.to_be_bytes());
    }
}
