//! Malformed packets between correct ones, which must not change.

use super::{Book, FAMILIES, Segment, run};
use crate::craft::{Family, Network, Tcp, flip, payload, with_u16};

/// `wrong` in the middle of a run, and twice after it.
fn add_among(book: &mut Book, family: Family, name: &str, wrong: Vec<u8>) {
    let mut packets: Vec<_> = run(family, 6, 800).iter().map(Segment::packet).collect();
    packets.insert(3, wrong.clone());
    packets.extend([wrong.clone(), wrong]);
    book.add(format!("{family:?} malformed: {name}"), packets);
}

pub(super) fn add(book: &mut Book) {
    for family in FAMILIES {
        add_lengths(book, family);
        add_transport(book, family);
        let segment = run(family, 6, 800)[3].packet();
        for version in 0..16 {
            let wrong = flip(segment.clone(), 0, (segment[0] & 0xf0) ^ (version << 4));
            add_among(book, family, &format!("version {version}"), wrong);
        }
    }
    add_v4(book);
    let junk = |length: usize| payload(length, length);
    book.add("rubbish of 1 to 100 bytes", (1..=100).map(junk).collect());
    let empty = vec![Vec::new(), run(Family::V4, 1, 10)[0].packet(), Vec::new()];
    book.add("empty datagrams", empty);
}

fn add_lengths(book: &mut Book, family: Family) {
    let segment = run(family, 6, 800)[3].packet();
    for cut in [1, 2, 3, 4, 8, 19, 20, 21, 33, 39, 40, 41, 53, 59, 60, 61, segment.len() - 1] {
        add_among(book, family, &format!("cut to {cut} bytes"), segment[..cut].to_vec());
    }
    for extra in [1, 2, 46, 600] {
        let longer = [segment.clone(), vec![0xee; extra]].concat();
        add_among(book, family, &format!("{extra} bytes after its end"), longer);
    }
    // The length field: the whole packet in IPv4, the part behind the header in IPv6.
    let (offset, right) =
        if family == Family::V4 { (2, segment.len()) } else { (4, segment.len() - 40) };
    for value in [0, 1, 19, 20, 39, 40, right - 1, right + 1, right + 100, 65_535] {
        let mut wrong = with_u16(segment.clone(), offset, value as u16);
        if family == Family::V4 {
            refill(&mut wrong);
        }
        add_among(book, family, &format!("length field {value}"), wrong);
    }
}

/// Corrects the checksum of an IPv4 header.
fn refill(packet: &mut [u8]) {
    packet[10..12].fill(0);
    crate::craft::fill(&mut packet[..20], 10, 0);
}

fn add_transport(book: &mut Book, family: Family) {
    let header_len = Network::new(family, 1).header_len();
    let segment = run(family, 6, 800)[3].packet();
    for words in [0, 1, 4, 6, 15] {
        let byte = segment[header_len + 12];
        let wrong = flip(segment.clone(), header_len + 12, byte ^ (words << 4));
        add_among(book, family, &format!("TCP data offset {words}"), wrong);
    }
    for length in [0, 1, 8, 19] {
        let short = Tcp::default().bytes_without_checksum();
        let wrong = Network::new(family, 1).around(6, &short[..length]);
        add_among(book, family, &format!("TCP of {length} bytes"), wrong);
    }
    for length in [0, 1, 7] {
        let wrong = Network::new(family, 1).around(17, &payload(1, length));
        add_among(book, family, &format!("UDP of {length} bytes"), wrong);
    }
}

fn add_v4(book: &mut Book) {
    let segment = run(Family::V4, 6, 800)[3].packet();
    for ihl in [0, 1, 4, 6, 15] {
        let mut wrong = segment.clone();
        wrong[0] = 0x40 | ihl;
        add_among(book, Family::V4, &format!("IHL {ihl}"), wrong.clone());
        refill(&mut wrong);
        add_among(book, Family::V4, &format!("IHL {ihl}, checksum mended"), wrong);
    }
    let wrong = flip(segment.clone(), 10, 0x80);
    add_among(book, Family::V4, "header checksum wrong", wrong);
    let all = run(Family::V4, 8, 800).iter().map(|s| flip(s.packet(), 11, 1)).collect();
    book.add("V4 header checksum wrong on each", all);
    let all = run(Family::V4, 8, 800).iter().map(|s| with_u16(s.packet(), 10, 0)).collect();
    book.add("V4 header checksum zero on each", all);
    // 0x0000 and 0xffff add the same value; only one of them was sent.
    let zero = run(Family::V4, 1, 800).remove(0);
    let mut zero = { zero }.packet();
    let rest = crate::craft::sum(0, &with_u16(with_u16(zero.clone(), 10, 0), 4, 0)[..20]);
    zero = with_u16(with_u16(zero, 4, !rest), 10, 0);
    add_among(book, Family::V4, "header checksum 0x0000, correct", zero.clone());
    add_among(book, Family::V4, "header checksum 0xffff, correct", with_u16(zero, 10, 0xffff));
}
