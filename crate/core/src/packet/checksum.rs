//! The Internet checksum: folding sums, and the pseudo headers of TCP and UDP.

use crate::sys::checksum;

/// A sum of 16-bit words in the machine's byte order, not folded (RFC 1071).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of `data`; it may be added to others whose parts start at even offsets.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        Self(checksum::sum(data))
    }

    /// The sum of a 16-bit field with this value.
    #[must_use]
    pub fn of_field(value: u16) -> Self {
        Self(u64::from(value.to_be()))
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// The 16-bit ones' complement sum, as the bytes of a field that is not complemented.
    #[must_use]
    pub fn folded(self) -> [u8; 2] {
        // 64 bits to 33, to 18, to 17, to 16.
        let mut sum = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        (sum as u16).to_ne_bytes()
    }

    /// The checksum: the complement of the folded sum, as the bytes of a checksum field.
    #[must_use]
    pub fn checksum(self) -> [u8; 2] {
        let [a, b] = self.folded();
        [!a, !b]
    }

    /// Whether this is the sum of data that hold their own checksum, and it is right.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self.folded() == [0xff, 0xff]
    }
}

/// The sum of a pseudo header without its addresses, to which theirs is to be added: the protocol,
/// and the length of header and payload of TCP or UDP (RFC 9293, 3.1; RFC 8200, 8.1).
#[must_use]
pub fn pseudo_header(protocol: u8, len: usize) -> Sum {
    // No packet here is longer than 16 bits can say.
    Sum::of_field(u16::from(protocol)).and(Sum::of_field(len as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        let sum = Sum::of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.folded(), [0xdd, 0xf2]);
        assert_eq!(sum.checksum(), [0x22, 0x0d]);
        assert!(sum.and(Sum::of(&[0x22, 0x0d])).is_valid());
        assert!(!sum.and(Sum::of(&[0x22, 0x0e])).is_valid());
    }

    #[test]
    fn the_largest_sums_fold() {
        assert_eq!(Sum(u64::MAX).folded(), [0xff, 0xff]);
        assert_eq!(Sum(0).folded(), [0, 0]);
        assert_eq!(Sum(0x1_ffff).folded(), 1_u16.to_ne_bytes());
    }
}
