//! Properties of random packets.

use crate::fuzz::flows::mended;
use crate::fuzz::law::{ALL, assert_kept, cut, cut_again, join};
use crate::sample::Sample;
use crate::seed;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// Maximum length of a packet, bytes.
const MAX_LEN: usize = 65_535;
/// Maximum number of packets per super-packet.
const MAX_SEGMENTS: usize = 64;
/// Flags that a super-packet may have: FIN, PSH, ACK, ECE, CWR and the reserved bits.
const JOINABLE_FLAGS: u16 = 0xfd9;

fn options() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<[u8; 4]>(), 0..=10).prop_map(|words| words.concat())
}

prop_compose! {
    fn samples()(
        (is_v6, is_udp) in any::<(bool, bool)>(),
        (flow, tos, ttl, label) in any::<(u8, u8, u8, u8)>(),
        (id, sequence, ack, window, urgent) in any::<(u16, u32, u32, u16, u16)>(),
        flags in any::<u16>(),
        options in options(),
    ) -> Sample {
        let flags = flags & JOINABLE_FLAGS;
        Sample {
            is_v6, is_udp, flow, tos, ttl, label, id, sequence, ack, flags, window, urgent, options,
        }
    }
}

prop_compose! {
    /// Returns a sample, and a payload of several segments that fit into one super-packet.
    fn super_packets()(sample in samples(), gso_size in 1..1_461_usize)(
        // The payload must be longer than one segment and not longer than a packet can be.
        len in gso_size + 1
            ..=(gso_size * MAX_SEGMENTS).min(MAX_LEN - sample.header_len()),
        first in any::<u8>(),
        sample in Just(sample),
        gso_size in Just(gso_size),
    ) -> (Sample, Vec<u8>, usize) {
        let payload = (0..len).map(|at| (at / 7) as u8 ^ first).collect();
        (sample, payload, gso_size)
    }
}

/// Deviation of one packet of a batch.
#[derive(Clone, Debug)]
enum Oddity {
    None,
    /// Bits of a byte of the headers are flipped, and the checksums corrected.
    Changed(usize, u8),
    /// Bits of a byte of the headers are flipped, and the checksums are wrong.
    Spoilt(usize, u8),
    /// It has this number of bytes of payload.
    Size(usize),
    /// Its sequence number differs by this number of bytes: a gap, or a repetition.
    Gap(i32),
    /// It is truncated.
    Cut(usize),
}

fn oddities() -> impl Strategy<Value = Oddity> {
    let bit = || (0..8_u32).prop_map(|bit| 1 << bit);
    prop_oneof![
        12 => Just(Oddity::None),
        4 => (0..64_usize, bit()).prop_map(|(at, bits)| Oddity::Changed(at, bits)),
        1 => (0..120_usize, bit()).prop_map(|(at, bits)| Oddity::Spoilt(at, bits)),
        2 => (0..130_usize).prop_map(Oddity::Size),
        1 => (-200..200_i32).prop_map(Oddity::Gap),
        1 => (0..60_usize).prop_map(Oddity::Cut),
    ]
}

/// Returns packets of interleaved flows, a few of them with a deviation.
fn batches() -> impl Strategy<Value = Vec<Vec<u8>>> {
    // This includes flags that no super-packet may have, in all packets of a flow.
    let flags = prop_oneof![5 => Just(0), 1 => any::<u16>()];
    let flow = (samples(), flags)
        .prop_map(|(sample, flags)| Sample { flags: sample.flags | flags & 0xfff, ..sample });
    let flows = prop::collection::vec(flow, 1..6);
    let steps = prop::collection::vec((0..6_usize, oddities()), 1..150);
    (flows, steps).prop_map(|(mut flows, steps)| {
        let count = flows.len();
        steps.into_iter().map(|(flow, oddity)| next(&mut flows[flow % count], &oddity)).collect()
    })
}

/// Returns the next packet of a flow, which continues it.
fn next(flow: &mut Sample, oddity: &Oddity) -> Vec<u8> {
    const SIZE: usize = 100;
    if let Oddity::Gap(bytes) = oddity {
        flow.sequence = flow.sequence.wrapping_add_signed(*bytes);
    }
    let size = if let Oddity::Size(size) = oddity { *size } else { SIZE };
    let mut now = flow.clone();
    // FIN and PSH end a super-packet and CWR begins one. They are rare, so that there are long ones.
    now.flags &= if flow.sequence.is_multiple_of(5) { 0xfff } else { 0xf76 };
    let mut packet = now.packet(&vec![flow.sequence as u8; size]);
    flow.sequence = flow.sequence.wrapping_add(size as u32);
    flow.id = flow.id.wrapping_add(1);
    match *oddity {
        Oddity::Changed(at, bits) => {
            flip(&mut packet, at, bits);
            packet = mended(packet);
        }
        Oddity::Spoilt(at, bits) => flip(&mut packet, at, bits),
        Oddity::Cut(bytes) => packet.truncate(packet.len().saturating_sub(bytes).max(1)),
        _ => {}
    }
    packet
}

fn flip(packet: &mut [u8], at: usize, bits: u8) {
    let at = at.min(packet.len() - 1);
    packet[at] ^= bits;
}

proptest! {
    #![proptest_config(seed::config())]

    #[test]
    fn coalescing_the_packets_of_a_split_is_the_identity((sample, payload, gso_size) in super_packets()) {
        let (vnet, packet) = sample.super_packet(&payload, gso_size as u16);
        let segments = cut(&vnet, &packet).unwrap();
        prop_assert_eq!(segments.len(), payload.len().div_ceil(gso_size));
        let joined = join(&segments, ALL);
        prop_assert_eq!(joined.len(), 1);
        prop_assert_eq!(&joined[0].vnet, &vnet);
        prop_assert_eq!(&joined[0].packet, &packet);
    }

    #[test]
    fn the_first_segment_is_the_packet_that_would_have_been_sent_alone(
        (sample, payload, gso_size) in super_packets(),
    ) {
        let (vnet, packet) = sample.super_packet(&payload, gso_size as u16);
        let segments = cut(&vnet, &packet).unwrap();
        let alone = Sample { flags: sample.flags & !0x009, ..sample };
        prop_assert_eq!(&segments[0], &alone.packet(&payload[..gso_size]));
    }

    #[test]
    fn cutting_what_was_joined_is_the_identity(packets in batches()) {
        let joined = join(&packets, ALL);
        assert_kept(&packets, &cut_again(&joined));
    }

    #[test]
    fn a_single_changed_header_byte_is_never_lost(
        (sample, payload, gso_size) in super_packets(),
        place in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bits in 1..=255_u8,
    ) {
        let (vnet, packet) = sample.super_packet(&payload, gso_size as u16);
        let mut segments = cut(&vnet, &packet).unwrap();
        let place = place.index(segments.len());
        let mut changed = segments[place].clone();
        changed[at.index(sample.header_len())] ^= bits;
        segments[place] = mended(changed);
        assert_kept(&segments, &cut_again(&join(&segments, ALL)));
    }
}

/// Without this test, the properties above could hold because no packets are ever coalesced.
#[test]
fn batches_at_random_are_joined_at_all() {
    let mut runner = proptest::test_runner::TestRunner::new(seed::config());
    let (mut packets, mut writes) = (0, 0);
    for _ in 0..100 {
        let batch = batches().new_tree(&mut runner).unwrap().current();
        packets += batch.len();
        writes += join(&batch, ALL).len();
    }
    assert!(writes * 3 < packets * 2, "{packets} packets were {writes} writes");
    assert!(writes * 20 > packets, "{packets} packets were {writes} writes");
}
