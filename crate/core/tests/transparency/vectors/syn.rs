//! SYN and SYN-ACK with the options of real stacks and with malformed ones, for the clamp of the MSS.

use super::{Book, FAMILIES, Segment};
use crate::craft::{Family, Network, Tcp, ack, ece, payload, syn, with_u16};

/// Options by name; the kinds are those of the IANA registry.
const OPTIONS: [(&str, &[u8]); 14] = [
    ("Linux", &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 7]),
    ("Windows", &[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2]),
    ("macOS", &[2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 4, 2, 0, 0]),
    ("MSS last", &[1, 3, 3, 7, 4, 2, 1, 1, 2, 4, 5, 0xb4]),
    ("MSS at an odd offset", &[1, 2, 4, 5, 0xb4, 1, 1, 0]),
    ("two MSS", &[2, 4, 5, 0xb4, 2, 4, 4, 0xb0]),
    ("MSS of 65535", &[2, 4, 0xff, 0xff]),
    ("MSS below the limit", &[2, 4, 2, 0x18]),
    ("MSS of 0", &[2, 4, 0, 0]),
    ("no MSS", &[4, 2, 1, 1]),
    ("MSS behind the end of the list", &[0, 2, 4, 5, 0xb4, 0, 0, 0]),
    ("MSS of 3 bytes", &[2, 3, 5, 1]),
    ("MSS before a malformed option", &[2, 4, 5, 0xb4, 8, 0, 1, 1]),
    ("MSS longer than the header", &[1, 1, 2, 4]),
];

const FLAGS: [(&str, u8); 3] =
    [("SYN", syn), ("SYN ACK", syn | ack), ("SYN ACK ECE", syn | ack | ece)];

pub(super) fn add(book: &mut Book) {
    for family in FAMILIES {
        for (name, options) in OPTIONS {
            for (kind, flags) in FLAGS {
                let segment = segment(family, flags, options);
                book.add_run(format!("{family:?} {kind}, options of {name}"), &[segment]);
            }
        }
        add_odd(book, family);
    }
}

fn segment(family: Family, flags: u8, options: &[u8]) -> Segment {
    let tcp = Tcp { flags, options: options.to_vec(), ..Tcp::default() };
    Segment { network: Network::new(family, 1), tcp }
}

fn add_odd(book: &mut Book, family: Family) {
    let mss = &[2, 4, 5, 0xb4];
    let plain = segment(family, syn, mss);
    let mut with_data = plain.clone();
    with_data.tcp.payload = payload(3, 100);
    book.add_run(format!("{family:?} SYN with data"), &[with_data]);
    let (packet, transport) = (plain.packet(), if family == Family::V4 { 20 } else { 40 });
    let wrong = with_u16(packet.clone(), transport + 16, 0x1234);
    book.add(format!("{family:?} SYN with a wrong checksum"), vec![wrong]);
    let padded = [&packet[..], &[2; 6]].concat();
    book.add(format!("{family:?} SYN with padding behind it"), vec![padded]);
    let (field, shorter) = if family == Family::V4 { (2, 40) } else { (4, 20) };
    let behind = with_u16(packet.clone(), field, shorter);
    book.add(format!("{family:?} SYN whose options are behind its length"), vec![behind]);
    let cut = packet[..packet.len() - 1].to_vec();
    book.add(format!("{family:?} SYN without its last byte"), vec![cut]);
    let mut extended = plain;
    match &mut extended.network {
        Network::V4(header) => header.options = vec![1; 8],
        Network::V6(header) => {
            header.extensions =
                vec![(0, vec![0, 1, 4, 0, 0, 0, 0]), (60, vec![0, 1, 4, 0, 0, 0, 0])];
        }
    }
    book.add_run(format!("{family:?} SYN behind options of IP"), &[extended]);
}
