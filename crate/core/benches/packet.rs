//! Measures the cost of the packet path per packet: checksums, splitting, coalescing. `cargo bench -p tun2udp-core`.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tun2udp_core::packet::checksum::{Sum, pseudo_header};
use tun2udp_core::packet::coalesce::{CoalesceOptions, Coalescer};
use tun2udp_core::packet::split::{Split, prepare};
use tun2udp_core::packet::vnet::{
    GSO_TCPV4, GSO_UDP_L4, NEEDS_CSUM, TCP_CSUM_OFFSET, UDP_CSUM_OFFSET, VnetHeader,
};
use tun2udp_core::relay::{LastRoute, Routes};

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

/// Number of addresses that are looked up in turn, more than a cache of the last ones would hold.
const ADDRESSES: usize = 4_096;

/// Returns this many distinct prefixes with lengths as in a routing table: /16 to /28, or /32 to /64 of IPv6.
fn prefixes(random: &mut fastrand::Rng, is_v6: bool, count: usize) -> Vec<IpNet> {
    let mut all = std::collections::BTreeSet::new();
    while all.len() < count {
        let network: IpNet = if is_v6 {
            let address = Ipv6Addr::from(0x2001 << 112 | random.u128(..) >> 16);
            Ipv6Net::new_assert(address, random.u8(32..=64)).into()
        } else {
            Ipv4Net::new_assert(Ipv4Addr::from(random.u32(..)), random.u8(16..=28)).into()
        };
        all.insert(network.trunc());
    }
    all.into_iter().collect()
}

/// Returns an address of the network.
fn host(random: &mut fastrand::Rng, network: IpNet) -> IpAddr {
    match network {
        IpNet::V4(net) => {
            Ipv4Addr::from(u32::from(net.addr()) | random.u32(..) & u32::from(net.hostmask()))
                .into()
        }
        IpNet::V6(net) => {
            Ipv6Addr::from(u128::from(net.addr()) | random.u128(..) & u128::from(net.hostmask()))
                .into()
        }
    }
}

/// The start of a packet to this address.
fn packet_to(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => [&[0x45; 16][..], &address.octets()].concat(),
        IpAddr::V6(address) => [&[0x60; 24][..], &address.octets()].concat(),
    }
}

/// Measures the look-up of the peer of a packet: each to another address, and all to one.
fn routes(criterion: &mut Criterion) {
    for (family, is_v6) in [("IPv4", false), ("IPv6", true)] {
        let mut group = criterion.benchmark_group(format!("routes {family}"));
        for count in [1, 10, 1_000, 100_000] {
            let mut random = fastrand::Rng::with_seed(7);
            let networks = prefixes(&mut random, is_v6, count);
            let mut routes = Routes::default();
            for (peer, network) in networks.iter().enumerate() {
                routes.insert(*network, peer as u32);
            }
            let packets: Vec<Vec<u8>> = (0..ADDRESSES)
                .map(|_| {
                    let network = networks[random.usize(..networks.len())];
                    packet_to(host(&mut random, network))
                })
                .collect();
            look_up(&mut group, &routes, count, &packets);
        }
        group.finish();
    }
}

fn look_up(
    group: &mut BenchmarkGroup<'_, WallTime>,
    routes: &Routes<u32>,
    count: usize,
    packets: &[Vec<u8>],
) {
    let mut next = 0;
    group.bench_function(BenchmarkId::new("other address", count), |bencher| {
        bencher.iter(|| {
            next = (next + 1) % packets.len();
            let found = routes.to(black_box(&packets[next]), &mut LastRoute::default());
            assert!(found.is_some(), "the address is in a prefix");
        });
    });
    group.bench_function(BenchmarkId::new("same address", count), |bencher| {
        let mut last = LastRoute::default();
        bencher.iter(|| routes.to(black_box(&packets[0]), &mut last));
    });
}

criterion_group!(benches, checksum, split, coalesce, routes);
criterion_main!(benches);
