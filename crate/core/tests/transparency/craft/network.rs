//! IPv4 and IPv6 headers.

use super::{checksum, transport};

/// Fields of an IPv4 header (RFC 791); length and checksum are computed.
#[derive(Clone, Debug)]
pub(crate) struct Ipv4 {
    pub(crate) source: [u8; 4],
    pub(crate) destination: [u8; 4],
    pub(crate) tos: u8,
    pub(crate) id: u16,
    /// The three bits above the fragment offset: reserved 4, DF 2, MF 1.
    pub(crate) flags: u16,
    /// In units of 8 bytes.
    pub(crate) fragment_offset: u16,
    pub(crate) ttl: u8,
    /// A multiple of 4 bytes, at most 40.
    pub(crate) options: Vec<u8>,
}

/// Fields of an IPv6 header (RFC 8200); length and next headers are computed.
#[derive(Clone, Debug)]
pub(crate) struct Ipv6 {
    pub(crate) source: [u8; 16],
    pub(crate) destination: [u8; 16],
    pub(crate) traffic_class: u8,
    pub(crate) flow_label: u32,
    pub(crate) hop_limit: u8,
    /// Each extension header by its number and its bytes after "next header".
    pub(crate) extensions: Vec<(u8, Vec<u8>)>,
}

/// The version of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// A header of either version.
#[derive(Clone, Debug)]
pub(crate) enum Network {
    V4(Ipv4),
    V6(Ipv6),
}

impl Network {
    /// Returns an ordinary header from host `host` of a documentation network: DF set, TTL 64.
    pub(crate) fn new(family: Family, host: u8) -> Self {
        match family {
            Family::V4 => {
                let mut network = Self::v4(host);
                network.v4_mut().flags = 2;
                network
            }
            Family::V6 => Self::v6(host),
        }
    }

    /// Returns an IPv4 header without DF.
    pub(crate) fn v4(host: u8) -> Self {
        Self::V4(Ipv4 {
            source: [192, 0, 2, host],
            destination: [198, 51, 100, 1],
            tos: 0,
            id: 0x1000,
            flags: 0,
            fragment_offset: 0,
            ttl: 64,
            options: Vec::new(),
        })
    }

    /// Returns an IPv6 header with a flow label.
    pub(crate) fn v6(host: u8) -> Self {
        let mut source = [0; 16];
        source[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        let mut destination = source;
        source[15] = host;
        destination[14] = 1;
        Self::V6(Ipv6 {
            source,
            destination,
            traffic_class: 0,
            flow_label: 0x12345,
            hop_limit: 64,
            extensions: Vec::new(),
        })
    }

    pub(crate) fn family(&self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(_) => Family::V6,
        }
    }

    /// Returns the fields of a header that is known to be IPv4.
    pub(crate) fn v4_mut(&mut self) -> &mut Ipv4 {
        match self {
            Self::V4(header) => header,
            Self::V6(_) => panic!("not IPv4"),
        }
    }

    /// Returns the fields of a header that is known to be IPv6.
    pub(crate) fn v6_mut(&mut self) -> &mut Ipv6 {
        match self {
            Self::V6(header) => header,
            Self::V4(_) => panic!("not IPv6"),
        }
    }

    /// Sets the IPv4 id; IPv6 has none.
    pub(crate) fn set_id(&mut self, id: u16) {
        if let Self::V4(header) = self {
            header.id = id;
        }
    }

    /// Adds to the IPv4 id; IPv6 has none.
    pub(crate) fn advance_id(&mut self, by: u16) {
        if let Self::V4(header) = self {
            header.id = header.id.wrapping_add(by);
        }
    }

    /// Sets the TTL or hop limit.
    pub(crate) fn set_ttl(&mut self, ttl: u8) {
        match self {
            Self::V4(header) => header.ttl = ttl,
            Self::V6(header) => header.hop_limit = ttl,
        }
    }

    /// Sets the TOS or traffic class; the low two bits are ECN (RFC 3168).
    pub(crate) fn set_tos(&mut self, tos: u8) {
        match self {
            Self::V4(header) => header.tos = tos,
            Self::V6(header) => header.traffic_class = tos,
        }
    }

    /// Returns the length of all headers before the transport header, bytes.
    pub(crate) fn header_len(&self) -> usize {
        match self {
            Self::V4(header) => 20 + header.options.len(),
            Self::V6(header) => {
                40 + header.extensions.iter().map(|(_, b)| b.len() + 1).sum::<usize>()
            }
        }
    }

    /// Returns the sum of the pseudo header for `length` bytes of `protocol`.
    pub(crate) fn pseudo_sum(&self, protocol: u8, length: usize) -> u16 {
        match self {
            Self::V4(h) => checksum::pseudo_sum(&h.source, &h.destination, protocol, length),
            Self::V6(h) => checksum::pseudo_sum(&h.source, &h.destination, protocol, length),
        }
    }

    /// Returns the packet with this `payload`.
    pub(crate) fn around(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        match self {
            Self::V4(header) => header.around(protocol, payload),
            Self::V6(header) => header.around(protocol, payload),
        }
    }

    /// Returns the packet with one TCP segment.
    pub(crate) fn tcp(&self, tcp: &transport::Tcp) -> Vec<u8> {
        self.around(6, &tcp.bytes(self))
    }

    /// Returns the packet with one UDP datagram.
    pub(crate) fn udp(&self, udp: &transport::Udp) -> Vec<u8> {
        self.around(17, &udp.bytes(self))
    }

    /// Returns the packet with one ICMP or ICMPv6 message.
    pub(crate) fn icmp(&self, icmp: &transport::Icmp) -> Vec<u8> {
        let protocol = if self.family() == Family::V4 { 1 } else { 58 };
        self.around(protocol, &icmp.bytes(self))
    }
}

impl Ipv4 {
    fn around(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let header_len = 20 + self.options.len();
        let mut packet = vec![0x40 | (header_len / 4) as u8, self.tos];
        packet.extend_from_slice(&((header_len + payload.len()) as u16).to_be_bytes());
        packet.extend_from_slice(&self.id.to_be_bytes());
        packet.extend_from_slice(&(self.flags << 13 | self.fragment_offset).to_be_bytes());
        packet.extend_from_slice(&[self.ttl, protocol, 0, 0]);
        packet.extend_from_slice(&self.source);
        packet.extend_from_slice(&self.destination);
        packet.extend_from_slice(&self.options);
        checksum::fill(&mut packet, 10, 0);
        packet.extend_from_slice(payload);
        packet
    }
}

impl Ipv6 {
    fn around(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        let next = self.extensions.iter().map(|(kind, _)| *kind).chain([protocol]);
        let mut next = next.collect::<Vec<_>>().into_iter();
        let first = next.next().unwrap_or(protocol);
        for ((_, bytes), kind) in self.extensions.iter().zip(next) {
            body.push(kind);
            body.extend_from_slice(bytes);
        }
        body.extend_from_slice(payload);
        let word = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label;
        let mut packet = word.to_be_bytes().to_vec();
        packet.extend_from_slice(&(body.len() as u16).to_be_bytes());
        packet.extend_from_slice(&[first, self.hop_limit]);
        packet.extend_from_slice(&self.source);
        packet.extend_from_slice(&self.destination);
        packet.extend_from_slice(&body);
        packet
    }
}
