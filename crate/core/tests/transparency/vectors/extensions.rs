//! IPv6 extension headers (RFC 8200 §4).

use super::{Book, Segment, run};
use crate::craft::{Family, Network, payload};

type Extension = (u8, Vec<u8>);

/// Returns hop-by-hop or destination options: length 0 (8 bytes), PadN.
fn options(kind: u8) -> Extension {
    (kind, vec![0, 1, 4, 0, 0, 0, 0])
}

/// Returns a routing header of an unknown type, no segments left.
fn routing() -> Extension {
    (43, vec![0, 253, 0, 0, 0, 0, 0])
}

/// Returns a segment routing header (RFC 8754) of one segment.
fn segment_routing() -> Extension {
    (43, [vec![2, 4, 0, 0, 0, 0, 0], vec![0x20; 16]].concat())
}

fn atomic_fragment() -> Extension {
    (44, vec![0, 0, 0, 0, 0, 0, 1])
}

/// Returns an authentication header (RFC 4302): its length is in units of 4 bytes, minus 2.
fn authentication() -> Extension {
    (51, vec![4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
}

pub(super) fn add(book: &mut Book) {
    let long = (60, [vec![3, 1, 28], vec![0; 28]].concat());
    let chains: [(&str, Vec<Extension>); 11] = [
        ("hop-by-hop", vec![options(0)]),
        ("destination options", vec![options(60)]),
        ("long destination options", vec![long]),
        ("routing", vec![routing()]),
        ("segment routing", vec![segment_routing()]),
        ("fragment", vec![atomic_fragment()]),
        ("authentication", vec![authentication()]),
        ("hop-by-hop not first", vec![options(60), options(0)]),
        ("hop-by-hop, routing, destination", vec![options(0), routing(), options(60)]),
        ("all of them", vec![options(0), options(60), routing(), atomic_fragment(), options(60)]),
        ("destination options twenty times", vec![options(60); 20]),
    ];
    for (name, extensions) in chains {
        let mut all = run(Family::V6, 5, 900);
        for segment in &mut all {
            segment.network.v6_mut().extensions = extensions.clone();
        }
        book.add_run(format!("IPv6 {name} on each segment"), &all);
        let mut one = run(Family::V6, 5, 900);
        one[2].network.v6_mut().extensions = extensions.clone();
        book.add_run(format!("IPv6 {name} in the middle of a run"), &one);
        let mut network = Network::v6(1);
        network.v6_mut().extensions = extensions;
        let packets = (0..4).map(|index| network.udp(&super::other::udp(index, 700)));
        book.add(format!("IPv6 {name} before UDP"), packets.collect());
    }
    add_broken(book);
}

fn add_broken(book: &mut Book) {
    let mut add = |name: &str, kind: u8, body: &[u8]| {
        let lone = Network::v6(1).around(kind, body);
        let mut packets: Vec<_> = run(Family::V6, 4, 900).iter().map(Segment::packet).collect();
        packets.insert(2, lone);
        book.add(format!("IPv6 {name} between segments"), packets);
    };
    add("hop-by-hop of no bytes", 0, &[]);
    add("hop-by-hop of one byte", 0, &[6]);
    add("hop-by-hop longer than the packet", 0, &[6, 255, 1, 4, 0, 0, 0, 0]);
    add("routing cut off", 43, &[6, 2, 0, 0]);
    add("fragment cut off", 44, &[6, 0, 0, 0, 0, 0, 0]);
    add("destination options that name themselves", 60, &[60, 0, 1, 4, 0, 0, 0, 0]);
    add("no next header", 59, &payload(0, 20));
    add("extension, then half a TCP header", 0, &[6, 0, 1, 4, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
    add("authentication cut off", 51, &[6, 200, 0, 0]);
}
