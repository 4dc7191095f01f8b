//! ICMP errors about a packet, for its sender (RFC 792, RFC 4443).

use super::checksum::{Sum, pseudo_header};
use super::header::{behind, ipv4, ipv6, read16, write};
use super::view::{IPV4_HEADER, IPV6_HEADER};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IP protocol number of ICMP.
const ICMP: u8 = 1;
/// IP protocol number of ICMPv6.
const ICMPV6: u8 = 58;
/// Bytes of an ICMP header.
const ICMP_HEADER: usize = 8;
/// Maximum length of an error, bytes: what every host accepts (RFC 1812, 4.3.2.3), and the minimum MTU of IPv6.
const MAX_V4: usize = 576;
const MAX_V6: usize = 1_280;
/// Time to live of an error.
const TTL: u8 = 64;
/// Internetwork control (RFC 1812, 4.3.2.5).
const PRECEDENCE: u8 = 0xc0;

/// The error that an ICMP message reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    /// ICMP: destination unreachable, host (RFC 792; RFC 1812, 5.2.7.1). ICMPv6: destination unreachable, no route
    /// (RFC 4443, 3.1).
    NoPeer,
    /// ICMP: fragmentation needed (RFC 1191, 4). ICMPv6: packet too big (RFC 4443, 3.2).
    TooBig {
        /// MTU that the packet exceeds, bytes.
        mtu: u32,
    },
}

impl Problem {
    /// Type and code of ICMP, and the four bytes behind the checksum.
    fn header_v4(self) -> ([u8; 2], [u8; 4]) {
        match self {
            Self::NoPeer => ([3, 1], [0; 4]),
            // The field has 16 bits; the upper ones are unused.
            Self::TooBig { mtu } => ([3, 4], mtu.min(0xffff).to_be_bytes()),
        }
    }

    /// The same of ICMPv6.
    fn header_v6(self) -> ([u8; 2], [u8; 4]) {
        match self {
            Self::NoPeer => ([1, 0], [0; 4]),
            Self::TooBig { mtu } => ([2, 0], mtu.to_be_bytes()),
        }
    }
}

/// Returns the packet that reports to the sender of `packet` that no peer has its destination. `None` if no error may be
/// sent: about ICMP errors, later fragments, multicast, and invalid packets (RFC 1122, 3.2.2; RFC 4443, 2.4).
///
/// It comes from `source` if that is of the same address family, otherwise from the destination of `packet`. An address
/// of this machine would be refused as a source on its own interface.
#[must_use]
pub fn no_peer(packet: &[u8], source: Option<IpAddr>) -> Option<Vec<u8>> {
    error(packet, Problem::NoPeer, source)
}

/// Returns the packet that reports to the sender of `packet` that it exceeds the path MTU, `mtu` bytes. `None` in
/// the same cases as [`no_peer`].
///
/// It comes from `source` if that is of the same address family, otherwise from the destination of `packet`.
#[must_use]
pub fn too_big(packet: &[u8], mtu: u32, source: Option<IpAddr>) -> Option<Vec<u8>> {
    error(packet, Problem::TooBig { mtu }, source)
}

fn error(packet: &[u8], problem: Problem, from: Option<IpAddr>) -> Option<Vec<u8>> {
    match (packet.first()? >> 4, from) {
        (4, Some(IpAddr::V4(from))) => error_v4(packet, problem, Some(from.octets())),
        (4, _) => error_v4(packet, problem, None),
        (6, Some(IpAddr::V6(from))) => error_v6(packet, problem, Some(from.octets())),
        (6, _) => error_v6(packet, problem, None),
        _ => None,
    }
}

fn error_v4(packet: &[u8], problem: Problem, from: Option<[u8; 4]>) -> Option<Vec<u8>> {
    let header_len = usize::from(packet.first()? & 0xf) * 4;
    let source = packet.get(ipv4::SOURCE)?.first_chunk::<4>()?;
    let destination = packet.get(ipv4::DESTINATION)?.first_chunk::<4>()?;
    let is_later_fragment = read16(packet, ipv4::FRAGMENT)? & ipv4::FRAGMENT_OFFSET != 0;
    if header_len < IPV4_HEADER || is_later_fragment || !is_host_v4(*source) {
        return None;
    }
    let is_icmp = *packet.get(ipv4::PROTOCOL)? == ICMP;
    if !is_host_v4(*destination) || is_icmp && !is_query_v4(packet, header_len) {
        return None;
    }
    let quote = packet.get(..packet.len().min(MAX_V4 - IPV4_HEADER - ICMP_HEADER))?;
    let message = message(problem.header_v4(), quote, Sum::default());
    let length = u16::try_from(IPV4_HEADER + message.len()).ok()?.to_be_bytes();
    let mut reply = vec![0x45, PRECEDENCE, length[0], length[1], 0, 0, 0x40, 0, TTL, ICMP, 0, 0];
    reply.extend(from.as_ref().unwrap_or(destination));
    reply.extend(source);
    let checksum = Sum::of(&reply).checksum();
    write(&mut reply, ipv4::CHECKSUM, checksum)?;
    reply.extend(message);
    Some(reply)
}

fn error_v6(packet: &[u8], problem: Problem, from: Option<[u8; 16]>) -> Option<Vec<u8>> {
    let source = packet.get(ipv6::SOURCE)?.first_chunk::<16>()?;
    let destination = packet.get(ipv6::DESTINATION)?.first_chunk::<16>()?;
    if !is_host_v6(*source) || !is_host_v6(*destination) || is_error_v6(packet)? {
        return None;
    }
    let quote = packet.get(..packet.len().min(MAX_V6 - IPV6_HEADER - ICMP_HEADER))?;
    let from = from.as_ref().unwrap_or(destination);
    let addresses = Sum::of(source).and(Sum::of(from));
    let pseudo = addresses.and(pseudo_header(ICMPV6, ICMP_HEADER + quote.len()));
    let message = message(problem.header_v6(), quote, pseudo);
    let length = u16::try_from(message.len()).ok()?.to_be_bytes();
    let mut reply = vec![0x60, 0, 0, 0, length[0], length[1], ICMPV6, TTL];
    reply.extend(from);
    reply.extend(source);
    reply.extend(message);
    Some(reply)
}

/// Returns an ICMP message of this type and code, with these four bytes behind the checksum, that quotes a
/// packet.
fn message(([kind, code], rest): ([u8; 2], [u8; 4]), quote: &[u8], pseudo: Sum) -> Vec<u8> {
    let [a, b, c, d] = rest;
    let header = [kind, code, 0, 0, a, b, c, d];
    let [first, second] = Sum::of(&header).and(Sum::of(quote)).and(pseudo).checksum();
    [&[kind, code, first, second, a, b, c, d], quote].concat()
}

/// Returns whether an address belongs to one host.
fn is_host_v4(address: [u8; 4]) -> bool {
    let address = Ipv4Addr::from(address);
    // 0/8 is "this network", 224/4 multicast, 240/4 reserved and broadcast.
    address.octets()[0] != 0 && address.octets()[0] < 224 && !address.is_loopback()
}

fn is_host_v6(address: [u8; 16]) -> bool {
    let address = Ipv6Addr::from(address);
    !address.is_unspecified() && !address.is_multicast() && !address.is_loopback()
}

/// Returns whether an ICMP packet is not an error: errors are 3, 4, 5, 11 and 12 (RFC 1122, 3.2.2).
fn is_query_v4(packet: &[u8], header_len: usize) -> bool {
    packet.get(header_len).is_some_and(|kind| !matches!(kind, 3 | 4 | 5 | 11 | 12))
}

/// Returns whether an IPv6 packet is, or may be, an ICMPv6 error or redirect; `None` if it is truncated.
fn is_error_v6(packet: &[u8]) -> Option<bool> {
    let (mut next, mut at) = (*packet.get(ipv6::NEXT_HEADER)?, IPV6_HEADER);
    loop {
        match next {
            ICMPV6 => {
                let kind = *packet.get(at)?;
                return Some(kind < 128 || kind == 137);
            }
            ipv6::HOP_BY_HOP | ipv6::ROUTING | ipv6::DESTINATION_OPTIONS => {
                next = *packet.get(at + ipv6::EXTENSION_NEXT)?;
                at += (usize::from(*packet.get(at + ipv6::EXTENSION_LENGTH)?) + 1) * 8;
            }
            ipv6::FRAGMENT => {
                // A later fragment does not show what the packet is.
                let field = read16(packet, behind(at, ipv6::FRAGMENT_FIELD))?;
                if field & ipv6::FRAGMENT_OFFSET != 0 {
                    return Some(true);
                }
                next = *packet.get(at + ipv6::EXTENSION_NEXT)?;
                at += ipv6::FRAGMENT_HEADER;
            }
            _ => return Some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::Sample;
    use proptest::prelude::*;

    fn sample(is_v6: bool, payload: &[u8]) -> Vec<u8> {
        Sample { is_v6, ..Sample::udp(payload) }.bytes()
    }

    #[test]
    fn an_error_is_a_valid_packet_that_quotes_the_refused_one() {
        for (is_v6, len) in [(false, 10), (false, 2_000), (true, 10), (true, 2_000)] {
            let packet = sample(is_v6, &vec![7; len]);
            let reply = no_peer(&packet, None).unwrap();
            let (header, addresses, most) =
                if is_v6 { (40, 8..40, 1_280) } else { (20, 12..20, 576) };
            let quoted = packet.len().min(most - header - 8);
            assert_eq!(reply[header + 8..], packet[..quoted]);
            let half = addresses.len() / 2;
            let swapped =
                [&packet[addresses.clone()][half..], &packet[addresses.clone()][..half]].concat();
            assert_eq!(reply[addresses.clone()], swapped);
            if is_v6 {
                assert_eq!(reply[..8], [0x60, 0, 0, 0, reply[4], reply[5], 58, 64]);
                assert_eq!(read16(&reply, ipv6::PAYLOAD_LENGTH), Some((reply.len() - 40) as u16));
                assert_eq!(reply[40..42], [1, 0]);
                let pseudo = pseudo_header(58, reply.len() - 40).and(Sum::of(&reply[addresses]));
                assert!(pseudo.and(Sum::of(&reply[40..])).is_valid());
            } else {
                assert_eq!((reply[0], reply[9]), (0x45, 1));
                assert_eq!(read16(&reply, ipv4::TOTAL_LENGTH), Some(reply.len() as u16));
                assert_eq!(reply[20..22], [3, 1]);
                assert!(Sum::of(&reply[..20]).is_valid() && Sum::of(&reply[20..]).is_valid());
            }
            assert_eq!(no_peer(&reply, None), None, "no error about an error");
        }
    }

    #[test]
    fn a_packet_that_is_too_big_is_answered_with_the_mtu() {
        let from: [IpAddr; 2] = ["10.9.0.7".parse().unwrap(), "fd00::7".parse().unwrap()];
        for (is_v6, from) in [(false, from[0]), (true, from[1])] {
            let packet = sample(is_v6, &[7; 1_400]);
            let reply = too_big(&packet, 1_372, Some(from)).unwrap();
            let (header, kind) = if is_v6 { (40, [2, 0]) } else { (20, [3, 4]) };
            assert_eq!(reply[header..header + 2], kind);
            assert_eq!(reply[header + 4..header + 8], 1_372_u32.to_be_bytes());
            assert_eq!(reply[header + 8..], packet[..reply.len() - header - 8]);
            let (source, sum) = match from {
                IpAddr::V4(from) => {
                    (from.octets().to_vec(), Sum::of(&reply[..20]).and(Sum::default()))
                }
                IpAddr::V6(from) => (
                    from.octets().to_vec(),
                    pseudo_header(58, reply.len() - 40).and(Sum::of(&reply[8..])),
                ),
            };
            let at = if is_v6 { 8 } else { 12 };
            assert_eq!(reply[at..at + source.len()], source);
            assert!(sum.is_valid());
            // A source of the other family is not used.
            let other = too_big(
                &packet,
                1_372,
                Some(if is_v6 { "10.9.0.7" } else { "fd00::7" }.parse().unwrap()),
            );
            assert_eq!(other, too_big(&packet, 1_372, None));
            assert_eq!(too_big(&reply, 1_280, None), None, "no error about an error");
        }
    }

    #[test]
    fn where_no_error_may_be_sent_there_is_none() {
        let changed = |is_v6, changes: &[(usize, u8)]| {
            let mut packet = sample(is_v6, b"x");
            for (at, value) in changes {
                packet[*at] = *value;
            }
            no_peer(&packet, None).is_some()
        };
        assert!(changed(false, &[]) && changed(true, &[]));
        // The sender needs the transport header, which only a first fragment has.
        assert!(changed(false, &[(6, 0x20)]));
        assert!(!changed(false, &[(7, 1)]));
        for (at, value) in
            [(12, 0), (12, 127), (12, 224), (12, 255), (16, 224), (16, 255), (0, 0x44)]
        {
            assert!(!changed(false, &[(at, value)]), "byte {at} is {value}");
        }
        for (kind, expected) in
            [(8, true), (0, true), (13, true), (3, false), (5, false), (11, false)]
        {
            assert_eq!(changed(false, &[(9, 1), (20, kind)]), expected, "ICMP {kind}");
        }
        for at in [8, 24] {
            assert!(!changed(true, &[(at, 0xff)]), "multicast at {at}");
        }
        for (kind, expected) in [(128, true), (129, true), (135, true), (1, false), (137, false)] {
            assert_eq!(changed(true, &[(6, 58), (40, kind)]), expected, "ICMPv6 {kind}");
            // Behind destination options of eight bytes.
            let behind = [(6, 60), (40, 58), (41, 0), (48, kind)];
            assert_eq!(changed(true, &behind), expected, "ICMPv6 {kind} behind options");
        }
        assert!(changed(true, &[(6, 44), (40, 17), (42, 0), (43, 1)]), "a first fragment");
        assert!(!changed(true, &[(6, 44), (40, 17), (42, 0), (43, 8)]), "a later one");
    }

    proptest! {
        #[test]
        fn an_error_is_never_sent_about_an_error(
            is_v6 in any::<bool>(),
            start in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            let mut packet = start;
            if let Some(first) = packet.first_mut() {
                *first = if is_v6 { 0x60 } else { 0x45 };
            }
            if let Some(reply) = no_peer(&packet, None) {
                prop_assert!(reply.len() > packet.len());
                prop_assert!(reply.ends_with(&packet));
                prop_assert_eq!(no_peer(&reply, None), None);
            }
        }
    }
}
