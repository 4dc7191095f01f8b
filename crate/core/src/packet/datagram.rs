//! UDP datagrams in packets: their addresses and ports, also in fragments.

use super::header::{self, PORTS, behind, ipv4, ipv6, read16};
use super::view::{IPV4_HEADER, IPV6_HEADER, UDP, UDP_HEADER};
use std::net::{IpAddr, SocketAddr};

/// A packet of UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpPacket<'a> {
    /// A datagram, or its first fragment.
    Datagram {
        /// Source address and port.
        source: SocketAddr,
        /// Destination address and port.
        destination: SocketAddr,
        /// The payload, as far as the packet contains it.
        payload: &'a [u8],
    },
    /// A further fragment of a datagram.
    Fragment {
        /// Source address.
        source: IpAddr,
        /// Destination address.
        destination: IpAddr,
    },
}

/// Returns whether a packet may be a UDP datagram from one of `ports`. It may be one if its IPv6 header is followed by an
/// extension header. [`UdpPacket::parse`] decides.
#[inline]
#[must_use]
pub fn may_be_from(packet: &[u8], ports: &[u16]) -> bool {
    let Some(first) = packet.first() else { return false };
    let (protocol, transport) = match first >> 4 {
        4 => (packet.get(ipv4::PROTOCOL), usize::from(first & 0x0f) * 4),
        _ => (packet.get(ipv6::NEXT_HEADER), IPV6_HEADER),
    };
    match protocol {
        Some(&UDP) => {
            read16(packet, transport..transport + 2).is_some_and(|port| ports.contains(&port))
        }
        Some(&ipv6::FRAGMENT) => first >> 4 == 6,
        _ => false,
    }
}

impl<'a> UdpPacket<'a> {
    /// Finds the addresses and ports of a UDP packet as this machine's kernel sends it: over IPv6 without extension
    /// headers, except for a fragment header. `None` for any other packet, and if it ends within its headers.
    #[must_use]
    pub fn parse(packet: &'a [u8]) -> Option<Self> {
        let first = packet.first()?;
        let (addresses, protocol, fragment, transport) = match first >> 4 {
            4 => {
                let offset = read16(packet, ipv4::FRAGMENT)? & ipv4::FRAGMENT_OFFSET;
                let length = usize::from(first & 0x0f) * 4;
                let source = IpAddr::from(*packet.get(ipv4::SOURCE)?.first_chunk::<4>()?);
                let destination = IpAddr::from(*packet.get(ipv4::DESTINATION)?.first_chunk::<4>()?);
                let protocol = *packet.get(ipv4::PROTOCOL)?;
                ((source, destination), protocol, offset, length.max(IPV4_HEADER))
            }
            6 => {
                let source = IpAddr::from(*packet.get(ipv6::SOURCE)?.first_chunk::<16>()?);
                let destination =
                    IpAddr::from(*packet.get(ipv6::DESTINATION)?.first_chunk::<16>()?);
                let next = *packet.get(ipv6::NEXT_HEADER)?;
                let (protocol, offset, transport) = fragment_header(packet, next)?;
                ((source, destination), protocol, offset, transport)
            }
            _ => return None,
        };
        let (source, destination) = addresses;
        match (protocol, fragment) {
            (UDP, 0) => {
                let ports = packet.get(behind(transport, PORTS))?;
                Some(Self::Datagram {
                    source: SocketAddr::new(source, read16(ports, header::tcp::SOURCE_PORT)?),
                    destination: SocketAddr::new(
                        destination,
                        read16(ports, header::tcp::DESTINATION_PORT)?,
                    ),
                    payload: packet.get(transport + UDP_HEADER..)?,
                })
            }
            (UDP, _) => Some(Self::Fragment { source, destination }),
            _ => None,
        }
    }
}

/// Returns the protocol, the offset of a fragment and the start of the transport header of an IPv6 packet.
fn fragment_header(packet: &[u8], next: u8) -> Option<(u8, u16, usize)> {
    if next != ipv6::FRAGMENT {
        return Some((next, 0, IPV6_HEADER));
    }
    let protocol = *packet.get(IPV6_HEADER + ipv6::EXTENSION_NEXT)?;
    let field = read16(packet, behind(IPV6_HEADER, ipv6::FRAGMENT_FIELD))?;
    Some((protocol, field & ipv6::FRAGMENT_OFFSET, IPV6_HEADER + ipv6::FRAGMENT_HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::Sample;
    use proptest::prelude::*;

    fn sample(is_v6: bool) -> Vec<u8> {
        Sample { is_v6, is_udp: true, ..Sample::tcp(1, b"payload") }.bytes()
    }

    fn source_port(packet: &[u8]) -> u16 {
        match UdpPacket::parse(packet) {
            Some(UdpPacket::Datagram { source, .. }) => source.port(),
            other => panic!("{other:?}"),
        }
    }

    /// Inserts a fragment header for a fragment at `offset` bytes.
    fn fragmented_v6(offset: u16) -> Vec<u8> {
        let mut packet = sample(true);
        let [high, low] = offset.to_be_bytes();
        packet.splice(40..40, [17, 0, high, low | 1, 0, 0, 0, 9]);
        packet[6] = 44;
        packet
    }

    #[test]
    fn the_addresses_and_ports_of_a_datagram_are_found() {
        for is_v6 in [false, true] {
            let packet = sample(is_v6);
            let Some(UdpPacket::Datagram { source, destination, payload }) =
                UdpPacket::parse(&packet)
            else {
                panic!("not a datagram")
            };
            assert_eq!((payload, source.is_ipv6()), (&b"payload"[..], is_v6));
            assert_eq!(Some(destination.ip()), crate::packet::view::destination(&packet));
            assert!(may_be_from(&packet, &[source.port()]));
            assert!(may_be_from(&packet, &[source.port() ^ 1, source.port()]));
            assert!(!may_be_from(&packet, &[source.port() ^ 1]) && !may_be_from(&packet, &[]));
        }
        let tcp = Sample::tcp(1, b"x").bytes();
        assert_eq!(UdpPacket::parse(&tcp), None);
        assert!((0..=u16::MAX).all(|port| !may_be_from(&tcp, &[port])));
    }

    #[test]
    fn ip_options_and_fragment_headers_come_before_the_ports() {
        let mut options = sample(false);
        let port = source_port(&options);
        options[0] = 0x46;
        options.splice(20..20, [1, 1, 1, 0]);
        assert_eq!(source_port(&options), port);
        assert!(may_be_from(&options, &[port]));
        let first = fragmented_v6(0);
        assert_eq!(source_port(&first), source_port(&sample(true)));
        assert!(may_be_from(&first, &[source_port(&first)]));
    }

    #[test]
    fn a_further_fragment_has_addresses_only() {
        let mut v4 = sample(false);
        v4[6..8].copy_from_slice(&[0x20, 0x01]);
        for packet in [v4, fragmented_v6(8)] {
            let fragment = UdpPacket::parse(&packet);
            assert!(matches!(fragment, Some(UdpPacket::Fragment { .. })), "{fragment:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            first in prop::sample::select(vec![0x45, 0x4f, 0x60, 0x00]),
            port: u16,
        ) {
            let mut bytes = bytes;
            if let Some(byte) = bytes.first_mut() { *byte = first }
            if let Some(UdpPacket::Datagram { source, .. }) = UdpPacket::parse(&bytes) {
                // The first test misses no datagram, unless its header length is too small for a header.
                prop_assert!(first == 0x00 || may_be_from(&bytes, &[source.port()]));
            }
            prop_assert!(!bytes.is_empty() || !may_be_from(&bytes, &[port]));
        }
    }
}
