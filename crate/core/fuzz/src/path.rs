//! The laws of packets that are too long for the path: the clamp of the MSS, ICMP errors, and fragments. They are
//! written from the RFCs, independently of the code that they are about.

use super::flows::ones_sum;
use std::net::IpAddr;
use tun2udp_core::packet::fragment::{fragment, is_unfragmentable};
use tun2udp_core::packet::icmp;
use tun2udp_core::packet::mss::{self, SegmentLimit};

/// Bytes of an arena that belong to other packets.
const FOREIGN: [u8; 7] = [0xee; 7];
/// Protocol numbers (IANA).
const ICMP: u8 = 1;
const TCP: u8 = 6;
const ICMPV6: u8 = 58;

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?)))
}

/// Returns the length that the IP header states; `None` if the packet is shorter, or not an IP packet.
fn stated_len(packet: &[u8]) -> Option<usize> {
    let stated = match packet.first()? >> 4 {
        4 => number(packet, 2)?,
        6 => number(packet, 4)? + 40,
        _ => return None,
    };
    (stated <= packet.len()).then_some(stated)
}

/// Returns the protocol of an IP packet and the offset of its payload. IPv6: behind hop-by-hop, routing and destination
/// options, and, with `behind_fragment`, behind the header of a first fragment.
fn payload(packet: &[u8], behind_fragment: bool) -> Option<(u8, usize)> {
    if packet.first()? >> 4 == 4 {
        let len = usize::from(packet[0] & 0xf) * 4;
        return (len >= 20).then_some((*packet.get(9)?, len));
    }
    let (mut next, mut at) = (*packet.get(6)?, 40);
    loop {
        let len = match next {
            0 | 43 | 60 => (usize::from(*packet.get(at + 1)?) + 1) * 8,
            44 if behind_fragment && number(packet, at + 2)? >> 3 == 0 => 8,
            _ => return Some((next, at)),
        };
        next = *packet.get(at)?;
        at += len;
    }
}

/// Returns the offsets of the MSS values in the TCP header at `start..end`; `None` if its options are malformed.
fn mss_values(packet: &[u8], start: usize, end: usize) -> Option<Vec<usize>> {
    let mut values = Vec::new();
    let mut at = start + 20;
    while at < end {
        let len = match packet[at] {
            0 => break,
            1 => 1,
            kind => {
                let len = usize::from(*packet[..end].get(at + 1)?);
                if len < 2 || at + len > end || kind == 2 && len != 4 {
                    return None;
                }
                values.extend((kind == 2).then_some(at + 2));
                len
            }
        };
        at += len;
    }
    Some(values)
}

/// Returns the start of the TCP header of a SYN and the offsets of its MSS values; `None` if the packet must not be
/// changed.
fn syn(packet: &[u8]) -> Option<(usize, Vec<usize>)> {
    let stated = stated_len(packet)?;
    let (protocol, start) = payload(packet, false)?;
    let is_later_fragment = packet[0] >> 4 == 4 && number(packet, 6)? & 0x1fff != 0;
    let len = usize::from(packet.get(start + 12)? >> 4) * 4;
    let is_syn = packet.get(start + 13)? & 0x02 != 0;
    let is_whole = len >= 20 && start + len <= stated;
    if protocol != TCP || is_later_fragment || !is_syn || !is_whole {
        return None;
    }
    Some((start, mss_values(packet, start, start + len)?))
}

/// Returns the limit that the clamp applies to a packet of this version.
fn largest_mss(limit: SegmentLimit, is_v6: bool) -> usize {
    match limit {
        SegmentLimit::Mss(mss) => usize::from(mss),
        SegmentLimit::Mtu(mtu) => {
            (mtu as usize).saturating_sub(if is_v6 { 60 } else { 40 }).min(0xffff)
        }
    }
    .max(1)
}

/// Returns the packet with its MSS lowered, by an implementation of its own. A checksum of 0 may also be 0xffff.
pub fn lowered(packet: &[u8], limit: SegmentLimit) -> Vec<u8> {
    let mut after = packet.to_vec();
    let Some((start, values)) = syn(packet) else { return after };
    let largest = largest_mss(limit, packet[0] >> 4 == 6);
    for at in values {
        let value = number(packet, at).map_or(0, |value| value.min(largest)) as u16;
        after[at..at + 2].copy_from_slice(&value.to_be_bytes());
    }
    if after != packet {
        // The sum of the header with its checksum stays the same, so a wrong checksum stays as wrong.
        let end = start + usize::from(packet[start + 12] >> 4) * 4;
        let sum = |packet: &[u8]| u32::from(ones_sum(0, &packet[start..end]));
        let less = (sum(packet) + 0xffff - sum(&after)) % 0xffff;
        let checksum = (number(packet, start + 16).unwrap_or(0) as u32 + less) % 0xffff;
        after[start + 16..start + 18].copy_from_slice(&(checksum as u16).to_be_bytes());
    }
    after
}

/// Lowers the MSS of a packet, and returns the result.
///
/// Asserts that every MSS is the smaller one of the limit and the old value, that all other bytes except the checksum
/// of TCP are those of the input, that the checksum is correct if it was correct, and that lowering it again changes
/// nothing.
pub fn clamped(packet: &[u8], limit: SegmentLimit) -> Vec<u8> {
    let mut after = packet.to_vec();
    let is_changed = mss::clamp(&mut after, limit);
    assert_eq!(is_changed, after != packet, "the result does not state what was done");
    let mut again = after.clone();
    assert!(!mss::clamp(&mut again, limit), "lowered twice");
    assert_eq!(again, after);

    let mut expected = lowered(packet, limit);
    if let Some((start, values)) = syn(packet) {
        assert!(mss::is_syn(packet) || values.is_empty(), "a SYN with options was not found");
        let field = start + 16..start + 18;
        let sum = |packet: &[u8]| number(packet, field.start).map(|checksum| checksum % 0xffff);
        // 0 and 0xffff are the same number in ones' complement.
        assert_eq!(sum(&after), sum(&expected), "the checksum");
        expected[field.clone()].copy_from_slice(&after[field]);
    }
    assert_eq!(after, expected, "another byte than those of the MSS and the checksum changed");
    after
}

/// Returns whether an error about the packet may be sent: it is not about an ICMP error, a later fragment or multicast,
/// and its sender is one host (RFC 1812, 4.3.2.7; RFC 4443, 2.4 e).
fn may_be_reported(packet: &[u8]) -> bool {
    let Some(version @ (4 | 6)) = packet.first().map(|byte| byte >> 4) else { return false };
    let is_v6 = version == 6;
    let host = |at: usize| match (is_v6, packet.get(at..at + if is_v6 { 16 } else { 4 })) {
        (_, None) => false,
        (true, Some(address)) => {
            let is_low = address[..15] == [0; 15] && address[15] < 2;
            address[0] != 0xff && !is_low
        }
        (false, Some(address)) => !matches!(address[0], 0 | 127 | 224..),
    };
    let (source, destination) = if is_v6 { (8, 24) } else { (12, 16) };
    let is_later = |packet: &[u8]| {
        if is_v6 { None } else { number(packet, 6).map(|field| field & 0x1fff != 0) }
    };
    let is_error = match payload(packet, true) {
        Some((ICMP, at)) if !is_v6 => {
            packet.get(at).is_none_or(|kind| matches!(kind, 3 | 4 | 5 | 11 | 12))
        }
        Some((ICMPV6, at)) if is_v6 => {
            packet.get(at).is_none_or(|kind| *kind < 128 || *kind == 137)
        }
        // The protocol of a later fragment is unknown.
        Some((44, _)) if is_v6 => true,
        Some(_) => false,
        None => true,
    };
    host(source) && host(destination) && !is_later(packet).unwrap_or(false) && !is_error
}

/// An error as [`reported`] asks for it.
#[derive(Clone, Copy, Debug)]
pub enum Error {
    /// No peer has the destination.
    NoPeer,
    /// The packet exceeds this MTU; the error comes from this address, or from the destination.
    TooBig(u32, Option<IpAddr>),
}

/// Returns the ICMP error about a packet.
///
/// Asserts that there is one only where one may be sent, that it is a valid packet of at most 576 bytes (IPv6: 1,280) to
/// the sender, that it quotes the beginning of the packet, and that there is none about it.
pub fn reported(packet: &[u8], error: Error) -> Option<Vec<u8>> {
    let make = |packet: &[u8]| match error {
        Error::NoPeer => icmp::no_peer(packet, None),
        Error::TooBig(mtu, source) => icmp::too_big(packet, mtu, source),
    };
    let reply = make(packet);
    assert_eq!(reply.is_some(), may_be_reported(packet), "whether there is an error");
    let reply = reply?;
    let is_v6 = packet[0] >> 4 == 6;
    let (header, most, address) = if is_v6 { (40, 1_280, 16) } else { (20, 576, 4) };
    assert_eq!(stated_len(&reply), Some(reply.len()), "the length in the header");
    let quote = &reply[header + 8..];
    assert_eq!(quote, &packet[..packet.len().min(most - header - 8)], "the quote");
    let (from, to) = (header - 2 * address, header - address);
    assert_eq!(reply[to..header], packet[from..to], "it goes to another host than the sender");
    let given = match error {
        Error::TooBig(_, Some(IpAddr::V4(source))) if !is_v6 => source.octets().to_vec(),
        Error::TooBig(_, Some(IpAddr::V6(source))) if is_v6 => source.octets().to_vec(),
        _ => packet[to..header].to_vec(),
    };
    assert_eq!(reply[from..to], given, "the source");
    let (kind, rest) = match error {
        Error::NoPeer => (if is_v6 { [1, 0] } else { [3, 1] }, 0),
        Error::TooBig(mtu, _) if is_v6 => ([2, 0], mtu),
        Error::TooBig(mtu, _) => ([3, 4], mtu.min(0xffff)),
    };
    assert_eq!(reply[header..header + 2], kind, "type and code");
    assert_eq!(reply[header + 4..header + 8], rest.to_be_bytes(), "the MTU");
    let protocol = if is_v6 { reply[6] } else { reply[9] };
    assert_eq!(protocol, if is_v6 { ICMPV6 } else { ICMP });
    let pseudo = u32::from(ICMPV6) + (reply.len() - header) as u32;
    let start = if is_v6 { u32::from(ones_sum(pseudo, &reply[8..40])) } else { 0 };
    assert_eq!(ones_sum(start, &reply[header..]), 0xffff, "the checksum of ICMP");
    assert!(is_v6 || ones_sum(0, &reply[..20]) == 0xffff, "the checksum of IPv4");
    assert_eq!(make(&reply), None, "an error about an error");
    Some(reply)
}

/// Returns the fragments of a packet for an MTU; `None` if it may not be fragmented or cannot be.
///
/// Asserts that each fits into the MTU and has a correct header, and that they reassemble to the packet.
pub fn fragmented(packet: &[u8], mtu: usize) -> Option<Vec<Vec<u8>>> {
    let mut arena = FOREIGN.to_vec();
    let plan = fragment(packet, mtu, &mut arena);
    assert_eq!(arena[..FOREIGN.len()], FOREIGN, "headers of other packets were changed");
    let Some(plan) = plan else {
        assert_eq!(arena.len(), FOREIGN.len(), "a refusal left headers behind");
        return None;
    };
    assert_eq!(is_unfragmentable(packet), Some(false));
    let header = usize::from(packet[0] & 0xf) * 4;
    let total = stated_len(packet).expect("a whole IPv4 packet");
    let parts: Vec<Vec<u8>> =
        plan.segments().map(|(header, data)| [&arena[header], &packet[data]].concat()).collect();
    let field = |packet: &[u8]| number(packet, 6).unwrap_or(0);
    let (mut joined, first) = (packet[..header].to_vec(), field(packet));
    for (place, part) in parts.iter().enumerate() {
        let is_last = place + 1 == parts.len();
        assert!(part.len() <= mtu, "{} bytes do not fit into {mtu}", part.len());
        assert_eq!(stated_len(part), Some(part.len()), "the length in a header");
        assert_eq!(ones_sum(0, &part[..header]), 0xffff, "the checksum of a header");
        assert!(is_last || (part.len() - header).is_multiple_of(8), "an odd offset follows");
        let offset = (joined.len() - header) / 8 + (first & 0x1fff);
        let more = if is_last { first & 0x2000 } else { 0x2000 };
        assert_eq!(field(part), first & 0x8000 | more | offset, "flags and offset of {place}");
        // The version, the type of service, the id, time to live, protocol and the addresses.
        for kept in [0..2, 4..6, 8..10, 12..20] {
            assert_eq!(part[kept.clone()], packet[kept], "a field of fragment {place}");
        }
        if place == 0 {
            assert_eq!(part[20..header], packet[20..header], "the options of the first fragment");
        }
        joined.extend(&part[header..]);
    }
    assert_eq!(joined, packet[..total], "they do not reassemble to the packet");
    Some(parts)
}
