//! TCP flags and options: alone, and between segments that could be coalesced.

use super::{Book, FAMILIES, Segment, run};
use crate::craft::{Family, Tcp, ack, cwr, ece, fin, payload, psh, rst, syn, urg};

const COMBINATIONS: [(&str, u8); 20] = [
    ("no flag", 0),
    ("FIN", fin),
    ("FIN ACK", fin | ack),
    ("FIN PSH ACK", fin | psh | ack),
    ("SYN", syn),
    ("SYN ACK", syn | ack),
    ("SYN ECE CWR", syn | ece | cwr),
    ("SYN ACK ECE", syn | ack | ece),
    ("SYN FIN", syn | fin),
    ("RST", rst),
    ("RST ACK", rst | ack),
    ("PSH", psh),
    ("PSH ACK", psh | ack),
    ("URG ACK", urg | ack),
    ("URG PSH ACK", urg | psh | ack),
    ("ECE ACK", ece | ack),
    ("CWR ACK", cwr | ack),
    ("CWR ECE ACK", cwr | ece | ack),
    ("CWR PSH ACK", cwr | psh | ack),
    ("all flags", 0xff),
];

/// Each a multiple of four bytes; the kinds are those of the IANA registry.
const OPTIONS: [(&str, &[u8]); 13] = [
    ("timestamps", &[1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0]),
    ("timestamps first", &[8, 10, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]),
    ("MSS", &[2, 4, 5, 0xb4]),
    ("window scale", &[1, 3, 3, 7]),
    ("SACK permitted", &[1, 1, 4, 2]),
    ("one SACK block", &[1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9]),
    ("unknown kind", &[253, 4, 0xab, 0xcd]),
    ("no-operations", &[1, 1, 1, 1]),
    ("end, then rubbish", &[0, 0xaa, 0xbb, 0xcc]),
    ("kind with length 0", &[8, 0, 1, 1]),
    ("kind with length 1", &[5, 1, 1, 1]),
    ("kind longer than the header", &[8, 40, 0, 0]),
    ("40 bytes", &[1; 40]),
];

pub(super) fn add(book: &mut Book) {
    for family in FAMILIES {
        add_flags(book, family);
        add_options(book, family);
        add_fields(book, family);
    }
}

fn changed(family: Family, at: usize, change: impl Fn(&mut Tcp)) -> Vec<Segment> {
    let mut segments = run(family, 5, 1_000);
    change(&mut segments[at].tcp);
    segments
}

fn add_flags(book: &mut Book, family: Family) {
    for (name, flags) in COMBINATIONS {
        let segments = changed(family, 2, |tcp| tcp.flags = flags);
        book.add_run(format!("{family:?} TCP flags {name} in the middle"), &segments);
        let lone = |bytes: usize| {
            let tcp = Tcp { flags, payload: payload(3, bytes), ..Tcp::default() };
            Segment { network: crate::craft::Network::new(family, 1), tcp }
        };
        let lone = [lone(0), lone(0), lone(1)];
        book.add_run(format!("{family:?} TCP flags {name} alone, no payload"), &lone);
        let mut all = run(family, 4, 1_000);
        all.iter_mut().for_each(|segment| segment.tcp.flags = flags);
        book.add_run(format!("{family:?} TCP flags {name} on each"), &all);
    }
    for (name, flags) in [("PSH", psh | ack), ("FIN", fin | ack), ("CWR", cwr | ack)] {
        for (place, at) in [("first", 0), ("last", 4)] {
            let segments = changed(family, at, |tcp| tcp.flags = flags);
            book.add_run(format!("{family:?} TCP {name} on the {place}"), &segments);
        }
    }
}

fn add_options(book: &mut Book, family: Family) {
    for (name, options) in OPTIONS {
        let segments = changed(family, 2, |tcp| tcp.options = options.to_vec());
        book.add_run(format!("{family:?} TCP option {name} in the middle"), &segments);
        let mut all = run(family, 4, 1_000);
        all.iter_mut().for_each(|segment| segment.tcp.options = options.to_vec());
        book.add_run(format!("{family:?} TCP option {name} on each"), &all);
    }
    let mut stamped = run(family, 6, 1_000);
    for (index, segment) in stamped.iter_mut().enumerate() {
        // The value increases after the third segment, as it does every millisecond.
        segment.tcp.options = vec![1, 1, 8, 10, 0, 0, 1, (index / 3) as u8, 0, 0, 2, 0];
    }
    book.add_run(format!("{family:?} TCP timestamps move on"), &stamped);
}

fn add_fields(book: &mut Book, family: Family) {
    let mut add = |name: &str, change: &dyn Fn(&mut Tcp)| {
        for (place, at) in [("first", 0), ("middle", 2), ("last", 4)] {
            let segments = changed(family, at, change);
            book.add_run(format!("{family:?} TCP {name} on the {place}"), &segments);
        }
    };
    add("another window", &|tcp| tcp.window = 77);
    add("window zero", &|tcp| tcp.window = 0);
    add("a later ACK", &|tcp| tcp.ack += 1);
    add("an earlier ACK", &|tcp| tcp.ack -= 1_000);
    add("reserved bit", &|tcp| tcp.reserved = 0b0100);
    add("NS bit", &|tcp| tcp.reserved = 0b0001);
    add("urgent pointer without URG", &|tcp| tcp.urgent = 5);
    add("URG with its pointer", &|tcp| (tcp.flags, tcp.urgent) = (urg | ack, 5));
    add("another source port", &|tcp| tcp.source += 1);
    add("another destination port", &|tcp| tcp.destination += 1);
}
