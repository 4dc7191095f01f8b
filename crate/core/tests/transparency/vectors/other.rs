//! UDP, ICMP, ICMPv6 and other protocols.

use super::{Book, FAMILIES, Segment};
use crate::craft::{Family, Icmp, Network, Udp, flip, payload, sum, with_u16};

pub(super) fn add(book: &mut Book) {
    for family in FAMILIES {
        add_udp(book, family);
        add_udp_wrong(book, family);
        add_icmp(book, family);
        for protocol in [0, 2, 4, 41, 47, 50, 51, 59, 89, 132, 136, 253, 255] {
            let network = Network::new(family, 1);
            let packets = (0..3).map(|index| network.around(protocol, &payload(index, 100)));
            book.add(format!("{family:?} protocol {protocol}"), packets.collect());
        }
    }
    add_udp_ids(book);
    // The outer header is correct; its payload is another packet.
    let inner = Network::v6(1).udp(&udp(0, 50));
    book.add("IPv6 in IPv4", vec![Network::v4(1).around(41, &inner); 3]);
    let inner = Network::v4(1).udp(&udp(0, 50));
    book.add("IPv4 in IPv4", vec![Network::v4(1).around(4, &inner); 3]);
    let mut every = Vec::new();
    for protocol in 0..=255 {
        every.push(Network::v4(1).around(protocol, &payload(usize::from(protocol), 40)));
        every.push(Network::v6(1).around(protocol, &payload(usize::from(protocol), 40)));
    }
    book.add("all protocol numbers", every);
}

pub(super) fn udp(seed: usize, size: usize) -> Udp {
    Udp { source: 5_000, destination: 4_433, payload: payload(seed, size), ..Udp::default() }
}

/// `segment` with two payload bytes chosen so that its checksum is 0x0000 or 0xffff.
pub(super) fn tuned(segment: &Segment, value: u16) -> Vec<u8> {
    let mut segment = segment.clone();
    segment.tcp.payload[..2].fill(0);
    let bytes = segment.tcp.bytes_without_checksum();
    let pseudo = segment.network.pseudo_sum(6, bytes.len());
    let rest = sum(u32::from(pseudo), &bytes);
    segment.tcp.payload[..2].copy_from_slice(&(!rest).to_be_bytes());
    with_u16(segment.packet(), segment.network.header_len() + 16, value)
}

fn add_udp(book: &mut Book, family: Family) {
    for (count, size) in [(2, 1_200), (3, 1), (10, 1_200), (64, 500), (65, 1_400), (128, 20)] {
        let mut network = Network::new(family, 1);
        let packets = (0..count).map(|index| {
            network.advance_id(1);
            network.udp(&udp(index, size))
        });
        book.add(format!("{family:?} UDP, {count} of {size} bytes"), packets.collect());
    }
    let network = Network::new(family, 1);
    book.add(format!("{family:?} UDP without payload"), vec![network.udp(&udp(0, 0)); 3]);
    let sizes = [1_000, 1_000, 1_000, 400, 1_000, 1_000, 0, 1_000, 1_001, 999];
    let mixed = sizes.iter().enumerate().map(|(index, size)| network.udp(&udp(index, *size)));
    book.add(format!("{family:?} UDP of mixed sizes"), mixed.collect());
    let flows = (0..60).map(|index: usize| {
        let mut one = udp(index, 700);
        one.source += (index % 6) as u16;
        network.udp(&one)
    });
    book.add(format!("{family:?} UDP, six flows by turns"), flows.collect());
}

fn add_udp_ids(book: &mut Book) {
    for (df, flags) in [("with DF", 2), ("without DF", 0)] {
        for (name, step) in [("the same id", 0), ("ids running on", 1), ("ids by three", 3)] {
            let mut network = Network::v4(1);
            network.v4_mut().flags = flags;
            let packets = (0..10).map(|index| {
                network.advance_id(step);
                network.udp(&udp(index, 700))
            });
            book.add(format!("V4 UDP {df}, {name}"), packets.collect());
        }
    }
}

fn add_udp_wrong(book: &mut Book, family: Family) {
    let network = Network::new(family, 1);
    let at = network.header_len();
    let mut add = |name: &str, change: &dyn Fn(usize) -> Vec<u8>| {
        book.add(format!("{family:?} UDP {name} on each"), (0..6).map(change).collect());
        let one = |index| if index == 3 { change(index) } else { network.udp(&udp(index, 800)) };
        book.add(format!("{family:?} UDP {name} in the middle"), (0..6).map(one).collect());
    };
    let correct = |index: usize| network.udp(&udp(index, 800));
    add("checksum zero", &|index| network.udp(&Udp { checksum: Some(0), ..udp(index, 800) }));
    add("checksum 0xffff, wrong", &|index| {
        network.udp(&Udp { checksum: Some(0xffff), ..udp(index, 800) })
    });
    add("checksum wrong", &|index| flip(correct(index), at + 7, 1));
    add("payload flipped", &|index| flip(correct(index), at + 100, 1));
    add("length too long", &|index| with_u16(correct(index), at + 4, 900));
    add("length too short", &|index| with_u16(correct(index), at + 4, 700));
    add("length 7", &|index| with_u16(correct(index), at + 4, 7));
    add("length 0", &|index| with_u16(correct(index), at + 4, 0));
    add("sum that folds to 0xffff", &|index| {
        let mut one = udp(index, 800);
        one.payload[..2].fill(0);
        let bytes = one.bytes_without_checksum();
        let rest = sum(u32::from(network.pseudo_sum(17, bytes.len())), &bytes);
        one.payload[..2].copy_from_slice(&(!rest).to_be_bytes());
        network.udp(&one)
    });
}

fn add_icmp(book: &mut Book, family: Family) {
    let network = Network::new(family, 1);
    let (request, reply) = if family == Family::V4 { (8, 0) } else { (128, 129) };
    for (name, kind) in [("request", request), ("reply", reply), ("of an unknown type", 200)] {
        let packets = (0..5).map(|index: u8| {
            let mut body = vec![0x12, 0x34, 0, index];
            body.extend(payload(usize::from(index), 56));
            network.icmp(&Icmp { kind, code: 0, body })
        });
        book.add(format!("{family:?} ICMP echo {name}"), packets.collect());
    }
    let wrong = flip(
        network.icmp(&Icmp { kind: request, code: 0, body: vec![0; 60] }),
        network.header_len() + 2,
        1,
    );
    book.add(format!("{family:?} ICMP wrong checksum"), vec![wrong; 3]);
    let quoted = network.udp(&udp(0, 20));
    let body = [vec![0; 4], quoted].concat();
    let kind = if family == Family::V4 { 3 } else { 1 };
    book.add(
        format!("{family:?} ICMP unreachable"),
        vec![network.icmp(&Icmp { kind, code: 1, body }); 2],
    );
    book.add(
        format!("{family:?} ICMP of 4 bytes"),
        vec![network.icmp(&Icmp { kind: request, ..Icmp::default() })],
    );
}
