//! Handles packets that are longer than the path to their peer allows.
//!
//! An IPv4 packet that may be fragmented is split here, so the outer datagrams are not fragmented. Any other packet
//! is dropped, and an ICMP error reports the MTU to its sender.

use super::batch::Piece;
use crate::packet::fragment::{self, fragment};
use crate::packet::split::{Split, SplitPlan};
use crate::packet::{ethernet, icmp};
use crate::relay::setup::MIN_MTU_V6;
use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;

/// A packet or super-packet that was read, and how to split it.
pub(super) struct Oversized<'a> {
    /// The packet or the whole frame.
    pub(super) packet: &'a [u8],
    /// Bytes of the frame in front of its IP packet; 0 if packets are not in frames.
    pub(super) link_len: usize,
    /// Offset of the packet in the arena.
    pub(super) start: usize,
    pub(super) split: &'a Split,
    /// The longest packet or frame that the path allows, bytes.
    pub(super) limit: usize,
}

/// Returns the longest packet or frame that may be sent to a peer whose path carries those of `inner_mtu` bytes. The IP
/// packet begins at `link_len`. An IPv6 packet of 1,280 bytes is always allowed, since an IPv6 link cannot have a smaller
/// MTU.
pub(super) fn limit(packet: &[u8], link_len: usize, inner_mtu: u32) -> usize {
    let is_v6 = packet.get(link_len).is_some_and(|byte| byte >> 4 == 6);
    (inner_mtu as usize).max(if is_v6 { link_len + MIN_MTU_V6 as usize } else { 0 })
}

/// Returns the ICMP error for the sender of a packet or frame that exceeds the path: its IP packet, which begins at
/// `link_len`, may have `mtu` bytes. It comes from `source`; `None`: the destination of the packet. In a frame, the error comes from the station that the frame was for, like that of the
/// kernel's tunnels below a bridge (`iptunnel_pmtud_build_icmp` in net/ipv4/ip_tunnel_core.c). `None` if no error may be
/// sent.
pub(super) fn too_big(
    packet: &[u8],
    link_len: usize,
    mtu: u32,
    source: Option<IpAddr>,
) -> Option<Vec<u8>> {
    let (link, packet) = packet.split_at_checked(link_len)?;
    let error = icmp::too_big(packet, mtu, source)?;
    if link.is_empty() {
        return Some(error);
    }
    Some([ethernet::reply_header(link)?, error].concat())
}

/// Returns the length of the longest packet of `split`, bytes.
pub(super) fn longest(packet: &[u8], split: &Split) -> usize {
    match split {
        Split::Whole => packet.len(),
        Split::Segments(plan) => plan.longest(),
    }
}

impl Oversized<'_> {
    /// Returns the fragments to send, header of the frame, IP header and payload of each, or `None` if the packet must not be
    /// fragmented. Headers of fragments are appended to `headers`.
    pub(super) fn fragments(&self, headers: &mut Vec<u8>) -> Option<Vec<[Piece; 3]>> {
        match self.split {
            Split::Whole => self.fragment_whole(headers),
            Split::Segments(plan) => self.fragment_segments(plan, headers),
        }
    }

    fn fragment_whole(&self, headers: &mut Vec<u8>) -> Option<Vec<[Piece; 3]>> {
        let plan = fragment(self.packet.get(self.link_len..)?, self.room(), headers)?;
        let (link, ip) = (self.start, self.start + self.link_len);
        let place = |Range { start, end }| Piece::Read(ip + start..ip + end);
        let parts = plan.segments();
        Some(parts.map(|(h, data)| [Piece::Read(link..ip), Piece::Made(h), place(data)]).collect())
    }

    /// Returns the longest IP packet that the path allows, bytes.
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.link_len)
    }

    /// Fragments each segment of a super-packet. This is rare, so the segments are copied.
    fn fragment_segments(
        &self,
        plan: &SplitPlan,
        headers: &mut Vec<u8>,
    ) -> Option<Vec<[Piece; 3]>> {
        if fragment::is_unfragmentable(self.packet.get(self.link_len..)?)? {
            return None;
        }
        let mut pieces = Vec::new();
        for part in plan.segments() {
            let segment = segment(self.packet, part, headers);
            let start = headers.len();
            headers.extend_from_slice(&segment);
            if segment.len() <= self.limit {
                let empty = || Piece::Made(start..start);
                pieces.push([Piece::Made(start..headers.len()), empty(), empty()]);
                continue;
            }
            let ip = start + self.link_len;
            let place = |Range { start: from, end }| Piece::Made(ip + from..ip + end);
            let fragments = fragment(segment.get(self.link_len..)?, self.room(), headers)?;
            let parts = fragments.segments();
            let link = || Piece::Made(start..ip);
            pieces.extend(parts.map(|(h, data)| [link(), Piece::Made(h), place(data)]));
        }
        Some(pieces)
    }
}

/// Returns the packet, or the first packet of a super-packet.
pub(super) fn first<'a>(packet: &'a [u8], split: &Split, headers: &[u8]) -> Cow<'a, [u8]> {
    match split {
        Split::Whole => packet.into(),
        Split::Segments(plan) => {
            let first = plan.segments().next();
            first.map(|part| segment(packet, part, headers)).unwrap_or_default().into()
        }
    }
}

/// Returns a packet of a super-packet.
fn segment(
    packet: &[u8],
    (header, payload): (Range<usize>, Range<usize>),
    headers: &[u8],
) -> Vec<u8> {
    let header = headers.get(header).unwrap_or_default();
    [header, packet.get(payload).unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::Sample;
    use crate::packet::split;
    use crate::packet::vnet::{GSO_UDP_L4, NEEDS_CSUM, UDP_CSUM_OFFSET, VnetHeader};

    /// The bytes of the packets in `fragments`; `start` is the offset of `packet` in the arena.
    fn gather(
        fragments: Vec<[Piece; 3]>,
        packet: &[u8],
        start: usize,
        headers: &[u8],
    ) -> Vec<Vec<u8>> {
        let bytes = |piece: Piece| match piece {
            Piece::Read(range) => packet[range.start - start..range.end - start].to_vec(),
            Piece::Made(range) => headers[range].to_vec(),
        };
        fragments.into_iter().map(|parts| parts.map(bytes).concat()).collect()
    }

    /// A UDP super-packet with segments of 1,400 bytes of payload, and its plan.
    fn super_packet(sample: &Sample, headers: &mut Vec<u8>) -> (Vec<u8>, Split) {
        let (mut packet, transport) = sample.partial();
        let vnet = VnetHeader {
            flags: NEEDS_CSUM,
            gso_type: GSO_UDP_L4,
            gso_size: 1_400,
            csum_start: transport as u16,
            csum_offset: UDP_CSUM_OFFSET,
            ..VnetHeader::default()
        };
        let split = split::prepare(&vnet, &mut packet, headers).unwrap();
        (packet, split)
    }

    #[test]
    fn each_segment_of_a_super_packet_is_fragmented() {
        let sample = Sample {
            has_df: false,
            ..Sample::udp(&(0..3_000).map(|i| i as u8).collect::<Vec<_>>())
        };
        let mut headers = vec![9; 5];
        let (packet, split) = super_packet(&sample, &mut headers);
        let oversized =
            Oversized { packet: &packet, link_len: 0, start: 10, split: &split, limit: 1_000 };
        let fragments = oversized.fragments(&mut headers).unwrap();
        let parts = gather(fragments, &packet, 10, &headers);
        assert!(parts.iter().all(|part| part.len() <= 1_000));
        let mut joined: Vec<Vec<u8>> = Vec::new();
        for part in &parts {
            let offset = usize::from(u16::from_be_bytes([part[6], part[7]]) & 0x1fff) * 8;
            if offset == 0 {
                joined.push(Vec::new());
            }
            let last = joined.last_mut().unwrap();
            assert_eq!(last.len(), offset);
            last.extend(&part[20..]);
        }
        let expected: Vec<Vec<u8>> =
            sample.segments(1_400).iter().map(|segment| segment[20..].to_vec()).collect();
        assert_eq!(joined, expected);
    }

    #[test]
    fn the_first_segment_is_quoted_if_they_may_not_be_fragmented() {
        for is_v6 in [false, true] {
            let sample = Sample { is_v6, ..Sample::udp(&[7; 3_000]) };
            let mut headers = Vec::new();
            let (packet, split) = super_packet(&sample, &mut headers);
            let oversized =
                Oversized { packet: &packet, link_len: 0, start: 0, split: &split, limit: 1_300 };
            assert!(oversized.fragments(&mut headers).is_none());
            let quoted = first(&packet, &split, &headers);
            assert_eq!(*quoted, sample.segments(1_400)[0]);
            assert_eq!(longest(&packet, &split), quoted.len());
        }
    }

    #[test]
    fn ipv6_has_1280_bytes_at_least() {
        assert_eq!(
            (limit(&[0x45], 0, 576), limit(&[0x60], 0, 576), limit(&[0x60], 0, 1_400)),
            (576, 1_280, 1_400)
        );
    }
}
