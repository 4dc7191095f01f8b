//! Packets of the sizes at which something changes.

use super::{Book, FAMILIES, Segment, run, run_of};
use crate::craft::{Family, Network, Tcp, payload};

/// Packets up to the MTU 1,500, and longer ones, which come from the network only.
pub(super) fn add(book: &mut Book) {
    for family in FAMILIES {
        let header_len = Network::new(family, 1).header_len();
        for total in [1_279, 1_280, 1_281, 1_499, 1_500, 1_501, 1_514, 2_000, 9_000] {
            add_total(book, family, total, 3, header_len);
        }
        for total in [40_000, 65_500, 65_506, 65_507] {
            add_total(book, family, total, 2, header_len);
        }
        // Longer than the MTU, in a run that could be coalesced.
        book.add_run(format!("{family:?} run of 10, 3,000 bytes each"), &run(family, 10, 3_000));
        book.add_run(format!("{family:?} run of 4, 30,000 bytes each"), &run(family, 4, 30_000));
        let mut growing = Vec::new();
        for total in header_len + 8..header_len + 300 {
            growing.push(udp_of(family, total, header_len));
        }
        book.add(format!("{family:?} UDP of growing sizes"), growing);
    }
    let lone = |total: usize| {
        let mut network = Network::v4(1);
        network.v4_mut().flags = 2;
        network.around(253, &payload(total, total - 20))
    };
    book.add("V4 of 20 and 21 bytes", vec![lone(20), lone(21), lone(20)]);
    let lone = |total: usize| Network::v6(1).around(253, &payload(total, total - 40));
    book.add("V6 of 40 and 41 bytes", vec![lone(40), lone(41), lone(40)]);
}

/// Packets that only an interface with the largest MTU sends.
pub(super) fn add_large(book: &mut Book) {
    for family in FAMILIES {
        let header_len = Network::new(family, 1).header_len();
        for total in [8_999, 9_000, 9_001, 32_767, 32_768, 65_506, 65_507, 65_526, 65_527] {
            add_total(book, family, total, 3, header_len);
        }
        for (count, size) in [(7, 9_000), (8, 9_000), (2, 32_000), (3, 32_000), (3, 65_000)] {
            let name = format!("{family:?} run of {count}, {size} bytes each");
            book.add_run(name, &run(family, count, size));
        }
        // The length of the super-packet would not fit into 16 bits.
        let first = Segment { network: Network::new(family, 1), tcp: Tcp::default() };
        book.add_run(format!("{family:?} run that fills 65,535"), &run_of(&first, 5, 16_373));
    }
}

fn add_total(book: &mut Book, family: Family, total: usize, count: usize, header_len: usize) {
    let segments = run(family, count, total - header_len - 20);
    book.add_run(format!("{family:?} TCP packets of {total} bytes"), &segments);
    let packets = vec![udp_of(family, total, header_len); count];
    book.add(format!("{family:?} UDP packets of {total} bytes"), packets);
}

fn udp_of(family: Family, total: usize, header_len: usize) -> Vec<u8> {
    Network::new(family, 1).udp(&super::other::udp(total, total - header_len - 8))
}
