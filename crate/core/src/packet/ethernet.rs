//! Ethernet frames: the offset of the packet in a frame, and the header of a reply.

use super::header::read16;

/// `ETH_P_8021Q` and `ETH_P_8021AD`: tags of four bytes before the type of the packet.
const TAGS: [[u8; 2]; 2] = [[0x81, 0x00], [0x88, 0xa8]];
/// `ETH_P_IP`: the type of a frame with an IPv4 packet.
pub const TYPE_IPV4: u16 = 0x0800;
/// `ETH_P_IPV6`: the type of a frame with an IPv6 packet.
pub const TYPE_IPV6: u16 = 0x86dd;
/// `ETH_P_8021Q`: the type of a frame with a VLAN tag.
pub const TYPE_VLAN: u16 = 0x8100;
/// Bytes of one address.
pub const ADDRESS: usize = 6;
/// Bytes of both addresses.
pub const ADDRESSES: usize = 2 * ADDRESS;
/// Bytes of a header without tags.
pub const HEADER: usize = ADDRESSES + 2;
/// Bytes of a tag.
pub const TAG: usize = 4;
/// The bit of an address's first byte that a group has: multicast and broadcast.
const GROUP: u8 = 0x01;
/// Number of tags that are skipped: 802.1ad stacks two.
const MAX_TAGS: usize = 2;

/// Returns the length of a frame's own header including its tags, in bytes. Never more than the frame has.
#[must_use]
pub fn header_len(frame: &[u8]) -> usize {
    let mut at = ADDRESSES;
    for _ in 0..MAX_TAGS {
        match frame.get(at..at + 2) {
            Some(kind) if TAGS.iter().any(|tag| tag == kind) => at += TAG,
            _ => break,
        }
    }
    (at + 2).min(frame.len())
}

/// Returns the offset of the IP packet in a frame, behind its tags; `None` if the frame has no IP packet of the version
/// that its type states.
#[must_use]
pub fn ip_offset(frame: &[u8]) -> Option<usize> {
    let at = header_len(frame);
    let version = match read16(frame, at.checked_sub(2)?..at)? {
        TYPE_IPV4 => 4,
        TYPE_IPV6 => 6,
        _ => return None,
    };
    (frame.get(at)? >> 4 == version).then_some(at)
}

/// Returns the header of a reply to a frame whose header is `link`: the addresses are exchanged, and tags and type are
/// kept. `None` if the frame was for a group or from one, since a group cannot be the source of a frame.
#[must_use]
pub fn reply_header(link: &[u8]) -> Option<Vec<u8>> {
    let (destination, rest) = link.split_first_chunk::<ADDRESS>()?;
    let (source, rest) = rest.split_first_chunk::<ADDRESS>()?;
    let is_group = |address: &[u8; ADDRESS]| address[0] & GROUP != 0;
    (!is_group(destination) && !is_group(source))
        .then(|| [source.as_slice(), destination, rest].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_count_as_header() {
        let frame = |kinds: &[u16]| {
            let tail = kinds.iter().flat_map(|kind| [(kind >> 8) as u8, *kind as u8, 0, 1]);
            [0; ADDRESSES].into_iter().chain(tail).chain([0; 20]).collect::<Vec<u8>>()
        };
        assert_eq!(header_len(&frame(&[0x0800])), 14);
        assert_eq!(header_len(&frame(&[0x8100, 0x0800])), 18);
        assert_eq!(header_len(&frame(&[0x88a8, 0x8100, 0x86dd])), 22);
        assert_eq!(header_len(&frame(&[0x88a8, 0x8100, 0x8100])), 22);
    }

    #[test]
    fn an_ip_packet_is_found_by_type_and_version() {
        let frame = |kinds: &[u16], first: u8| {
            let tags = kinds.iter().flat_map(|kind| [(kind >> 8) as u8, *kind as u8, 0, 1]);
            let mut frame: Vec<u8> = [0; ADDRESSES].into_iter().chain(tags).collect();
            frame.truncate(frame.len() - 2);
            frame.extend([first, 0, 0, 0]);
            ip_offset(&frame)
        };
        assert_eq!(frame(&[TYPE_IPV4], 0x45), Some(14));
        assert_eq!(frame(&[TYPE_IPV6], 0x60), Some(14));
        assert_eq!(frame(&[TYPE_VLAN, TYPE_IPV4], 0x45), Some(18));
        assert_eq!(frame(&[0x88a8, TYPE_VLAN, TYPE_IPV6], 0x60), Some(22));
        assert_eq!(frame(&[TYPE_IPV4], 0x60), None);
        assert_eq!(frame(&[TYPE_IPV6], 0x45), None);
        assert_eq!(frame(&[0x0806], 0x45), None, "ARP");
        assert_eq!(frame(&[0x8864], 0x45), None, "PPPoE");
        for len in 0..15 {
            assert_eq!(ip_offset(&[&[0; 12][..], &[8, 0, 0x45]].concat()[..len]), None, "{len}");
        }
    }

    #[test]
    fn a_reply_goes_back_to_the_station_and_never_comes_from_a_group() {
        let link = [[2, 0, 0, 0, 0, 1], [4, 0, 0, 0, 0, 2]].concat();
        let tagged = [link.as_slice(), &[0x81, 0, 0, 7, 8, 0]].concat();
        let reply = [[4, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1]].concat();
        let expected = [reply.as_slice(), &[0x81, 0, 0, 7, 8, 0]].concat();
        assert_eq!(reply_header(&tagged), Some(expected));
        let mut group = tagged.clone();
        group[0] = 0xff;
        assert_eq!(reply_header(&group), None);
        assert_eq!(reply_header(&tagged[..11]), None);
    }

    #[test]
    fn a_frame_cut_short_has_no_more_header_than_bytes() {
        for len in 0..14 {
            assert_eq!(header_len(&vec![0; len]), len);
        }
    }
}
