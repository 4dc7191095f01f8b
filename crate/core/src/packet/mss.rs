//! Lowers the maximum segment size (MSS) that a TCP SYN or SYN-ACK announces, so that the segments of the
//! connection fit into the path (RFC 9293, 3.7.1; RFC 4459, 3.2).

use super::checksum::Sum;
use super::header::{ipv4, ipv6, read16, tcp, write};
use super::view::{
    IPV4_HEADER, IPV6_HEADER, IpVersion, Layout, TCP, TCP_HEADER, tcp_flags, transport_offset,
};

/// Kinds of TCP options (RFC 9293, 3.2): the end of the list, padding, and the maximum segment size.
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
/// Bytes of the option: kind, length, and two of value.
const OPTION_LEN: usize = 4;

/// The largest MSS that a SYN may announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentLimit {
    /// The largest MSS that fits into IP packets of this many bytes.
    Mtu(u32),
    /// This many bytes.
    Mss(u16),
}

impl SegmentLimit {
    fn mss(self, version: IpVersion) -> u16 {
        let ip_header = match version {
            IpVersion::V4 => IPV4_HEADER,
            IpVersion::V6 => IPV6_HEADER,
        };
        match self {
            Self::Mss(mss) => mss.max(1),
            Self::Mtu(mtu) => {
                let mss = mtu.saturating_sub((ip_header + TCP_HEADER) as u32).max(1);
                u16::try_from(mss).unwrap_or(u16::MAX)
            }
        }
    }
}

/// Lowers the MSS option of a SYN to `limit`, and corrects the checksum by the difference (RFC 1624). Returns
/// whether it changed the packet.
///
/// It never raises the value and never adds an option. A packet is unchanged if it is not a TCP SYN over IPv4 or
/// IPv6, if it is a later fragment, or if its options are malformed. The MSS does not include IP and TCP
/// options (RFC 6691, 2), so it is the MTU less 40 bytes over IPv4 and less 60 over IPv6. An option of 0 is
/// kept: receivers ignore it.
pub fn clamp(packet: &mut [u8], limit: SegmentLimit) -> bool {
    syn(packet).is_some_and(|layout| clamp_syn(packet, &layout, limit).unwrap_or(false))
}

/// Returns whether a packet is a TCP SYN or SYN-ACK with options.
#[inline]
#[must_use]
pub fn is_syn(packet: &[u8]) -> bool {
    syn(packet).is_some()
}

/// Returns the layout of a packet that is a SYN or SYN-ACK with options.
fn syn(packet: &[u8]) -> Option<Layout> {
    let transport = transport_offset(packet, TCP)?;
    if packet.get(transport + tcp::FLAGS)? & tcp_flags::SYN == 0 {
        return None;
    }
    let layout = Layout::with_transport_at(packet, transport)?;
    // Bytes behind the length that the IP header states do not belong to the packet.
    let stated = stated_len(packet, layout.version)?;
    let is_whole = layout.payload <= stated && stated <= packet.len();
    (is_whole && layout.payload > layout.transport + TCP_HEADER).then_some(layout)
}

/// Returns the length of a packet that its IP header states, bytes.
fn stated_len(packet: &[u8], version: IpVersion) -> Option<usize> {
    Some(match version {
        IpVersion::V4 => read16(packet, ipv4::TOTAL_LENGTH)?.into(),
        IpVersion::V6 => usize::from(read16(packet, ipv6::PAYLOAD_LENGTH)?) + IPV6_HEADER,
    })
}

/// `None` if the options are malformed.
fn clamp_syn(packet: &mut [u8], layout: &Layout, limit: SegmentLimit) -> Option<bool> {
    let largest = limit.mss(layout.version);
    let header = packet.get_mut(layout.transport..layout.payload)?;
    let mut is_changed = false;
    // The list is checked to its end before anything is changed.
    check_options(header)?;
    let mut at = TCP_HEADER;
    while let Some((kind, len)) = option(header, at)? {
        if kind == MAXIMUM_SEGMENT_SIZE
            && len == OPTION_LEN
            && read16(header, at + 2..at + 4)? > largest
        {
            set_field(header, at + 2, largest)?;
            is_changed = true;
        }
        at += len;
    }
    Some(is_changed)
}

/// `None` if one of the options is malformed.
fn check_options(header: &[u8]) -> Option<()> {
    let mut at = TCP_HEADER;
    while let Some((_, len)) = option(header, at)? {
        at += len;
    }
    Some(())
}

/// Returns kind and length of the option at `at`, bytes; `Some(None)` at the end of the list, `None` if the
/// option is malformed.
fn option(header: &[u8], at: usize) -> Option<Option<(u8, usize)>> {
    let Some(kind) = header.get(at) else { return Some(None) };
    let len = match *kind {
        END => return Some(None),
        NO_OPERATION => 1,
        kind => {
            let len = usize::from(*header.get(at + 1)?);
            let is_valid = len >= 2 && at + len <= header.len();
            let is_valid = is_valid && (kind != MAXIMUM_SEGMENT_SIZE || len == OPTION_LEN);
            is_valid.then_some(len)?
        }
    };
    Some(Some((*kind, len)))
}

/// Writes a field of 16 bits at any offset, odd ones included, and corrects the checksum.
fn set_field(header: &mut [u8], at: usize, value: u16) -> Option<()> {
    // The sum is of aligned words: those that the field shares.
    let words = at & !1..(at + 3) & !1;
    let before = Sum::of(header.get(words.clone())?);
    header.get_mut(at..at + 2)?.copy_from_slice(&value.to_be_bytes());
    let after = Sum::of(header.get(words)?);
    // RFC 1624, 3: the new checksum is ~(~old + ~before + after).
    let [first, second] = before.checksum();
    let complement = Sum::of_field(u16::from_be_bytes([first, second]));
    let old = Sum::of_field(!read16(header, tcp::CHECKSUM)?);
    let checksum = old.and(complement).and(after).checksum();
    write(header, tcp::CHECKSUM, checksum)
}

#[cfg(test)]
mod tests;
