//! The Internet checksum: folding sums, and the pseudo headers of TCP and UDP.

use crate::sys::checksum;

/// An unfolded sum of 16-bit words in the byte order of the machine (RFC 1071).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// Returns the sum of `data`. Sums of parts may be added if each part begins at an even offset.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        Self(checksum::sum(data))
    }

    /// Returns the sum of one 16-bit field.
    #[must_use]
    pub fn of_field(value: u16) -> Self {
        Self(u64::from(value.to_be()))
    }

    /// Adds two sums.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// Returns the 16-bit ones' complement sum as bytes, not complemented.
    #[must_use]
    pub fn folded(self) -> [u8; 2] {
        // 64 bits to 33, to 18, to 17, to 16.
        let mut sum = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        (sum as u16).to_ne_bytes()
    }

    /// Returns the bytes of a checksum field: the complement of the folded sum.
    #[must_use]
    pub fn checksum(self) -> [u8; 2] {
        let [a, b] = self.folded();
        [!a, !b]
    }

    /// Returns whether this is the sum of data that include their own, correct checksum.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self.folded() == [0xff, 0xff]
    }
}

/// Returns the sum of a pseudo header without its addresses: the protocol, and the length of the TCP or
/// UDP header and payload (RFC 9293, 3.1; RFC 8200, 8.1). The caller adds the sum of the addresses.
#[must_use]
pub fn pseudo_header(protocol: u8, len: usize) -> Sum {
    // Packets here have at most 65,535 bytes.
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
