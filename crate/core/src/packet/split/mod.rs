//! Cutting a super-packet of the kernel's into the packets it stands for.
//!
//! The result is what the kernel's own software segmentation gives (net/ipv4/tcp_offload.c,
//! net/ipv4/udp_offload.c, net/ipv4/af_inet.c): each packet gets headers of its own, freshly made
//! in an arena, and a part of the payload, which is never copied.

use super::checksum::Sum;
use super::view::{IpVersion, Layout, TCP, UDP, be16, be32, tcp_flags};
use super::vnet::{
    GSO_ECN, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM, TCP_CSUM_OFFSET,
    UDP_CSUM_OFFSET, VnetHeader,
};
use std::ops::Range;

/// What a packet read from a device is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// The packet as it is now, its checksum put in where it was missing.
    Whole,
    /// Several packets.
    Segments(SplitPlan),
}

/// Why a header that the kernel gave does not fit its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitError {
    /// A type of super-packet that was not asked for.
    UnknownType,
    /// The packet's headers are not those the type says, or not all there.
    Headers,
    /// The segment size is 0.
    SegmentSize,
    /// The checksum lies outside the packet.
    Checksum,
}

/// How a super-packet is cut. The headers lie in the arena, the payload in the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitPlan {
    headers: Range<usize>,
    header_len: usize,
    payload: Range<usize>,
    gso_size: usize,
}

impl SplitPlan {
    /// How many packets there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.payload.len().div_ceil(self.gso_size.max(1)).max(1)
    }

    /// The packets in order: the range of each one's headers in the arena and of its payload in
    /// the super-packet.
    pub fn segments(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + use<> {
        let Self { headers, header_len, payload, gso_size } = self.clone();
        (0..self.count()).map(move |number| {
            let header = headers.start + number * header_len;
            let start = payload.start + number * gso_size;
            (header..header + header_len, start..(start + gso_size).min(payload.end))
        })
    }
}

/// Makes an ordinary packet ready, or plans how to cut a super-packet.
///
/// `vnet` is checked and never trusted: the length of the headers is taken from the packet. Headers
/// made are appended to `arena`. On an error `packet` and `arena` are as they were.
pub fn prepare(
    vnet: &VnetHeader,
    packet: &mut [u8],
    arena: &mut Vec<u8>,
) -> Result<Split, SplitError> {
    let protocol = match vnet.gso_type & !GSO_ECN {
        GSO_NONE => {
            if vnet.flags & NEEDS_CSUM != 0 {
                complete_checksum(vnet, packet)?;
            }
            return Ok(Split::Whole);
        }
        GSO_TCPV4 | GSO_TCPV6 => TCP,
        GSO_UDP_L4 => UDP,
        _ => return Err(SplitError::UnknownType),
    };
    let layout = Layout::with_transport_at(packet, usize::from(vnet.csum_start))
        .filter(|layout| layout.protocol == protocol && fits_type(layout, vnet.gso_type))
        .ok_or(SplitError::Headers)?;
    let gso_size = usize::from(vnet.gso_size);
    if gso_size == 0 {
        return Err(SplitError::SegmentSize);
    }
    let plan = SplitPlan {
        headers: arena.len()..arena.len(),
        header_len: layout.payload,
        payload: layout.payload..packet.len(),
        gso_size,
    };
    let made = Template::new(&layout, packet).and_then(|template| template.emit(&plan, arena));
    if made.is_none() {
        arena.truncate(plan.headers.start);
        return Err(SplitError::Headers);
    }
    Ok(Split::Segments(SplitPlan { headers: plan.headers.start..arena.len(), ..plan }))
}

fn fits_type(layout: &Layout, gso_type: u8) -> bool {
    match gso_type & !GSO_ECN {
        GSO_TCPV4 => layout.version == IpVersion::V4,
        GSO_TCPV6 => layout.version == IpVersion::V6,
        _ => true,
    }
}

/// Puts in the checksum that the kernel left out, as skb_checksum_help() in net/core/dev.c would.
/// The field holds the sum of the pseudo header already.
fn complete_checksum(vnet: &VnetHeader, packet: &mut [u8]) -> Result<(), SplitError> {
    let start = usize::from(vnet.csum_start);
    let field = start + usize::from(vnet.csum_offset);
    let summed = packet.get(start..).ok_or(SplitError::Checksum)?;
    let checksum = match Sum::of(summed).checksum() {
        // CSUM_MANGLED_0: to UDP a 0 would mean that there is none.
        [0, 0] => [0xff, 0xff],
        checksum => checksum,
    };
    packet.get_mut(field..field + 2).ok_or(SplitError::Checksum)?.copy_from_slice(&checksum);
    Ok(())
}

/// What is the same in the headers of all packets of a super-packet.
struct Template<'a> {
    layout: &'a Layout,
    packet: &'a [u8],
    header: &'a [u8],
    /// The sum of the header of IPv4 without what differs from packet to packet.
    ip_sum: Sum,
    /// The same of the header of TCP or UDP, with the sum of the pseudo header that the kernel put into
    /// the checksum field, without a length.
    transport_sum: Sum,
    identification: u16,
    sequence: u32,
    flags: u8,
}

impl<'a> Template<'a> {
    fn new(layout: &'a Layout, packet: &'a [u8]) -> Option<Self> {
        let is_tcp = layout.protocol == TCP;
        let header = packet.get(..layout.payload)?;
        let (ip, transport) = header.split_at_checked(layout.transport)?;
        Some(Self {
            layout,
            packet,
            header,
            // Length, identification and checksum.
            ip_sum: match layout.version {
                IpVersion::V4 => without(Sum::of(ip), ip, &[2, 4, 10])?,
                IpVersion::V6 => Sum::default(),
            },
            transport_sum: match layout.protocol {
                // Sequence number, flags and what shares their word, checksum.
                TCP => without(Sum::of(transport), transport, &[4, 6, 12, 16])?,
                _ => without(Sum::of(transport), transport, &[4, 6])?,
            }
            .and(seed(layout, packet)?),
            identification: be16(packet, 4)?,
            sequence: if is_tcp { be32(packet, layout.transport + 4)? } else { 0 },
            flags: if is_tcp { *packet.get(layout.transport + 13)? } else { 0 },
        })
    }

    /// Appends the headers of all packets of `plan`.
    fn emit(&self, plan: &SplitPlan, arena: &mut Vec<u8>) -> Option<()> {
        let count = plan.count();
        arena.reserve(count * plan.header_len);
        for (number, (_, payload)) in plan.segments().enumerate() {
            let start = arena.len();
            arena.extend_from_slice(self.header);
            let header = arena.get_mut(start..)?;
            let payload = self.packet.get(payload)?;
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

    /// Lengths, and for IPv4 the identification, which runs on, and the header checksum.
    fn set_ip(&self, header: &mut [u8], number: usize, payload_len: usize) -> Option<()> {
        let total = self.layout.payload + payload_len;
        match self.layout.version {
            IpVersion::V4 => {
                let total = u16::try_from(total).ok()?;
                let identification = self.identification.wrapping_add(number as u16);
                set(header, 2, &total.to_be_bytes())?;
                set(header, 4, &identification.to_be_bytes())?;
                let own = Sum::of_field(total).and(Sum::of_field(identification));
                let sum = self.ip_sum.and(own);
                set(header, 10, &sum.checksum())
            }
            // Extension headers count as payload (RFC 8200, 3).
            IpVersion::V6 => set(header, 4, &u16::try_from(total - 40).ok()?.to_be_bytes()),
        }
    }

    /// The sequence number runs on; FIN and PSH belong to the last packet, CWR to the first. Answers the
    /// sum of the fields that are this packet's own.
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
        set(transport, 4, &sequence.to_be_bytes())?;
        set(transport, 13, &[flags])?;
        let own = Sum::of_field((sequence >> 16) as u16).and(Sum::of_field(sequence as u16));
        Some(own.and(Sum::of_field(be16(transport, 12)?)))
    }

    /// Answers the sum of the length.
    fn set_udp(&self, transport: &mut [u8], payload_len: usize) -> Option<Sum> {
        let len = u16::try_from(transport.len() + payload_len).ok()?;
        set(transport, 4, &len.to_be_bytes())?;
        Some(Sum::of_field(len))
    }

    fn set_checksum(&self, transport: &mut [u8], own: Sum, payload: &[u8]) -> Option<()> {
        let len = Sum::of_field((transport.len() + payload.len()) as u16);
        let checksum = self.transport_sum.and(own).and(len).and(Sum::of(payload)).checksum();
        match (self.layout.protocol, checksum) {
            (TCP, checksum) => set(transport, usize::from(TCP_CSUM_OFFSET), &checksum),
            (_, [0, 0]) => set(transport, usize::from(UDP_CSUM_OFFSET), &[0xff, 0xff]),
            (_, checksum) => set(transport, usize::from(UDP_CSUM_OFFSET), &checksum),
        }
    }
}

/// What the checksum field of a super-packet holds, the length of the whole taken out again.
///
/// Taken over rather than made anew, as tcp_gso_segment() and __udp_gso_segment() do: where it is
/// wrong, the packets' checksums stay wrong.
fn seed(layout: &Layout, packet: &[u8]) -> Option<Sum> {
    let (field, len) = match layout.protocol {
        TCP => (TCP_CSUM_OFFSET, (packet.len() - layout.transport) as u16),
        _ => (UDP_CSUM_OFFSET, be16(packet, layout.transport + 4)?),
    };
    let held = be16(packet, layout.transport + usize::from(field))?;
    Some(Sum::of_field(held).and(Sum::of_field(!len)))
}

/// A sum less those 16-bit fields of what was summed. In ones' complement to add the complement is to
/// subtract (RFC 1624, 3).
fn without(sum: Sum, summed: &[u8], fields: &[usize]) -> Option<Sum> {
    fields.iter().try_fold(sum, |sum, at| Some(sum.and(Sum::of_field(!be16(summed, *at)?))))
}

fn set(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    bytes.get_mut(at..at + value.len())?.copy_from_slice(value);
    Some(())
}

#[cfg(test)]
mod tests;
