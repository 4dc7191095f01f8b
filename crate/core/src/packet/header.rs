//! Positions of header fields, in bytes from the start of the header: a range, or one number for a
//! field of one byte. Reading and writing them is checked, so neither can panic.

use std::ops::Range;

/// IPv4 (RFC 791, 3.1).
pub mod ipv4 {
    use std::ops::Range;

    /// Version in the upper four bits, header length in words of 32 bits in the lower four.
    pub const VERSION_AND_LENGTH: usize = 0;
    /// Length of header and payload.
    pub const TOTAL_LENGTH: Range<usize> = 2..4;
    /// Identification.
    pub const IDENTIFICATION: Range<usize> = 4..6;
    /// [`DONT_FRAGMENT`], [`MORE_FRAGMENTS`] and [`FRAGMENT_OFFSET`].
    pub const FRAGMENT: Range<usize> = 6..8;
    /// Time to live.
    pub const TIME_TO_LIVE: usize = 8;
    /// Protocol of the payload.
    pub const PROTOCOL: usize = 9;
    /// Checksum of the header.
    pub const CHECKSUM: Range<usize> = 10..12;
    /// Source address.
    pub const SOURCE: Range<usize> = 12..16;
    /// Destination address.
    pub const DESTINATION: Range<usize> = 16..20;
    /// Both addresses.
    pub const ADDRESSES: Range<usize> = SOURCE.start..DESTINATION.end;

    /// Flag of [`FRAGMENT`]: routers must not fragment the packet.
    pub const DONT_FRAGMENT: u16 = 0x4000;
    /// Flag of [`FRAGMENT`]: another fragment follows.
    pub const MORE_FRAGMENTS: u16 = 0x2000;
    /// Bits of [`FRAGMENT`]: offset of a fragment's payload in units of eight bytes.
    pub const FRAGMENT_OFFSET: u16 = 0x1fff;
}

/// IPv6 (RFC 8200, 3 and 4).
pub mod ipv6 {
    use std::ops::Range;

    /// Version, traffic class and [`FLOW_LABEL`].
    pub const FIRST_WORD: Range<usize> = 0..4;
    /// Length of extension headers and payload.
    pub const PAYLOAD_LENGTH: Range<usize> = 4..6;
    /// Protocol of what follows the header.
    pub const NEXT_HEADER: usize = 6;
    /// Source address.
    pub const SOURCE: Range<usize> = 8..24;
    /// Destination address.
    pub const DESTINATION: Range<usize> = 24..40;
    /// Both addresses.
    pub const ADDRESSES: Range<usize> = SOURCE.start..DESTINATION.end;

    /// Bits of [`FIRST_WORD`]: the flow label.
    pub const FLOW_LABEL: u32 = 0x000f_ffff;

    /// Next header: hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// Next header: routing header.
    pub const ROUTING: u8 = 43;
    /// Next header: fragment header.
    pub const FRAGMENT: u8 = 44;
    /// Next header: destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;

    /// In an extension header: the next header.
    pub const EXTENSION_NEXT: usize = 0;
    /// In an extension header other than a fragment header: its length in units of eight bytes, the
    /// first unit not counted.
    pub const EXTENSION_LENGTH: usize = 1;
    /// In a fragment header: [`FRAGMENT_OFFSET`] and flags.
    pub const FRAGMENT_FIELD: Range<usize> = 2..4;
    /// Bits of [`FRAGMENT_FIELD`]: offset of a fragment's payload in bytes.
    pub const FRAGMENT_OFFSET: u16 = 0xfff8;
    /// Bytes of a fragment header.
    pub const FRAGMENT_HEADER: usize = 8;
}

/// TCP (RFC 9293, 3.1).
pub mod tcp {
    use std::ops::Range;

    /// Source port.
    pub const SOURCE_PORT: Range<usize> = 0..2;
    /// Destination port.
    pub const DESTINATION_PORT: Range<usize> = 2..4;
    /// Sequence number.
    pub const SEQUENCE: Range<usize> = 4..8;
    /// Acknowledgment number.
    pub const ACKNOWLEDGMENT: Range<usize> = 8..12;
    /// Header length in words of 32 bits, in the upper four bits.
    pub const DATA_OFFSET: usize = 12;
    /// Flags.
    pub const FLAGS: usize = 13;
    /// [`DATA_OFFSET`] and [`FLAGS`].
    pub const OFFSET_AND_FLAGS: Range<usize> = DATA_OFFSET..FLAGS + 1;
    /// Checksum.
    pub const CHECKSUM: Range<usize> = 16..18;
    /// Urgent pointer.
    pub const URGENT_POINTER: Range<usize> = 18..20;
}

/// UDP (RFC 768).
pub mod udp {
    use std::ops::Range;

    /// Length of header and payload.
    pub const LENGTH: Range<usize> = 4..6;
    /// Checksum.
    pub const CHECKSUM: Range<usize> = 6..8;
}

/// Source and destination port, which TCP and UDP have in the same place.
pub const PORTS: Range<usize> = tcp::SOURCE_PORT.start..tcp::DESTINATION_PORT.end;

/// Returns the position of a `field` whose header begins at `start`.
#[inline]
#[must_use]
pub fn behind(start: usize, field: Range<usize>) -> Range<usize> {
    start + field.start..start + field.end
}

/// Reads a big-endian field of 16 bits.
#[inline]
#[must_use]
pub fn read16(bytes: &[u8], field: Range<usize>) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(field)?.first_chunk()?))
}

/// Reads a big-endian field of 32 bits.
#[inline]
#[must_use]
pub fn read32(bytes: &[u8], field: Range<usize>) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(field)?.first_chunk()?))
}

/// Writes a field; `None` if `bytes` ends before its end or the field is shorter than `value`.
#[inline]
pub fn write<const N: usize>(bytes: &mut [u8], field: Range<usize>, value: [u8; N]) -> Option<()> {
    *bytes.get_mut(field)?.first_chunk_mut()? = value;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_one_another_in_each_header() {
        let v4 = [
            ipv4::TOTAL_LENGTH,
            ipv4::IDENTIFICATION,
            ipv4::FRAGMENT,
            ipv4::TIME_TO_LIVE..ipv4::PROTOCOL,
            ipv4::PROTOCOL..ipv4::PROTOCOL + 1,
            ipv4::CHECKSUM,
            ipv4::SOURCE,
            ipv4::DESTINATION,
        ];
        assert!(v4.windows(2).all(|pair| pair[0].end == pair[1].start), "{v4:?}");
        assert_eq!(
            (ipv4::SOURCE.len(), ipv4::DESTINATION.end),
            (4, crate::packet::view::IPV4_HEADER)
        );
        assert_eq!(
            (ipv6::SOURCE.len(), ipv6::DESTINATION.end),
            (16, crate::packet::view::IPV6_HEADER)
        );
        assert_eq!(ipv6::SOURCE.end, ipv6::DESTINATION.start);
        assert_eq!(tcp::URGENT_POINTER.end, crate::packet::view::TCP_HEADER);
        assert_eq!(udp::CHECKSUM.end, crate::packet::view::UDP_HEADER);
    }

    #[test]
    fn a_field_that_is_not_all_there_is_neither_read_nor_written() {
        let mut bytes = [1, 2, 3, 4, 5];
        assert_eq!(read16(&bytes, 3..5), Some(0x0405));
        assert_eq!(read16(&bytes, behind(3, tcp::DESTINATION_PORT)), None);
        assert_eq!(read32(&bytes, 1..5), Some(0x0203_0405));
        assert_eq!(read32(&bytes, 2..6), None);
        assert_eq!(read32(&bytes, 0..2), None, "a shorter field");
        assert_eq!(write(&mut bytes, 4..6, [9, 9]), None);
        assert_eq!(write(&mut bytes, 0..1, [9, 9]), None, "a shorter field");
        assert_eq!(bytes, [1, 2, 3, 4, 5]);
        assert_eq!(write(&mut bytes, 1..3, [9, 8]), Some(()));
        assert_eq!(bytes, [1, 9, 8, 4, 5]);
    }
}
