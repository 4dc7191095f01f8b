//! The number of the inner flow, by which packets are assigned to queues and source ports.
//!
//! A TCP flow is identified by addresses and ports, and has the same number in both directions: packets and
//! replies are handled by one queue, whose thread is awake. Any other IPv4 flow is identified by its addresses
//! only, since its fragments have no ports and must not overtake each other; any other IPv6 flow by its addresses
//! and flow label. A frame has the number of its IP packet, and without one that of its two stations. The program that
//! steers packets in the kernel (`bpf::flow`) computes the same.

use super::ethernet::{ADDRESS, ADDRESSES, HEADER, TAG, TYPE_IPV4, TYPE_IPV6, TYPE_VLAN};
use super::header::{behind, ipv4, ipv6, read16, read32, tcp};
use super::layer::Layer;
use super::view::{IPV4_HEADER, IPV6_HEADER, TCP};

/// Spreads the bits of a sum over the upper half: Knuth's multiplicative hash (2^32 / φ).
pub const MULTIPLIER: u32 = 0x9e37_79b1;

/// Returns the number of an IP packet's flow, 16 bits; 0 if `packet` is not an IP packet or is truncated.
#[must_use]
pub fn hash(packet: &[u8]) -> u16 {
    let folded = match packet.first().map(|byte| byte >> 4) {
        Some(4) => fold_v4(packet),
        Some(6) => fold_v6(packet),
        _ => None,
    };
    folded.map_or(0, spread)
}

/// Returns the number of the flow of an IP packet or of a frame, 16 bits.
#[inline]
#[must_use]
pub fn hash_of(layer: Layer, bytes: &[u8]) -> u16 {
    match layer {
        Layer::Ip => hash(bytes),
        Layer::Ethernet => hash_frame(bytes),
    }
}

/// Returns the number of a frame's flow. At most one tag (802.1Q) in front of an IP packet is skipped.
fn hash_frame(frame: &[u8]) -> u16 {
    let kind = |at: usize| read16(frame, at..at + 2);
    let start = if kind(ADDRESSES) == Some(TYPE_VLAN) { HEADER + TAG } else { HEADER };
    let packet = frame.get(start..).unwrap_or_default();
    let version = packet.first().map(|byte| byte >> 4);
    let folded = match (kind(start - 2), version) {
        (Some(TYPE_IPV4), Some(4)) => fold_v4(packet),
        (Some(TYPE_IPV6), Some(6)) => fold_v6(packet),
        (Some(TYPE_IPV4 | TYPE_IPV6) | None, _) => None,
        (Some(_), _) => fold_stations(frame),
    };
    folded.map_or(0, spread)
}

/// Both addresses of a frame, combined regardless of their order.
fn fold_stations(frame: &[u8]) -> Option<u32> {
    let first = read32(frame, 0..4)? ^ read32(frame, ADDRESS..ADDRESS + 4)?;
    let rest = read16(frame, 4..ADDRESS)? ^ read16(frame, ADDRESS + 4..ADDRESSES)?;
    Some(first ^ u32::from(rest))
}

fn spread(word: u32) -> u16 {
    (word.wrapping_mul(MULTIPLIER) >> 16) as u16
}

/// Bits of [`ipv4::FRAGMENT`] of which a fragment has at least one.
pub const IS_FRAGMENT: u16 = ipv4::MORE_FRAGMENTS | ipv4::FRAGMENT_OFFSET;

fn fold_v4(packet: &[u8]) -> Option<u32> {
    let addresses = read32(packet, ipv4::SOURCE)? ^ read32(packet, ipv4::DESTINATION)?;
    let is_fragment = read16(packet, ipv4::FRAGMENT)? & IS_FRAGMENT != 0;
    let transport = usize::from(packet.first()? & 0xf) * 4;
    if *packet.get(ipv4::PROTOCOL)? != TCP || is_fragment || transport < IPV4_HEADER {
        return Some(addresses);
    }
    Some(addresses ^ ports(packet, transport)?)
}

/// Except for TCP, the flow label replaces the ports: fragments and packets with extension headers have it too
/// (RFC 6437, 2). The two directions of a TCP connection have different labels, so the ports are used.
fn fold_v6(packet: &[u8]) -> Option<u32> {
    let (words, _) = packet.get(ipv6::ADDRESSES)?.as_chunks::<4>();
    let addresses = words.iter().fold(0, |sum, word| sum ^ u32::from_be_bytes(*word));
    if *packet.get(ipv6::NEXT_HEADER)? == TCP {
        return Some(addresses ^ ports(packet, IPV6_HEADER)?);
    }
    Some(addresses ^ (read32(packet, ipv6::FIRST_WORD)? & ipv6::FLOW_LABEL))
}

/// Both ports, combined regardless of their order.
fn ports(packet: &[u8], transport: usize) -> Option<u32> {
    let port = |field| read16(packet, behind(transport, field));
    Some(u32::from(port(tcp::SOURCE_PORT)? ^ port(tcp::DESTINATION_PORT)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::Sample;

    fn swap(packet: &mut [u8], at: usize, len: usize) {
        let (first, second) = packet[at..at + 2 * len].split_at_mut(len);
        first.swap_with_slice(second);
    }

    #[test]
    fn both_directions_of_a_flow_have_one_number() {
        for (is_v6, is_udp) in [(false, false), (false, true), (true, false), (true, true)] {
            let packet = Sample { is_v6, is_udp, ..Sample::tcp(1, b"x") }.bytes();
            let mut answer = packet.clone();
            let (addresses, length, ports) = if is_v6 { (8, 16, 40) } else { (12, 4, 20) };
            swap(&mut answer, addresses, length);
            swap(&mut answer, ports, 2);
            // Over IPv6, replies of TCP have another label.
            if is_v6 && !is_udp {
                answer[3] ^= 0xff;
            }
            assert_ne!(packet, answer);
            assert_eq!(hash(&packet), hash(&answer));
        }
    }

    #[test]
    fn flows_of_ipv6_other_than_tcp_differ_by_their_label_only() {
        let packet = Sample { is_v6: true, is_udp: true, ..Sample::tcp(1, b"x") }.bytes();
        let changed = |at: usize| {
            let mut packet = packet.clone();
            packet[at] ^= 1;
            hash(&packet)
        };
        assert_ne!(changed(3), hash(&packet), "the label");
        for at in [0, 4, 6, 41] {
            assert_eq!(changed(at), hash(&packet), "byte {at}");
        }
        assert_eq!(hash(&packet[..40]), hash(&packet), "without ports");
    }

    #[test]
    fn flows_of_tcp_differ_by_their_ports_and_fragments_do_not_count_them() {
        for is_v6 in [false, true] {
            let number = |flow| hash(&Sample { flow, is_v6, ..Sample::tcp(1, b"x") }.bytes());
            let numbers: std::collections::BTreeSet<_> = (0..64).map(number).collect();
            assert!(numbers.len() > 60, "{numbers:?}");
        }
        let mut fragment = Sample { has_df: false, ..Sample::tcp(1, b"x") }.bytes();
        fragment[6] = 0x20;
        let whole = hash(&fragment);
        fragment[21] ^= 0xff;
        assert_eq!(hash(&fragment), whole);
        // A header that is too short does not yield ports.
        fragment[6] = 0;
        fragment[0] = 0x44;
        assert_eq!(hash(&fragment), whole);
    }

    #[test]
    fn a_frame_has_the_number_of_its_packet_or_of_its_stations() {
        let of_frame = |frame: &[u8]| hash_of(Layer::Ethernet, frame);
        for (is_v6, kind) in [(false, [8, 0]), (true, [0x86, 0xdd])] {
            let packet = Sample { is_v6, ..Sample::tcp(1, b"x") }.bytes();
            let stations = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
            let untagged = [&stations[..], &kind, &packet].concat();
            let tagged = [&stations[..], &[0x81, 0, 0, 7], &kind, &packet].concat();
            assert_eq!((of_frame(&untagged), of_frame(&tagged)), (hash(&packet), hash(&packet)));
            // The type is that of the other version.
            assert_eq!(of_frame(&[&stations[..], &[8, 0], &packet].concat()) == 0, is_v6);
            assert_eq!(of_frame(&untagged[..20]), 0, "it ends within its addresses");
        }
        let arp = |from: u8, to: u8| {
            of_frame(&[&[2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 6][..], &[0; 28]].concat())
        };
        assert_eq!((arp(1, 2), arp(1, 2) == arp(1, 3)), (arp(2, 1), false));
        assert_eq!(of_frame(&[0; 13]), 0);
        assert_eq!(hash_of(Layer::Ip, &[0x60; 60]), hash(&[0x60; 60]));
    }

    #[test]
    fn bytes_that_are_not_a_packet_have_the_number_0() {
        for packet in [&[][..], b"\x45", b"\x60", b"\x00\x00", &[0x45; 19], &[0x60; 39]] {
            assert_eq!(hash(packet), 0, "{packet:?}");
        }
        let tcp = Sample { is_v6: true, ..Sample::tcp(1, b"x") }.bytes();
        assert_eq!(hash(&tcp[..43]), 0, "it ends within its ports");
    }
}
