//! Decides which packets can be coalesced, and with which others.

use super::{CoalesceOptions, MAX_SEGMENTS_TCP, MAX_SEGMENTS_UDP};
use crate::packet::checksum::{Sum, pseudo_header};
use crate::packet::flow::{IS_FRAGMENT, MULTIPLIER};
use crate::packet::header::{PORTS, behind, ipv4, ipv6, read16, read32, tcp, udp};
use crate::packet::view::{
    IPV4_HEADER, IPV6_HEADER, IpVersion, Layout, TCP, UDP, tcp_flags, transport_header_len,
};

/// Flags that only the last packet of a super-packet may have.
const LAST_FLAGS: u8 = tcp_flags::FIN | tcp_flags::PSH;
/// Flags that exclude a packet from super-packets.
const ALONE_FLAGS: u8 = tcp_flags::SYN | tcp_flags::RST | tcp_flags::URG;

/// Class of a packet for the coalescer.
#[derive(Debug)]
pub(super) enum Class {
    /// It may be part of a super-packet.
    Joinable(Candidate),
    /// It must be written alone, and packets of its flow must not overtake it.
    Alone(Candidate),
    /// It is a fragment or unknown: no packet must overtake it.
    Opaque,
}

/// A TCP or UDP packet whose IP header has no options or extensions.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) layout: Layout,
    pub(super) flow_hash: u32,
    /// Sequence number of TCP; 0 for UDP, which has none.
    pub(super) sequence: u32,
    pub(super) payload_len: usize,
    flags: u8,
}

impl Class {
    pub(super) fn of(packet: &[u8], options: CoalesceOptions) -> Self {
        let Some(candidate) = Candidate::find(packet) else { return Self::Opaque };
        let checksum = |field| read16(packet, behind(candidate.layout.transport, field));
        let is_joinable = match candidate.layout.protocol {
            // Splitting writes a checksum of zero as 0, never as 0xffff, which is the same number in
            // ones' complement but not the same bytes.
            TCP => {
                options.tcp
                    && candidate.flags & ALONE_FLAGS == 0
                    && checksum(tcp::CHECKSUM) != Some(0xffff)
            }
            // Without a checksum, a corrupt packet could not be detected.
            _ => options.udp && checksum(udp::CHECKSUM) != Some(0),
        };
        if is_joinable && candidate.payload_len > 0 {
            Self::Joinable(candidate)
        } else {
            Self::Alone(candidate)
        }
    }
}

impl Candidate {
    fn find(packet: &[u8]) -> Option<Self> {
        let (version, protocol, transport) = match packet.first()? {
            0x45 => (IpVersion::V4, *packet.get(ipv4::PROTOCOL)?, IPV4_HEADER),
            first if first >> 4 == 6 => {
                (IpVersion::V6, *packet.get(ipv6::NEXT_HEADER)?, IPV6_HEADER)
            }
            _ => return None,
        };
        let stated_len = match version {
            IpVersion::V4 => {
                // A fragment may have no ports.
                if read16(packet, ipv4::FRAGMENT)? & IS_FRAGMENT != 0 {
                    return None;
                }
                usize::from(read16(packet, ipv4::TOTAL_LENGTH)?)
            }
            IpVersion::V6 => IPV6_HEADER + usize::from(read16(packet, ipv6::PAYLOAD_LENGTH)?),
        };
        let header_len = transport_header_len(packet.get(transport..)?, protocol)?;
        let payload = transport + header_len;
        // Splitting would not restore bytes behind the stated end.
        if stated_len != packet.len() {
            return None;
        }
        let udp_len = || read16(packet, behind(transport, udp::LENGTH));
        if protocol == UDP && usize::from(udp_len()?) != packet.len() - transport {
            return None;
        }
        let layout = Layout { version, protocol, transport, payload };
        let is_tcp = protocol == TCP;
        Some(Self {
            flow_hash: flow_hash(packet, &layout)?,
            sequence: if is_tcp { read32(packet, behind(transport, tcp::SEQUENCE))? } else { 0 },
            flags: if is_tcp { *packet.get(transport + tcp::FLAGS)? } else { 0 },
            payload_len: packet.len() - payload,
            layout,
        })
    }

    /// Returns the sequence number of the packet that follows this one.
    pub(super) fn next_sequence(&self) -> u32 {
        match self.layout.protocol {
            TCP => self.sequence.wrapping_add(self.payload_len as u32),
            _ => 0,
        }
    }

    /// Returns whether it must be the last packet of its super-packet.
    pub(super) fn ends_group(&self) -> bool {
        self.flags & LAST_FLAGS != 0
    }

    /// Returns the maximum number of packets of its kind per super-packet.
    pub(super) fn max_segments(&self) -> usize {
        if self.layout.protocol == UDP { MAX_SEGMENTS_UDP } else { MAX_SEGMENTS_TCP }
    }

    /// Returns PSH and FIN, which the super-packet takes from its last packet.
    pub(super) fn last_flags(&self) -> u8 {
        self.flags & LAST_FLAGS
    }

    /// Returns whether it has CWR, for which the super-packet needs `VIRTIO_NET_HDR_GSO_ECN`.
    pub(super) fn has_cwr(&self) -> bool {
        self.flags & tcp_flags::CWR != 0
    }

    /// Returns whether addresses, ports and protocol are the same.
    pub(super) fn is_same_flow(&self, packet: &[u8], head: &Self, first: &[u8]) -> bool {
        let ports = behind(self.layout.transport, PORTS);
        self.layout.version == head.layout.version
            && self.layout.protocol == head.layout.protocol
            && self.layout.addresses(packet) == head.layout.addresses(first)
            && packet.get(ports.clone()) == first.get(ports)
    }

    /// Returns whether splitting would yield this packet of `head`'s flow as number `count`: all fields are those
    /// of the first packet, except for the consecutive ones.
    pub(super) fn follows(&self, packet: &[u8], head: &Self, first: &[u8], count: usize) -> bool {
        if self.layout != head.layout {
            return false;
        }
        let same = |from: usize, mask: u64| is_same_word(packet, first, from, mask);
        let is_same_ip = match self.layout.version {
            // Type of service; DF, the reserved bit and the fragment bits; time to live.
            IpVersion::V4 => {
                same(0, 0x00ff_0000_0000_ffff)
                    && packet.get(ipv4::TIME_TO_LIVE) == first.get(ipv4::TIME_TO_LIVE)
                    && identification_runs_on(packet, first, count)
            }
            // Traffic class and flow label; hop limit.
            IpVersion::V6 => same(0, 0xffff_ffff_0000_00ff),
        };
        let transport = self.layout.transport;
        let rest = transport + tcp::URGENT_POINTER.start..self.layout.payload;
        is_same_ip
            && (self.layout.protocol == UDP
                || self.flags & !LAST_FLAGS == head.flags & !(LAST_FLAGS | tcp_flags::CWR)
                    // Acknowledgement, header length and reserved bits; window; urgent pointer and
                    // options.
                    && same(transport + tcp::ACKNOWLEDGMENT.start, 0xffff_ffff_ff00_ffff)
                    && packet.get(rest.clone()) == first.get(rest))
    }

    /// Returns whether the checksums of the IPv4 header and of TCP or UDP are correct.
    pub(super) fn has_valid_checksums(&self, packet: &[u8]) -> bool {
        let Layout { version, protocol, transport, .. } = self.layout;
        let Some(ip) = packet.get(..transport) else { return false };
        // The addresses are directly in front of the transport header and are part of its sum.
        let addresses = self.layout.addresses(packet).len();
        let summed = packet.get(transport - addresses..).unwrap_or_default();
        let pseudo = pseudo_header(protocol, packet.len() - transport);
        (version == IpVersion::V6 || Sum::of(ip).is_valid())
            && Sum::of(summed).and(pseudo).is_valid()
    }
}

/// Returns whether the eight bytes from `at` are equal where the big-endian mask has ones.
fn is_same_word(one: &[u8], other: &[u8], at: usize, mask: u64) -> bool {
    let word = |bytes: &[u8]| Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    word(one).zip(word(other)).is_some_and(|(one, other)| (one ^ other) & mask == 0)
}

/// Splitting counts the identification up from that of the first packet. In packets with DF it has no meaning
/// and may change (RFC 6864, 4.1).
fn identification_runs_on(packet: &[u8], first: &[u8], count: usize) -> bool {
    let has_df =
        read16(packet, ipv4::FRAGMENT).is_some_and(|field| field & ipv4::DONT_FRAGMENT != 0);
    let id = |packet| read16(packet, ipv4::IDENTIFICATION);
    has_df || id(packet) == id(first).map(|id| id.wrapping_add(count as u16))
}

/// Returns a hash of addresses and ports.
fn flow_hash(packet: &[u8], layout: &Layout) -> Option<u32> {
    let mut hash = read32(packet, behind(layout.transport, PORTS))?;
    let (words, _) = layout.addresses(packet).as_chunks::<4>();
    for word in words {
        hash = (hash ^ u32::from_ne_bytes(*word)).wrapping_mul(MULTIPLIER).rotate_left(15);
    }
    Some(hash)
}
