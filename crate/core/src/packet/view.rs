//! The layout of a packet: the offsets of its headers. A layout exists only for a packet whose headers are
//! complete.

use super::header::{ipv4, ipv6, read16, tcp};
use std::net::IpAddr;

/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

/// Bytes of an IPv4 header without options.
pub const IPV4_HEADER: usize = 20;
/// Bytes of an IPv6 header without extensions.
pub const IPV6_HEADER: usize = 40;
/// Bytes of a TCP header without options.
pub const TCP_HEADER: usize = 20;
/// Bytes of a UDP header.
pub const UDP_HEADER: usize = 8;

/// TCP flags (RFC 9293, 3.1; RFC 3168).
pub mod tcp_flags {
    /// No more data.
    pub const FIN: u8 = 0x01;
    /// Synchronise.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The urgent pointer is valid.
    pub const URG: u8 = 0x20;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;
}

/// The version of the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpVersion {
    /// IPv4 (RFC 791).
    V4,
    /// IPv6 (RFC 8200).
    V6,
}

/// A packet's layout: its IP header and the TCP or UDP header that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Version of IP.
    pub version: IpVersion,
    /// [`TCP`] or [`UDP`].
    pub protocol: u8,
    /// Offset of the TCP or UDP header: length of the IP header with options or extensions.
    pub transport: usize,
    /// Offset of the payload: length of all headers.
    pub payload: usize,
}

/// Returns the destination address of an IP packet; `None` if it is not one or ends too soon.
#[must_use]
pub fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => Some(IpAddr::from(*packet.get(ipv4::DESTINATION)?.first_chunk::<4>()?)),
        6 => Some(IpAddr::from(*packet.get(ipv6::DESTINATION)?.first_chunk::<16>()?)),
        _ => None,
    }
}

/// Returns the source address of an IP packet; `None` if it is not one or ends too soon.
#[must_use]
pub fn source(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => Some(IpAddr::from(*packet.get(ipv4::SOURCE)?.first_chunk::<4>()?)),
        6 => Some(IpAddr::from(*packet.get(ipv6::SOURCE)?.first_chunk::<16>()?)),
        _ => None,
    }
}

impl Layout {
    /// Finds the headers of a packet whose transport header begins at `transport`.
    ///
    /// `None` if the IP headers do not end there or the packet ends within its headers. The lengths in the
    /// headers are not checked.
    #[must_use]
    pub fn with_transport_at(packet: &[u8], transport: usize) -> Option<Self> {
        let version = match packet.first()? >> 4 {
            4 => IpVersion::V4,
            6 => IpVersion::V6,
            _ => return None,
        };
        let (protocol, end) = match version {
            IpVersion::V4 => {
                let len = usize::from(packet.first()? & 0xf) * 4;
                (*packet.get(ipv4::PROTOCOL)?, (len >= IPV4_HEADER).then_some(len)?)
            }
            IpVersion::V6 => skip_extensions(packet)?,
        };
        if end != transport {
            return None;
        }
        let len = transport_header_len(packet.get(transport..)?, protocol)?;
        let payload = transport + len;
        (payload <= packet.len()).then_some(Self { version, protocol, transport, payload })
    }

    /// Returns both addresses of a packet of this layout, source first.
    #[must_use]
    pub fn addresses<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        let range = match self.version {
            IpVersion::V4 => ipv4::ADDRESSES,
            IpVersion::V6 => ipv6::ADDRESSES,
        };
        packet.get(range).unwrap_or_default()
    }
}

/// Returns the length of a complete TCP or UDP header; `None` if it is incomplete or of another protocol.
#[must_use]
pub fn transport_header_len(transport: &[u8], protocol: u8) -> Option<usize> {
    let len = match protocol {
        TCP => usize::from(transport.get(tcp::DATA_OFFSET)? >> 4) * 4,
        UDP => UDP_HEADER,
        _ => return None,
    };
    let least = if protocol == TCP { TCP_HEADER } else { UDP_HEADER };
    (len >= least && len <= transport.len()).then_some(len)
}

/// Returns the offset of the transport header of an IP packet, if it carries `protocol`. `None` for a later
/// fragment, which has no such header, for other protocols, and for packets that end within their IP headers.
#[must_use]
pub fn transport_offset(packet: &[u8], protocol: u8) -> Option<usize> {
    match packet.first()? >> 4 {
        4 => {
            let len = usize::from(packet.first()? & 0xf) * 4;
            let is_first = read16(packet, ipv4::FRAGMENT)? & ipv4::FRAGMENT_OFFSET == 0;
            let found = *packet.get(ipv4::PROTOCOL)? == protocol && is_first && len >= IPV4_HEADER;
            found.then_some(len)
        }
        6 => skip_extensions(packet).filter(|(found, _)| *found == protocol).map(|(_, at)| at),
        _ => None,
    }
}

/// Returns the protocol behind the extensions of an IPv6 header, and its offset.
fn skip_extensions(packet: &[u8]) -> Option<(u8, usize)> {
    // The kernel may put these before a super-packet's TCP header, but never a fragment header.
    const EXTENSIONS: [u8; 3] = [ipv6::HOP_BY_HOP, ipv6::ROUTING, ipv6::DESTINATION_OPTIONS];
    let mut next = *packet.get(ipv6::NEXT_HEADER)?;
    let mut at = IPV6_HEADER;
    while EXTENSIONS.contains(&next) {
        next = *packet.get(at + ipv6::EXTENSION_NEXT)?;
        at += (usize::from(*packet.get(at + ipv6::EXTENSION_LENGTH)?) + 1) * 8;
    }
    Some((next, at))
}
