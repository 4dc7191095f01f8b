//! Measures the cost of the packet path per packet: checksums, splitting, coalescing. `cargo bench -p tun2udp-core`.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tun2udp_core::packet::checksum::{Sum, pseudo_header};
use tun2udp_core::packet::coalesce::{CoalesceOptions, Coalescer};
use tun2udp_core::packet::split::{Split, prepare};
use tun2udp_core::packet::vnet::{
    GSO_TCPV4, GSO_UDP_L4, NEEDS_CSUM, TCP_CSUM_OFFSET, UDP_CSUM_OFFSET, VnetHeader,
};

/// A super-packet of TCP or UDP over IPv4 with `payload` bytes, as the kernel hands it over.
fn super_packet(is_udp: bool, payload: usize, gso_size: u16) -> (VnetHeader, Vec<u8>) {
    let (protocol, header, csum_offset) =
        if is_udp { (17, 8, UDP_CSUM_OFFSET) } else { (6, 20, TCP_CSUM_OFFSET) };
    let len = 20 + header + payload;
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2, 0x10, 1, 0, 80]);
    packet.resize(len, 0x5a);
    packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
    if is_udp {
        packet[24..26].copy_from_slice(&((8 + payload) as u16).to_be_bytes());
    } else {
        packet[32..34].copy_from_slice(&[0x50, 0x10]);
    }
    let pseudo = pseudo_header(protocol, header + payload).and(Sum::of(&packet[12..20])).folded();
    let field = 20 + usize::from(csum_offset);
    packet[field..field + 2].copy_from_slice(&pseudo);
    let vnet = VnetHeader {
        flags: NEEDS_CSUM,
        gso_type: if is_udp { GSO_UDP_L4 } else { GSO_TCPV4 },
        hdr_len: (20 + header) as u16,
        gso_size,
        csum_start: 20,
        csum_offset,
    };
    (vnet, packet)
}

/// The packets that a super-packet stands for.
fn packets(vnet: &VnetHeader, packet: &mut [u8]) -> Vec<Vec<u8>> {
    let mut arena = Vec::new();
    match prepare(vnet, packet, &mut arena) {
        Ok(Split::Segments(plan)) => plan
            .segments()
            .map(|(header, payload)| [&arena[header], &packet[payload]].concat())
            .collect(),
        other => panic!("a super-packet: {other:?}"),
    }
}

fn checksum(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    for len in [20, 64, 1_448, 65_000] {
        let data = vec![0x5a; len];
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::from_parameter(len), |bencher| {
            bencher.iter(|| Sum::of(black_box(&data)).checksum());
        });
    }
    group.finish();
}

/// A case: its name, whether it is UDP, bytes of payload in total and of each packet.
const CASES: [(&str, bool, usize, u16); 3] = [
    ("TCP 1448", false, 62_264, 1_448),
    ("UDP 1400", true, 61_600, 1_400),
    ("UDP 64", true, 4_096, 64),
];

fn split(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("split");
    for (name, is_udp, payload, gso_size) in CASES {
        let (vnet, mut packet) = super_packet(is_udp, payload, gso_size);
        let mut arena = Vec::new();
        group.throughput(Throughput::Bytes(payload as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                arena.clear();
                prepare(black_box(&vnet), &mut packet, &mut arena)
            });
        });
    }
    group.finish();
}

fn coalesce(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("coalesce");
    for (name, is_udp, payload, gso_size) in CASES {
        let (vnet, mut packet) = super_packet(is_udp, payload, gso_size);
        let packets = packets(&vnet, &mut packet);
        let buffer = packets.concat();
        let mut coalescer = Coalescer::new(CoalesceOptions { tcp: true, udp: true });
        let mut join = || {
            coalescer.clear();
            let mut start = 0;
            for packet in &packets {
                coalescer.push(black_box(&buffer), start..start + packet.len());
                start += packet.len();
            }
            coalescer.finish(&buffer);
            coalescer.len()
        };
        assert_eq!(join(), 1, "{name} is one super-packet");
        group.throughput(Throughput::Bytes(buffer.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(&mut join));
    }
    group.finish();
}

criterion_group!(benches, checksum, split, coalesce);
criterion_main!(benches);
