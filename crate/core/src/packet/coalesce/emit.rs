//! The headers of a super-packet.

use super::OpenFlow;
use crate::packet::checksum::{Sum, pseudo_header};
use crate::packet::header::{ipv4, ipv6, tcp, udp, write};
use crate::packet::view::{IPV6_HEADER, IpVersion, TCP};
use crate::packet::vnet::{GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM, VnetHeader};

/// Appends the vnet header and the headers of the super-packet whose first packet is `first`, a frame or an IP packet.
///
/// They are those of the first packet with the length of the whole, PSH and FIN of the last packet, and
/// the sum of the pseudo header in the checksum field (`CHECKSUM_PARTIAL`, linux/skbuff.h).
pub(super) fn super_header(open: &OpenFlow, first: &[u8], headers: &mut Vec<u8>) {
    let (layout, link_len) = (&open.head.layout, open.link_len);
    let Some(own) = first.get(..link_len + layout.payload) else { return };
    let is_tcp = layout.protocol == TCP;
    let checksum_field = if is_tcp { tcp::CHECKSUM } else { udp::CHECKSUM };
    let gso_type = match (is_tcp, layout.version) {
        (false, _) => GSO_UDP_L4,
        (true, IpVersion::V4) => GSO_TCPV4,
        (true, IpVersion::V6) => GSO_TCPV6,
    };
    let vnet = VnetHeader {
        flags: NEEDS_CSUM,
        gso_type: if open.head.has_cwr() { gso_type | GSO_ECN } else { gso_type },
        hdr_len: (link_len + layout.payload) as u16,
        gso_size: open.head.payload_len as u16,
        csum_start: (link_len + layout.transport) as u16,
        csum_offset: checksum_field.start as u16,
    };
    headers.extend_from_slice(&vnet.bytes());
    let start = headers.len();
    headers.extend_from_slice(own);
    let Some(header) = headers.get_mut(start + link_len..) else { return };
    let Some((ip, transport)) = header.split_at_mut_checked(layout.transport) else { return };
    match layout.version {
        IpVersion::V4 => {
            write(ip, ipv4::TOTAL_LENGTH, (open.len as u16).to_be_bytes());
            write(ip, ipv4::CHECKSUM, [0, 0]);
            let checksum = Sum::of(ip).checksum();
            write(ip, ipv4::CHECKSUM, checksum);
        }
        IpVersion::V6 => {
            let len = (open.len - IPV6_HEADER) as u16;
            write(ip, ipv6::PAYLOAD_LENGTH, len.to_be_bytes());
        }
    }
    let transport_len = open.len - layout.transport;
    if !is_tcp {
        write(transport, udp::LENGTH, (transport_len as u16).to_be_bytes());
    } else if let Some(flags) = transport.get_mut(tcp::FLAGS) {
        *flags |= open.last_flags;
    }
    let pseudo = pseudo_header(layout.protocol, transport_len);
    let packet = first.get(link_len..).unwrap_or_default();
    let partial = pseudo.and(Sum::of(layout.addresses(packet))).folded();
    write(transport, checksum_field, partial);
}
