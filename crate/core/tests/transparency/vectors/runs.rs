//! Consecutive segments, and runs with deviations.

use super::{Book, FAMILIES, Segment, run, run_of};
use crate::craft::{Family, Network, Tcp, Udp, ack, fin, flip, payload, psh};

pub(super) fn add(book: &mut Book) {
    for family in FAMILIES {
        for count in [2, 3, 4, 7, 16, 17, 32, 44, 45, 46, 63, 64, 65] {
            book.add_run(
                format!("{family:?} run of {count}, 1,400 bytes each"),
                &run(family, count, 1_400),
            );
        }
        for size in [1, 2, 3, 7, 8, 99, 536, 1_399] {
            book.add_run(
                format!("{family:?} run of 64, {size} bytes each"),
                &run(family, 64, size),
            );
        }
        book.add_run(format!("{family:?} run of 200 full segments"), &run(family, 200, 1_400));
        add_ends(book, family);
        add_gaps(book, family);
        add_interleaved(book, family);
        add_checksums(book, family);
    }
}

fn resize(segment: &mut Segment, size: usize) {
    segment.tcp.payload = payload(9, size);
}

fn add_ends(book: &mut Book, family: Family) {
    for size in [0, 1, 2, 500, 999] {
        let mut segments = run(family, 8, 1_000);
        resize(&mut segments[7], size);
        book.add_run(format!("{family:?} last of {size} bytes"), &segments);
        // The segment after a short one begins where that one ends.
        let mut next = segments[7].clone();
        next.tcp.seq = next.tcp.seq.wrapping_add(size as u32);
        next.network.advance_id(1);
        segments.extend(run_of(&next, 4, 1_000));
        book.add_run(format!("{family:?} one of {size} bytes in the middle"), &segments);
    }
    let mut longer = run(family, 4, 1_000);
    resize(&mut longer[3], 1_001);
    book.add_run(format!("{family:?} last is longer"), &longer);
    for (name, flags) in [("PSH", psh | ack), ("FIN", fin | ack), ("PSH and FIN", psh | fin | ack)]
    {
        let mut segments = run(family, 8, 1_000);
        resize(&mut segments[7], 321);
        segments[7].tcp.flags = flags;
        book.add_run(format!("{family:?} short last with {name}"), &segments);
        let mut segments = run(family, 12, 1_000);
        for index in [3, 4, 8] {
            segments[index].tcp.flags = flags;
        }
        book.add_run(format!("{family:?} {name} here and there"), &segments);
    }
    let mut acks = run(family, 40, 0);
    for (index, segment) in acks.iter_mut().enumerate() {
        segment.tcp.ack += index as u32 * 2_800;
    }
    book.add_run(format!("{family:?} pure ACKs that advance"), &acks);
    book.add_run(format!("{family:?} the same pure ACK many times"), &run(family, 40, 0));
}

fn add_gaps(book: &mut Book, family: Family) {
    let mut add = |name: &str, change: fn(&mut Vec<Segment>)| {
        let mut segments = run(family, 10, 1_000);
        change(&mut segments);
        book.add_run(format!("{family:?} {name}"), &segments);
    };
    add("a segment is missing", |s| drop(s.remove(4)));
    add("a segment twice", |s| s.insert(4, s[3].clone()));
    add("all segments twice", |s| s.extend(s.clone()));
    add("two change places", |s| s.swap(4, 5));
    add("backwards", |s| s.reverse());
    add("first comes last", |s| s.rotate_left(1));
    add("last comes first", |s| s.rotate_right(1));
    add("overlap by one byte", |s| s[5].tcp.seq -= 1);
    add("gap of one byte", |s| s[5].tcp.seq += 1);
    add("sequence wraps", |s| {
        for segment in s.iter_mut() {
            segment.tcp.seq = segment.tcp.seq.wrapping_add(0xf000_0000 - 3_500);
        }
    });
    add("keep-alive in the middle", |s| {
        let mut probe = s[5].clone();
        probe.tcp.seq -= 1;
        probe.tcp.payload = vec![0];
        s.insert(5, probe);
    });
    add("an ACK without payload in the middle", |s| {
        let mut pure = s[5].clone();
        pure.tcp.payload.clear();
        s.insert(5, pure);
    });
}

fn add_interleaved(book: &mut Book, family: Family) {
    for flows in [2, 3, 8, 9, 33, 100] {
        let each = 600 / flows.max(10);
        let all: Vec<Vec<Segment>> = (0..flows)
            .map(|flow| {
                let network = Network::new(family, (flow % 7) as u8);
                let tcp = Tcp { source: 30_000 + flow as u16, ..Tcp::default() };
                run_of(&Segment { network, tcp }, each, 1_000)
            })
            .collect();
        let by_turns = (0..each).flat_map(|at| all.iter().map(move |flow| flow[at].clone()));
        book.add_run(format!("{family:?} {flows} flows by turns"), &by_turns.collect::<Vec<_>>());
    }
    let forth = run(family, 10, 1_000);
    let mut packets = Vec::new();
    for (index, segment) in forth.iter().enumerate() {
        packets.push(segment.packet());
        // The same ports in reverse, another protocol with the same ports, the other family: all of them
        // are other flows.
        let mut back = segment.clone();
        std::mem::swap(&mut back.tcp.source, &mut back.tcp.destination);
        packets.push(back.packet());
        let udp = Udp {
            source: 40_000,
            destination: 443,
            payload: payload(index, 1_000),
            ..Udp::default()
        };
        packets.push(segment.network.udp(&udp));
        let other = if family == Family::V4 { Family::V6 } else { Family::V4 };
        packets.push(run(other, 10, 1_000)[index].packet());
    }
    book.add(format!("{family:?} other flows of the same ports between"), packets);
}

fn add_checksums(book: &mut Book, family: Family) {
    let header_len = if family == Family::V4 { 20 } else { 40 };
    let places = [("TCP checksum", header_len + 16), ("payload", header_len + 300)];
    for (name, offset) in places {
        for (place, at) in [("first", 0), ("middle", 4), ("last", 7)] {
            let mut packets: Vec<_> = run(family, 8, 1_000).iter().map(Segment::packet).collect();
            packets[at] = flip(packets[at].clone(), offset, 0x10);
            book.add(format!("{family:?} wrong {name} on the {place}"), packets);
        }
        let all = run(family, 8, 1_000).iter().map(|s| flip(s.packet(), offset, 0x10)).collect();
        book.add(format!("{family:?} wrong {name} on each"), all);
    }
    // 0x0000 and 0xffff are the same sum; the bytes must not change.
    for value in [0, 0xffff] {
        let packets = run(family, 6, 1_000)
            .iter()
            .map(|segment| super::other::tuned(segment, value))
            .collect();
        book.add(format!("{family:?} TCP checksum {value:#06x} on each"), packets);
    }
}
