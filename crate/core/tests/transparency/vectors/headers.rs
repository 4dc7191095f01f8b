//! Fields of the IP header that change between segments that could be coalesced.

use super::{Book, FAMILIES, Segment, run};
use crate::craft::{Family, Network};

pub(super) fn add(book: &mut Book) {
    for family in FAMILIES {
        let both: [(&str, fn(&mut Network)); 8] = [
            ("TTL", |n| n.set_ttl(63)),
            ("TTL 0", |n| n.set_ttl(0)),
            ("TTL 255", |n| n.set_ttl(255)),
            ("DSCP", |n| n.set_tos(0xb8)),
            ("ECT(0)", |n| n.set_tos(2)),
            ("ECT(1)", |n| n.set_tos(1)),
            ("CE", |n| n.set_tos(3)),
            ("all of TOS", |n| n.set_tos(0xff)),
        ];
        for (name, change) in both {
            add_change(book, family, name, change);
            let mut all = run(family, 4, 900);
            all.iter_mut().for_each(|segment| change(&mut segment.network));
            book.add_run(format!("{family:?} {name} on each"), &all);
        }
    }
    let only_v4: [(&str, fn(&mut Network)); 8] = [
        ("without DF", |n| n.v4_mut().flags = 0),
        ("reserved bit", |n| n.v4_mut().flags = 4),
        ("reserved bit and DF", |n| n.v4_mut().flags = 6),
        ("another id", |n| n.v4_mut().id = 7),
        ("id zero", |n| n.v4_mut().id = 0),
        ("another source", |n| n.v4_mut().source[3] = 2),
        ("another destination", |n| n.v4_mut().destination[3] = 2),
        ("options", |n| n.v4_mut().options = vec![1, 1, 1, 0]),
    ];
    for (name, change) in only_v4 {
        add_change(book, Family::V4, name, change);
    }
    let only_v6: [(&str, fn(&mut Network)); 4] = [
        ("flow label", |n| n.v6_mut().flow_label = 0x54321),
        ("flow label zero", |n| n.v6_mut().flow_label = 0),
        ("another source", |n| n.v6_mut().source[7] = 1),
        ("another destination", |n| n.v6_mut().destination[7] = 1),
    ];
    for (name, change) in only_v6 {
        add_change(book, Family::V6, name, change);
    }
    add_ids(book);
    add_options(book);
}

fn add_change(book: &mut Book, family: Family, name: &str, change: fn(&mut Network)) {
    for (place, at) in [("first", 0), ("middle", 2), ("last", 4)] {
        let mut segments = run(family, 5, 900);
        change(&mut segments[at].network);
        book.add_run(format!("{family:?} {name} on the {place}"), &segments);
    }
}

/// Ids that are consecutive and that are not, with DF, where they have no meaning, and without.
fn add_ids(book: &mut Book) {
    let ways: [(&str, fn(usize) -> u16); 6] = [
        ("all zero", |_| 0),
        ("all the same", |_| 0xabcd),
        ("wrapping", |index| 0xfffeu16.wrapping_add(index as u16)),
        ("by two", |index| index as u16 * 2),
        ("falling", |index| 100 - index as u16),
        ("at random", |index| (index as u16).wrapping_mul(40_503)),
    ];
    for (name, id) in ways {
        for (df, flags) in [("with DF", 2), ("without DF", 0)] {
            let mut segments = run(Family::V4, 6, 900);
            for (index, Segment { network, .. }) in segments.iter_mut().enumerate() {
                network.v4_mut().flags = flags;
                network.set_id(id(index));
            }
            book.add_run(format!("ids {name} {df}"), &segments);
        }
    }
    let mut segments = run(Family::V4, 64, 900);
    segments.iter_mut().for_each(|segment| segment.network.v4_mut().flags = 0);
    book.add_run("ids running on without DF, 64 segments", &segments);
}

fn add_options(book: &mut Book) {
    let options: [(&str, &[u8]); 5] = [
        ("record route", &[7, 7, 4, 0, 0, 0, 0, 0]),
        ("router alert", &[148, 4, 0, 0]),
        ("timestamp", &[68, 8, 5, 0, 0, 0, 0, 0]),
        ("of length 0", &[7, 0, 0, 0]),
        ("40 bytes", &[1; 40]),
    ];
    for (name, bytes) in options {
        let mut segments = run(Family::V4, 4, 900);
        segments.iter_mut().for_each(|segment| segment.network.v4_mut().options = bytes.to_vec());
        book.add_run(format!("IPv4 option {name} on each"), &segments);
    }
}
