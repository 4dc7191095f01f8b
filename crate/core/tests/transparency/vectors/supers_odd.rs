//! Unusual partial checksums and super-packets, which the kernel passes nevertheless.

use super::supers::{self, GSO_UFO, NEEDS_CSUM, big, partial, tcp};
use super::{Book, FAMILIES, Input, Segment};
use crate::craft::{Family, Network, Tcp, payload, sum, with_u16};
use crate::support::packet_socket::VnetHeader;

pub(super) fn add(book: &mut Book) {
    for family in FAMILIES {
        add_partial(book, family);
        add_odd_partial(book, family);
        add_tuned(book, family);
        add_odd(book, family);
    }
    let network = Network::v4(1);
    let mut ufo = supers::udp(&network, &super::other::udp(3, 5_000), 1_480);
    ufo.header.gso_type = GSO_UFO;
    book.add_inputs("UFO: to be cut into fragments", vec![ufo; 2]);
}

fn add_partial(book: &mut Book, family: Family) {
    for size in [0, 1, 2, 3, 999, 1_400] {
        let mut inputs = Vec::new();
        for index in 0..4_u32 {
            let mut segment = big(family, size);
            segment.tcp.seq += index * size as u32;
            inputs.push(partial(tcp(&segment, 1)));
        }
        book.add_inputs(format!("{family:?} TCP of {size} bytes, partial checksum"), inputs);
        let network = Network::new(family, 1);
        let one = partial(supers::udp(&network, &super::other::udp(size, size), 1));
        book.add_inputs(format!("{family:?} UDP of {size} bytes, partial checksum"), vec![one; 3]);
    }
    // The stack's seed is the sum of the pseudo header. Another one yields a wrong checksum, which must not
    // be corrected.
    let mut wrong = tcp(&big(family, 700), 1);
    let at = wrong.packet.len() - 720 + 16;
    wrong.packet = with_u16(wrong.packet, at, 0x1234);
    book.add_inputs(
        format!("{family:?} partial checksum, wrong seed"),
        vec![partial(wrong.clone())],
    );
    wrong.header.gso_size = 100;
    book.add_inputs(format!("{family:?} TSO, wrong seed"), vec![wrong]);
}

/// Sums over other parts of the packet than those of TCP and UDP.
fn add_odd_partial(book: &mut Book, family: Family) {
    let network = Network::new(family, 1);
    let at = network.header_len() as u16;
    let mut add = |name: &str, protocol: u8, csum_start: u16, csum_offset: u16| {
        let packet = network.around(protocol, &payload(4, 333));
        let header =
            VnetHeader { flags: NEEDS_CSUM, csum_start, csum_offset, ..VnetHeader::default() };
        book.add_inputs(
            format!("{family:?} partial checksum, {name}"),
            vec![Input { header, packet }; 2],
        );
    };
    add("ICMP", if family == Family::V4 { 1 } else { 58 }, at, 2);
    add("another protocol", 253, at, 10);
    add("odd start", 253, at + 1, 4);
    add("odd offset", 253, at, 7);
    add("far into the payload", 17, at + 100, 50);
    add("at the very end", 17, at + 331, 0);
}

/// Payloads for which the completed checksum is zero: a checksum helper writes 0xffff, a segmenter
/// may write 0x0000 for TCP, and UDP must not have zero.
fn add_tuned(book: &mut Book, family: Family) {
    let network = Network::new(family, 1);
    let zeroing = |bytes: Vec<u8>, protocol: u8| {
        let pseudo = network.pseudo_sum(protocol, bytes.len());
        !sum(u32::from(pseudo), &bytes)
    };
    let mut segment = big(family, 600);
    segment.tcp.payload[..2].fill(0);
    let word = zeroing(segment.tcp.bytes_without_checksum(), 6);
    segment.tcp.payload[..2].copy_from_slice(&word.to_be_bytes());
    let one = partial(tcp(&segment, 1));
    book.add_inputs(format!("{family:?} TCP, partial checksum that completes to zero"), vec![one]);
    let mut datagram = super::other::udp(1, 600);
    datagram.payload[..2].fill(0);
    let word = zeroing(datagram.bytes_without_checksum(), 17);
    datagram.payload[..2].copy_from_slice(&word.to_be_bytes());
    let one = partial(supers::udp(&network, &datagram, 1));
    book.add_inputs(format!("{family:?} UDP, partial checksum that completes to zero"), vec![one]);
    add_tuned_supers(book, family);
}

/// Super-packets whose segments all have the checksum zero.
fn add_tuned_supers(book: &mut Book, family: Family) {
    let mut segment = big(family, 1_800);
    let mut datagram = super::other::udp(1, 1_800);
    for piece in 0..3_usize {
        let place = piece * 600..piece * 600 + 600;
        let network = Network::new(family, 1);
        let tcp = Tcp {
            seq: segment.tcp.seq + place.start as u32,
            payload: segment.tcp.payload[place.clone()].to_vec(),
            ..segment.tcp.clone()
        };
        let tuned = super::other::tuned(&Segment { network: network.clone(), tcp }, 0);
        segment.tcp.payload[place.clone()].copy_from_slice(&tuned[tuned.len() - 600..]);
        let mut part = super::other::udp(1, 600);
        part.payload.copy_from_slice(&datagram.payload[place.clone()]);
        part.payload[..2].fill(0);
        let bytes = part.bytes_without_checksum();
        let word = !sum(u32::from(network.pseudo_sum(17, bytes.len())), &bytes);
        part.payload[..2].copy_from_slice(&word.to_be_bytes());
        datagram.payload[place].copy_from_slice(&part.payload);
    }
    book.add_inputs(format!("{family:?} TSO, each checksum zero"), vec![tcp(&segment, 600)]);
    let input = supers::udp(&Network::new(family, 1), &datagram, 600);
    book.add_inputs(format!("{family:?} USO, each checksum zero"), vec![input]);
}

fn add_odd(book: &mut Book, family: Family) {
    for (gso_size, bytes) in [(1_501, 6_000), (9_000, 30_000), (32_000, 65_000), (65_000, 65_100)] {
        let input = tcp(&big(family, bytes), gso_size);
        book.add_inputs(format!("{family:?} TSO of {gso_size}, above the MTU"), vec![input]);
    }
    let mut add = |name: &str, change: &dyn Fn(&mut Input)| {
        let mut input = tcp(&big(family, 3_000), 1_000);
        change(&mut input);
        book.add_inputs(format!("{family:?} TSO, {name}"), vec![input]);
    };
    let at = Network::new(family, 1).header_len();
    add("hdr_len zero", &|i| i.header.hdr_len = 0);
    add("hdr_len one byte", &|i| i.header.hdr_len = 1);
    add("hdr_len too long", &|i| i.header.hdr_len += 12);
    add("rubbish checksum field", &|i| i.packet = with_u16(i.packet.clone(), at + 16, 0xbeef));
    add("IP length zero", &|i| {
        i.packet = with_u16(i.packet.clone(), if family == Family::V4 { 2 } else { 4 }, 0);
    });
    if family == Family::V4 {
        add("IP header checksum wrong", &|i| i.packet[10] ^= 0x55);
        add("fragment bits", &|i| i.packet[6] |= 0x20);
    }
}
