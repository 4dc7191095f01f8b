//! Splits a super-packet of the kernel into its packets.
//!
//! The result is that of the kernel's own software segmentation (net/ipv4/tcp_offload.c,
//! net/ipv4/udp_offload.c, net/ipv4/af_inet.c): each packet has its own headers, which are created in an
//! arena, and a part of the payload, which is never copied.

use super::checksum::Sum;
use super::header::{behind, ipv4, ipv6, read16, read32, tcp, udp, write};
use super::view::{IPV6_HEADER, IpVersion, Layout, TCP, UDP, tcp_flags};
use super::vnet::{GSO_ECN, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM, VnetHeader};
use std::ops::Range;

/// Result of [`prepare`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// The packet itself, its checksum filled in if it was missing.
    Whole,
    /// Several packets.
    Segments(SplitPlan),
}

/// Reason why a vnet header does not fit its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitError {
    /// A type of super-packet that was not requested.
    UnknownType,
    /// The packet's headers do not match the type or are incomplete.
    Headers,
    /// The segment size is 0.
    SegmentSize,
    /// The checksum lies outside the packet.
    Checksum,
}

/// The packets of a super-packet. Their headers are in the arena, their payload is in the super-packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitPlan {
    headers: Range<usize>,
    header_len: usize,
    payload: Range<usize>,
    gso_size: usize,
}

impl SplitPlan {
    /// Creates a plan whose headers are appended to an arena of `start` bytes. Each has `header_len` bytes
    /// and is in front of up to `step` bytes of `payload`.
    pub(super) fn new(start: usize, header_len: usize, payload: Range<usize>, step: usize) -> Self {
        let plan = Self { headers: start..start, header_len, payload, gso_size: step };
        let end = start + plan.count() * header_len;
        Self { headers: start..end, ..plan }
    }

    /// Returns the number of packets.
    #[must_use]
    pub fn count(&self) -> usize {
        self.payload.len().div_ceil(self.gso_size.max(1)).max(1)
    }

    /// Returns the length of the longest packet, bytes.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.header_len + self.payload.len().min(self.gso_size)
    }

    /// Returns the packets in order: the range of the headers in the arena and of the payload in the
    /// super-packet.
    pub fn segments(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + use<> {
        let Self { headers, header_len, payload, gso_size } = self.clone();
        (0..self.count()).map(move |number| {
            let header = headers.start + number * header_len;
            let start = payload.start + number * gso_size;
            (header..header + header_len, start..(start + gso_size).min(payload.end))
        })
    }
}

/// Completes an ordinary packet, or splits a super-packet.
///
/// `vnet` is not trusted: the length of the headers is taken from the packet. New headers are appended to
/// `arena`. On an error, `packet` and `arena` are unchanged.
pub fn prepare(
    vnet: &VnetHeader,
    packet: &mut [u8],
    arena: &mut Vec<u8>,
) -> Result<Split, SplitError> {
    prepare_frame(vnet, packet, 0, arena)
}

/// The same for a frame whose IP packet begins at `link_len`. Each packet of a super-packet gets a copy of the frame's
/// header. Offsets of `vnet` and of the plan are those in the frame.
pub fn prepare_frame(
    vnet: &VnetHeader,
    frame: &mut [u8],
    link_len: usize,
    arena: &mut Vec<u8>,
) -> Result<Split, SplitError> {
    let protocol = match vnet.gso_type & !GSO_ECN {
        GSO_NONE => {
            if vnet.flags & NEEDS_CSUM != 0 {
                complete_checksum(vnet, frame)?;
            }
            return Ok(Split::Whole);
        }
        GSO_TCPV4 | GSO_TCPV6 => TCP,
        GSO_UDP_L4 => UDP,
        _ => return Err(SplitError::UnknownType),
    };
    let packet = frame.get(link_len..).ok_or(SplitError::Headers)?;
    let layout = usize::from(vnet.csum_start)
        .checked_sub(link_len)
        .and_then(|transport| Layout::with_transport_at(packet, transport))
        .filter(|layout| layout.protocol == protocol && fits_type(layout, vnet.gso_type))
        .ok_or(SplitError::Headers)?;
    let gso_size = usize::from(vnet.gso_size);
    if gso_size == 0 {
        return Err(SplitError::SegmentSize);
    }
    let header_len = link_len + layout.payload;
    let plan = SplitPlan::new(arena.len(), header_len, header_len..frame.len(), gso_size);
    let made =
        Template::new(&layout, frame, link_len).and_then(|template| template.emit(&plan, arena));
    if made.is_none() {
        arena.truncate(plan.headers.start);
        return Err(SplitError::Headers);
    }
    Ok(Split::Segments(plan))
}

fn fits_type(layout: &Layout, gso_type: u8) -> bool {
    match gso_type & !GSO_ECN {
        GSO_TCPV4 => layout.version == IpVersion::V4,
        GSO_TCPV6 => layout.version == IpVersion::V6,
        _ => true,
    }
}

/// Fills in the checksum that the kernel left out, like skb_checksum_help() in net/core/dev.c.
/// The field already contains the sum of the pseudo header.
fn complete_checksum(vnet: &VnetHeader, packet: &mut [u8]) -> Result<(), SplitError> {
    let start = usize::from(vnet.csum_start);
    let field = start + usize::from(vnet.csum_offset);
    let summed = packet.get(start..).ok_or(SplitError::Checksum)?;
    let checksum = match Sum::of(summed).checksum() {
        // CSUM_MANGLED_0: in UDP, 0 means that there is no checksum.
        [0, 0] => [0xff, 0xff],
        checksum => checksum,
    };
    write(packet, field..field + 2, checksum).ok_or(SplitError::Checksum)
}

/// Fields that each packet of a super-packet has of its own. In TCP the flags share a word with the data
/// offset.
const OWN_IPV4: [Range<usize>; 3] = [ipv4::TOTAL_LENGTH, ipv4::IDENTIFICATION, ipv4::CHECKSUM];
const OWN_TCP: [Range<usize>; 3] = [tcp::SEQUENCE, tcp::OFFSET_AND_FLAGS, tcp::CHECKSUM];
const OWN_UDP: [Range<usize>; 2] = [udp::LENGTH, udp::CHECKSUM];

/// The common part of the headers of all packets of a super-packet.
struct Template<'a> {
    layout: &'a Layout,
    frame: &'a [u8],
    /// Bytes of the frame in front of the IP header.
    link_len: usize,
    /// All headers, that of the frame included.
    header: &'a [u8],
    /// Sum of the IPv4 header without [`OWN_IPV4`].
    ip_sum: Sum,
    /// Sum of the TCP or UDP header without [`OWN_TCP`] or [`OWN_UDP`], plus the sum of the pseudo header from
    /// the checksum field, without a length.
    transport_sum: Sum,
    identification: u16,
    sequence: u32,
    flags: u8,
}

impl<'a> Template<'a> {
    fn new(layout: &'a Layout, frame: &'a [u8], link_len: usize) -> Option<Self> {
        let is_tcp = layout.protocol == TCP;
        let packet = frame.get(link_len..)?;
        let header = frame.get(..link_len + layout.payload)?;
        let (ip, transport) = header.get(link_len..)?.split_at_checked(layout.transport)?;
        Some(Self {
            layout,
            frame,
            link_len,
            header,
            ip_sum: match layout.version {
                IpVersion::V4 => without(ip, &OWN_IPV4)?,
                IpVersion::V6 => Sum::default(),
            },
            transport_sum: match layout.protocol {
                TCP => without(transport, &OWN_TCP)?,
                _ => without(transport, &OWN_UDP)?,
            }
            .and(seed(layout, packet)?),
            identification: read16(packet, ipv4::IDENTIFICATION)?,
            sequence: if is_tcp { read32(transport, tcp::SEQUENCE)? } else { 0 },
            flags: if is_tcp { *transport.get(tcp::FLAGS)? } else { 0 },
        })
    }

    /// Appends the headers of all packets of `plan`.
    fn emit(&self, plan: &SplitPlan, arena: &mut Vec<u8>) -> Option<()> {
        let count = plan.count();
        arena.reserve(count * plan.header_len);
        for (number, (_, payload)) in plan.segments().enumerate() {
            let start = arena.len();
            arena.extend_from_slice(self.header);
            let header = arena.get_mut(start + self.link_len..)?;
            let payload = self.frame.get(payload)?;
            self.set_ip(header, number, payload.len())?;
            let transport = header.get_mut(self.layout.transport..)?;
            let own = match self.layout.protocol {
                TCP => self.set_tcp(transport, number, count, plan.gso_size)?,
                _ => self.set_udp(transport, payload.len())?,
            };
            self.set_checksum(transport, own, payload)?;
        }
        Some(())
    }

    /// Sets the length and, for IPv4, the identification, which is consecutive, and the header checksum.
    fn set_ip(&self, header: &mut [u8], number: usize, payload_len: usize) -> Option<()> {
        let total = self.layout.payload + payload_len;
        match self.layout.version {
            IpVersion::V4 => {
                let total = u16::try_from(total).ok()?;
                let identification = self.identification.wrapping_add(number as u16);
                write(header, ipv4::TOTAL_LENGTH, total.to_be_bytes())?;
                write(header, ipv4::IDENTIFICATION, identification.to_be_bytes())?;
                let own = Sum::of_field(total).and(Sum::of_field(identification));
                let sum = self.ip_sum.and(own);
                write(header, ipv4::CHECKSUM, sum.checksum())
            }
            // Extension headers count as payload (RFC 8200, 3).
            IpVersion::V6 => {
                let len = u16::try_from(total - IPV6_HEADER).ok()?;
                write(header, ipv6::PAYLOAD_LENGTH, len.to_be_bytes())
            }
        }
    }

    /// Sets the sequence number and the flags: only the last packet has FIN and PSH, only the first CWR.
    /// Returns the sum of [`OWN_TCP`] without the checksum.
    fn set_tcp(
        &self,
        transport: &mut [u8],
        number: usize,
        count: usize,
        gso_size: usize,
    ) -> Option<Sum> {
        let sequence = self.sequence.wrapping_add((number * gso_size) as u32);
        let mut flags = self.flags;
        if number + 1 < count {
            flags &= !(tcp_flags::FIN | tcp_flags::PSH);
        }
        if number > 0 {
            flags &= !tcp_flags::CWR;
        }
        write(transport, tcp::SEQUENCE, sequence.to_be_bytes())?;
        write(transport, tcp::FLAGS..tcp::FLAGS + 1, [flags])?;
        let own = Sum::of_field((sequence >> 16) as u16).and(Sum::of_field(sequence as u16));
        Some(own.and(Sum::of_field(read16(transport, tcp::OFFSET_AND_FLAGS)?)))
    }

    /// Sets the length and returns its sum.
    fn set_udp(&self, transport: &mut [u8], payload_len: usize) -> Option<Sum> {
        let len = u16::try_from(transport.len() + payload_len).ok()?;
        write(transport, udp::LENGTH, len.to_be_bytes())?;
        Some(Sum::of_field(len))
    }

    fn set_checksum(&self, transport: &mut [u8], own: Sum, payload: &[u8]) -> Option<()> {
        let len = Sum::of_field((transport.len() + payload.len()) as u16);
        let checksum = self.transport_sum.and(own).and(len).and(Sum::of(payload)).checksum();
        match (self.layout.protocol, checksum) {
            (TCP, checksum) => write(transport, tcp::CHECKSUM, checksum),
            (_, [0, 0]) => write(transport, udp::CHECKSUM, [0xff, 0xff]),
            (_, checksum) => write(transport, udp::CHECKSUM, checksum),
        }
    }
}

/// Returns the checksum field of a super-packet without the length of the whole.
///
/// It is taken over rather than computed again, like in tcp_gso_segment() and __udp_gso_segment(): if it is
/// wrong, the checksums of the packets stay wrong.
fn seed(layout: &Layout, packet: &[u8]) -> Option<Sum> {
    let (field, len) = match layout.protocol {
        TCP => (tcp::CHECKSUM, (packet.len() - layout.transport) as u16),
        _ => (udp::CHECKSUM, read16(packet, behind(layout.transport, udp::LENGTH))?),
    };
    let held = read16(packet, behind(layout.transport, field))?;
    Some(Sum::of_field(held).and(Sum::of_field(!len)))
}

/// Returns the sum of a header without these fields of whole 16-bit words. In ones' complement, adding the
/// complement subtracts (RFC 1624, 3).
fn without(header: &[u8], fields: &[Range<usize>]) -> Option<Sum> {
    fields.iter().try_fold(Sum::of(header), |sum, field| {
        let (words, _) = header.get(field.clone())?.as_chunks::<2>();
        let complement = |word: &[u8; 2]| Sum::of_field(!u16::from_be_bytes(*word));
        Some(words.iter().fold(sum, |sum, word| sum.and(complement(word))))
    })
}

#[cfg(test)]
mod tests;
