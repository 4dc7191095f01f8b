//! Fragments: never coalesced, never corrected, in order.

use super::{Book, FAMILIES, Segment, run};
use crate::craft::{Family, Network, payload};

pub(super) fn add(book: &mut Book) {
    for (name, protocol) in [("TCP", 6), ("UDP", 17), ("ICMP", 1)] {
        let l4 = payload(5, 3_000);
        let whole: Vec<_> = pieces(&l4, |offset, more, data| v4(protocol, offset, more, data));
        book.add(format!("IPv4 {name} in three fragments"), whole.clone());
        book.add(format!("IPv4 {name} fragments backwards"), whole.iter().rev().cloned().collect());
        for (place, index) in [("first", 0), ("middle", 1), ("last", 2)] {
            book.add(format!("IPv4 {name} {place} fragment alone"), vec![whole[index].clone(); 4]);
        }
        let protocol = if protocol == 1 { 58 } else { protocol };
        let whole: Vec<_> = pieces(&l4, |offset, more, data| v6(protocol, offset, more, data));
        book.add(format!("IPv6 {name} in three fragments"), whole.clone());
        for (place, index) in [("first", 0), ("middle", 1), ("last", 2)] {
            book.add(format!("IPv6 {name} {place} fragment alone"), vec![whole[index].clone(); 4]);
        }
    }
    add_among_segments(book);
    let atomic = v6(17, 0, false, &payload(1, 200));
    book.add("IPv6 atomic fragment", vec![atomic; 3]);
    let overlapping =
        vec![v4(17, 0, true, &[1; 800]), v4(17, 50, true, &[2; 800]), v4(17, 0, true, &[3; 800])];
    book.add("IPv4 fragments that overlap", overlapping);
    book.add("IPv4 fragment past 65,535", vec![v4(17, 0x1fff, false, &[7; 100]); 3]);
    book.add("IPv4 fragment of no bytes", vec![v4(6, 10, true, &[]); 3]);
}

/// Segments with a correct checksum, a fragment bit set on one of them or on all.
fn add_among_segments(book: &mut Book) {
    let changes: [(&str, u16, u16); 4] =
        [("MF", 1, 0), ("MF and DF", 3, 0), ("an offset", 0, 100), ("DF and an offset", 2, 100)];
    for (name, flags, offset) in changes {
        let change = |segment: &mut Segment| {
            let header = segment.network.v4_mut();
            (header.flags, header.fragment_offset) = (flags, offset);
        };
        let mut one = run(Family::V4, 6, 1_000);
        change(&mut one[3]);
        book.add_run(format!("IPv4 segment with {name} in the middle"), &one);
        let mut all = run(Family::V4, 6, 1_000);
        all.iter_mut().for_each(change);
        book.add_run(format!("IPv4 segments with {name} on each"), &all);
    }
    for family in FAMILIES {
        let mut packets: Vec<_> = run(family, 6, 1_000).iter().map(Segment::packet).collect();
        let piece = match family {
            Family::V4 => v4(6, 0, true, &payload(0, 800)),
            Family::V6 => v6(6, 0, true, &payload(0, 800)),
        };
        packets.insert(3, piece);
        book.add(format!("{family:?} first fragment between segments"), packets);
    }
}

fn pieces(whole: &[u8], piece: impl Fn(usize, bool, &[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let size = 1_200;
    let count = whole.len().div_ceil(size);
    let each = whole.chunks(size).enumerate();
    each.map(|(index, data)| piece(index * size / 8, index + 1 < count, data)).collect()
}

fn v4(protocol: u8, offset: usize, more: bool, data: &[u8]) -> Vec<u8> {
    let mut network = Network::v4(1);
    let header = network.v4_mut();
    (header.flags, header.fragment_offset) = (u16::from(more), offset as u16);
    network.around(protocol, data)
}

fn v6(protocol: u8, offset: usize, more: bool, data: &[u8]) -> Vec<u8> {
    let mut network = Network::v6(1);
    let place = ((offset as u16) << 3 | u16::from(more)).to_be_bytes();
    network.v6_mut().extensions = vec![(44, vec![0, place[0], place[1], 0, 0, 0, 9])];
    network.around(protocol, data)
}
