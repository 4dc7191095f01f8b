use super::*;
use crate::packet::samples::Sample;
use crate::packet::vnet::{TCP_CSUM_OFFSET, UDP_CSUM_OFFSET, VnetHeader};
use proptest::prelude::*;

fn vnet(sample: &Sample, gso_size: u16, csum_start: usize) -> VnetHeader {
    let gso_type = match (sample.is_udp, sample.is_v6) {
        (true, _) => GSO_UDP_L4,
        (false, true) => GSO_TCPV6,
        (false, false) => GSO_TCPV4,
    };
    VnetHeader {
        flags: NEEDS_CSUM,
        gso_type,
        // Wrong on purpose, since it must not be used.
        hdr_len: 7,
        gso_size,
        csum_start: csum_start as u16,
        csum_offset: if sample.is_udp { UDP_CSUM_OFFSET } else { TCP_CSUM_OFFSET },
    }
}

fn split(vnet: &VnetHeader, packet: &[u8]) -> Result<Vec<Vec<u8>>, SplitError> {
    let mut packet = packet.to_vec();
    // Headers of other packets in the arena must not matter.
    let mut arena = vec![0xee; 33];
    Ok(match prepare(vnet, &mut packet, &mut arena)? {
        Split::Whole => vec![packet],
        Split::Segments(plan) => plan
            .segments()
            .map(|(header, payload)| [&arena[header], &packet[payload]].concat())
            .collect(),
    })
}

#[test]
fn golden_bytes_of_two_segments() {
    // 10.0.0.1:4097 → 10.0.0.2:80, 3 bytes of payload split into 2 and 1, PSH, id 0xffff without DF.
    let packet = [
        0x45, 0, 0, 43, 0xff, 0xff, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, //
        0x10, 1, 0, 80, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 77, 0x50, 0x18, 1, 0xf4, 0x14, 0x20, 0, 0,
        b'a', b'b', b'c',
    ];
    let vnet = VnetHeader {
        flags: NEEDS_CSUM,
        gso_type: GSO_TCPV4,
        hdr_len: 40,
        gso_size: 2,
        csum_start: 20,
        csum_offset: 16,
    };
    let segments = split(&vnet, &packet).unwrap();
    let first = [
        0x45, 0, 0, 42, 0xff, 0xff, 0, 0, 64, 6, 0x66, 0xcc, 10, 0, 0, 1, 10, 0, 0, 2, //
        0x10, 1, 0, 80, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 77, 0x50, 0x10, 1, 0xf4, 0x27, 0xdc, 0, 0,
        b'a', b'b',
    ];
    let second = [
        0x45, 0, 0, 41, 0, 0, 0, 0, 64, 6, 0x66, 0xcd, 10, 0, 0, 1, 10, 0, 0, 2, //
        0x10, 1, 0, 80, 0, 0, 0, 1, 0, 0, 0, 77, 0x50, 0x18, 1, 0xf4, 0x26, 0x36, 0, 0, b'c',
    ];
    assert_eq!(segments, [&first[..], &second[..]]);
}

#[test]
fn an_ordinary_packet_stays_and_a_missing_checksum_is_put_in() {
    let sample = Sample::tcp(5, b"payload");
    let whole = sample.bytes();
    assert_eq!(split(&VnetHeader::default(), &whole).unwrap(), [&whole[..]]);
    let (partial, start) = sample.partial();
    let vnet = VnetHeader { gso_type: GSO_NONE, ..vnet(&sample, 0, start) };
    assert_eq!(split(&vnet, &partial).unwrap(), [whole]);
}

#[test]
fn headers_that_lie_are_refused() {
    let sample = Sample::tcp(5, &[7; 3_000]);
    let (packet, start) = sample.partial();
    let good = vnet(&sample, 1_000, start);
    assert_eq!(split(&good, &packet).unwrap().len(), 3);
    let lies = [
        (VnetHeader { gso_size: 0, ..good }, SplitError::SegmentSize),
        (VnetHeader { gso_type: 2, ..good }, SplitError::UnknownType),
        (VnetHeader { gso_type: 3, ..good }, SplitError::UnknownType),
        (VnetHeader { gso_type: GSO_TCPV6, ..good }, SplitError::Headers),
        (VnetHeader { gso_type: GSO_UDP_L4, ..good }, SplitError::Headers),
        (VnetHeader { csum_start: 24, ..good }, SplitError::Headers),
        (VnetHeader { csum_start: 0xffff, ..good }, SplitError::Headers),
        (VnetHeader { gso_type: GSO_NONE, csum_start: 0xffff, ..good }, SplitError::Checksum),
        (VnetHeader { gso_type: GSO_NONE, csum_offset: 0xffff, ..good }, SplitError::Checksum),
    ];
    for (vnet, expected) in lies {
        assert_eq!(split(&vnet, &packet), Err(expected), "{vnet:?}");
    }
    for len in 0..start + 32 {
        assert!(split(&good, &packet[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn a_refused_packet_leaves_the_arena_alone() {
    let sample = Sample::tcp(5, &[7; 3_000]);
    let (mut packet, start) = sample.partial();
    let mut arena = vec![1, 2, 3];
    let vnet = VnetHeader { gso_size: 0, ..vnet(&sample, 1_000, start) };
    assert!(prepare(&vnet, &mut packet, &mut arena).is_err());
    assert_eq!((packet, arena), (sample.partial().0, vec![1, 2, 3]));
}

prop_compose! {
    fn samples()(
        (is_v6, is_udp, has_df) in any::<(bool, bool, bool)>(),
        (id, sequence, ack, window) in any::<(u16, u32, u32, u16)>(),
        flags in any::<u8>(),
        options in prop::collection::vec(any::<u8>(), 0..=10),
        payload in prop::collection::vec(any::<u8>(), 1..9_000),
        tos in any::<u8>(),
    ) -> Sample {
        let options = options.iter().flat_map(|byte| [*byte; 4]).collect();
        Sample {
            is_v6, is_udp, has_df, id, sequence, ack, window, flags, options, payload, tos,
            flow: 1, ttl: 64,
        }
    }
}

proptest! {
    #[test]
    fn the_cut_is_that_of_naive_segmentation(sample in samples(), gso_size in 1..3_000_u16) {
        let (packet, start) = sample.partial();
        let segments = split(&vnet(&sample, gso_size, start), &packet).unwrap();
        prop_assert_eq!(segments, sample.segments(usize::from(gso_size)));
    }

    #[test]
    fn random_bytes_never_panic(
        header in any::<[u8; 10]>(),
        mut packet in prop::collection::vec(any::<u8>(), 0..300),
        first in prop::sample::select(vec![0x45, 0x46, 0x4f, 0x60]),
    ) {
        if let Some(byte) = packet.first_mut() {
            *byte = first;
        }
        let _ = prepare(&VnetHeader::parse(&header), &mut packet, &mut Vec::new());
    }
}
