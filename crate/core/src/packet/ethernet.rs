//! Ethernet frames: the offset of the packet in a frame.

/// `ETH_P_8021Q` and `ETH_P_8021AD`: tags of four bytes before the type of the packet.
const TAGS: [[u8; 2]; 2] = [[0x81, 0x00], [0x88, 0xa8]];
/// Bytes of both addresses.
const ADDRESSES: usize = 12;
/// Bytes of a header without tags.
pub const HEADER: usize = ADDRESSES + 2;
/// Bytes of a tag.
const TAG: usize = 4;
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
    fn a_frame_cut_short_has_no_more_header_than_bytes() {
        for len in 0..14 {
            assert_eq!(header_len(&vec![0; len]), len);
        }
    }
}
