use super::*;
use crate::packet::samples::Sample;
use crate::packet::split::{Split, prepare};
use crate::packet::vnet::VnetHeader;
use proptest::prelude::*;

const ALL: CoalesceOptions = CoalesceOptions { tcp: true, udp: true };

/// Coalesces packets, checks the properties that each write must have, and returns the bytes of the writes
/// with their vnet headers.
fn join(packets: &[Vec<u8>], options: CoalesceOptions) -> Vec<(VnetHeader, Vec<u8>)> {
    let buffer = packets.concat();
    let mut coalescer = Coalescer::new(options);
    let mut start = 0;
    for packet in packets {
        coalescer.push(&buffer, start..start + packet.len());
        start += packet.len();
    }
    coalescer.finish(&buffer);
    assert_eq!(coalescer.writes(0).map(|write| write.packets()).sum::<usize>(), packets.len());
    assert_eq!(coalescer.writes(0).map(|write| write.bytes()).sum::<usize>(), buffer.len());
    let write = |write: Write<'_>| {
        let singles: Vec<u8> = write.singles().flat_map(|range| buffer[range].to_vec()).collect();
        assert_eq!(singles.len(), write.bytes());
        let (vnet, headers) = write.header().split_first_chunk().unwrap();
        let payload = write.payload().flat_map(|range| buffer[range].to_vec());
        (VnetHeader::parse(vnet), headers.iter().copied().chain(payload).collect())
    };
    coalescer.writes(0).map(write).collect()
}

/// Splits the writes into packets, as the kernel does if it must pass them on one by one.
fn cut(writes: &[(VnetHeader, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for (vnet, packet) in writes {
        let mut packet = packet.clone();
        let mut arena = Vec::new();
        match prepare(vnet, &mut packet, &mut arena).expect("a super-packet that can be cut") {
            Split::Whole => packets.push(packet),
            Split::Segments(plan) => {
                assert!(plan.count() > 1);
                packets.extend(
                    plan.segments()
                        .map(|(header, payload)| [&arena[header], &packet[payload]].concat()),
                );
            }
        }
    }
    packets
}

fn segments(sample: &Sample, gso_size: usize) -> Vec<Vec<u8>> {
    sample.segments(gso_size)
}

#[test]
fn segments_become_one_write_and_are_split_again_exactly() {
    for is_v6 in [false, true] {
        for is_udp in [false, true] {
            let payload: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
            let sample = Sample { is_v6, is_udp, flags: 0x18, ..Sample::tcp(9, &payload) };
            let packets = segments(&sample, 1_400);
            let writes = join(&packets, ALL);
            assert_eq!(writes.len(), 1, "IPv6 {is_v6}, UDP {is_udp}");
            let (vnet, joined) = &writes[0];
            assert_eq!(vnet.gso_size, 1_400);
            assert_eq!(*joined, sample.partial().0, "the super-packet that was split");
            assert_eq!(cut(&writes), packets);
        }
    }
}

#[test]
fn without_leave_nothing_is_joined() {
    let tcp = segments(&Sample::tcp(9, &[1; 5_000]), 1_000);
    assert_eq!(join(&tcp, CoalesceOptions { tcp: false, udp: true }).len(), 5);
    let udp = segments(&Sample::udp(&[1; 5_000]), 1_000);
    assert_eq!(join(&udp, CoalesceOptions { tcp: true, udp: false }).len(), 5);
}

/// Returns a pair of segments that would be coalesced, the second one modified by `change`.
fn pair(change: impl Fn(&mut Sample)) -> Vec<Vec<u8>> {
    let first = Sample { has_df: false, ..Sample::tcp(100, &[5; 50]) };
    let mut second = Sample { sequence: 150, id: 1, ..first.clone() };
    change(&mut second);
    vec![first.bytes(), second.bytes()]
}

type Change = fn(&mut Sample);

#[test]
fn a_pair_is_joined_only_if_the_cut_gives_it_back() {
    assert_eq!(join(&pair(|_| ()), ALL).len(), 1);
    assert_eq!(join(&pair(|p| p.flags |= 0x08), ALL).len(), 1, "PSH may come last");
    assert_eq!(join(&pair(|p| p.flags |= 0x01), ALL).len(), 1, "FIN may come last");
    assert_eq!(join(&pair(|p| p.payload.truncate(1)), ALL).len(), 1, "the last may be shorter");
    let alone: [(&str, Change); 16] = [
        ("gap", |p| p.sequence += 1),
        ("overlap", |p| p.sequence -= 1),
        ("longer", |p| p.payload.push(1)),
        ("empty", |p| p.payload.clear()),
        ("ttl", |p| p.ttl -= 1),
        ("tos", |p| p.tos ^= 4),
        ("ecn", |p| p.tos ^= 3),
        ("df", |p| p.has_df = true),
        ("id", |p| p.id += 1),
        ("ack", |p| p.ack += 1),
        ("window", |p| p.window += 1),
        ("options", |p| p.options[7] += 1),
        ("cwr", |p| p.flags |= 0x80),
        ("urg", |p| p.flags |= 0x20),
        ("syn", |p| p.flags |= 0x02),
        ("rst", |p| p.flags |= 0x04),
    ];
    for (name, change) in alone {
        assert_eq!(join(&pair(change), ALL).len(), 2, "{name}");
    }
}

#[test]
fn a_wrong_checksum_goes_alone_and_unmended() {
    let packets = segments(&Sample { has_df: false, ..Sample::tcp(9, &[3; 600]) }, 100);
    for at in [10, 36, 60] {
        for bad in 0..packets.len() {
            let mut packets = packets.clone();
            packets[bad][at] ^= 1;
            let writes = join(&packets, ALL);
            assert!(writes.len() >= 2, "byte {at} of packet {bad}");
            assert_eq!(cut(&writes), packets, "byte {at} of packet {bad}");
        }
    }
}

#[test]
fn interleaved_flows_are_joined_each_by_itself() {
    let flows: Vec<_> = (0..MAX_FLOWS as u8)
        .map(|flow| segments(&Sample { flow, ..Sample::tcp(9, &[flow; 400]) }, 100))
        .collect();
    let mixed: Vec<_> =
        (0..4).flat_map(|number| flows.iter().map(move |flow| flow[number].clone())).collect();
    assert_eq!(join(&mixed, ALL).len(), MAX_FLOWS);
}

#[test]
fn nothing_of_a_flow_passes_what_cannot_be_joined() {
    let mut packets = segments(&Sample::tcp(9, &[3; 400]), 100);
    let ack = Sample { payload: vec![], ..Sample::tcp(1, &[]) }.bytes();
    packets.insert(2, ack);
    let writes = join(&packets, ALL);
    assert_eq!(writes.len(), 3);
    assert_eq!(cut(&writes), packets);
    // A fragment ends the super-packets of all flows, since it may belong to any of them.
    let mut fragment = packets[2].clone();
    fragment[6] = 0x20;
    packets[2] = fragment;
    assert_eq!(cut(&join(&packets, ALL)), packets);
}

#[test]
fn a_super_packet_has_its_limits() {
    let long = segments(&Sample::tcp(9, &vec![3; 70_000]), 1_000);
    let writes = join(&long, ALL);
    assert_eq!(writes.len(), 2);
    assert!(writes[0].1.len() <= MAX_LEN);
    let many = segments(&Sample::tcp(9, &[3; 300]), 1);
    assert_eq!(join(&many, ALL).len(), 300_usize.div_ceil(MAX_SEGMENTS_TCP));
    assert_eq!(cut(&join(&many, ALL)).len(), 300);
    // Kernels before 6.9 refuse a UDP super-packet with more packets.
    let many = segments(&Sample::udp(&[3; 300]), 1);
    assert_eq!(join(&many, ALL).len(), 300_usize.div_ceil(64));
    assert_eq!(cut(&join(&many, ALL)).len(), 300);
}

/// Returns the flow of a packet that [`Sample`] created: version, protocol and first port.
fn flow(packet: &[u8]) -> Option<(u8, u8, u8)> {
    let version = packet.first()? >> 4;
    let (protocol, ports) = if version == 4 { (9, 20) } else { (6, 40) };
    Some((version, *packet.get(protocol)?, *packet.get(ports + 1)?))
}

/// Returns the packet without the fields that may change: the id of a packet with DF, and with it the header
/// checksum.
fn normal(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if packet[0] >> 4 == 4 && packet[6] & 0x40 != 0 {
        packet[4..6].fill(0);
        packet[10..12].fill(0);
    }
    packet
}

prop_compose! {
    fn batches()(
        choices in prop::collection::vec(
            (0..4_u8, any::<bool>(), any::<bool>(), 1..400_usize, 0..16_u8, any::<bool>()),
            1..60,
        ),
    ) -> Vec<Vec<u8>> {
        // Sequence numbers are consecutive within a flow, except for a deviation now and then.
        let mut next = [[1_u32; 4]; 4];
        let make = |(flow, is_v6, is_udp, len, oddity, has_df): (u8, bool, bool, usize, u8, bool)| {
            let kind = usize::from(is_v6) * 2 + usize::from(is_udp);
            let sequence = &mut next[kind][usize::from(flow)];
            let mut sample = Sample {
                flow, is_v6, is_udp, has_df,
                id: (*sequence / 100) as u16,
                ..Sample::tcp(*sequence, &vec![len as u8; if oddity == 0 { len } else { 100 }])
            };
            *sequence = sequence.wrapping_add(sample.payload.len() as u32);
            match oddity {
                1 => sample.flags |= 0x08,
                2 => sample.ttl -= 1,
                3 => sample.payload.clear(),
                4 => sample.flags |= 0x80,
                _ => {}
            }
            let mut bytes = sample.bytes();
            if oddity == 5 {
                let last = bytes.len() - 1;
                bytes[last] ^= 0x10;
            }
            bytes
        };
        choices.into_iter().map(make).collect()
    }
}

proptest! {
    #[test]
    fn cutting_what_was_joined_is_the_identity(packets in batches()) {
        let out = cut(&join(&packets, ALL));
        let flows: std::collections::BTreeSet<_> = packets.iter().map(|p| flow(p)).collect();
        prop_assert_eq!(out.len(), packets.len());
        for wanted in flows {
            let of = |all: &[Vec<u8>]| {
                all.iter().filter(|p| flow(p) == wanted).map(|p| normal(p)).collect::<Vec<_>>()
            };
            prop_assert_eq!(of(&out), of(&packets));
        }
    }

    #[test]
    fn joining_segments_is_the_inverse_of_splitting(len in 2_000..60_000_usize, size in 600..1_500_usize) {
        let sample = Sample::tcp(7, &vec![9; len]);
        let writes = join(&segments(&sample, size), ALL);
        prop_assert_eq!(writes.len(), 1);
        prop_assert_eq!(&writes[0].1, &sample.partial().0);
    }

    #[test]
    fn random_bytes_never_panic_and_are_kept(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 0..20),
    ) {
        let packets: Vec<Vec<u8>> = packets
            .into_iter()
            .map(|mut packet| {
                if let Some(first) = packet.first_mut() {
                    *first = if *first & 1 == 0 { 0x45 } else { 0x60 };
                }
                packet
            })
            .collect();
        let joined = join(&packets, ALL);
        prop_assert_eq!(joined.len(), packets.len());
    }
}
