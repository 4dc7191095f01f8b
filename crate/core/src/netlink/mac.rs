//! Hardware addresses.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// A hardware address of any length that a link can have: 6 bytes for Ethernet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacAddress(Vec<u8>);

/// `MAX_ADDR_LEN` (linux/netdevice.h).
const BYTES_MAX: usize = 32;

impl MacAddress {
    /// Parses colon-separated hexadecimal bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let byte = |part: &str| match part.len() {
            1 | 2 if !part.starts_with('+') => u8::from_str_radix(part, 16).ok(),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
        bytes.filter(|bytes| bytes.len() <= BYTES_MAX).map(Self)
    }

    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| Error::custom(format!("{text} is not a hardware address")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_parted_by_colons() {
        let address = MacAddress::parse("02:0:ff:A:b:c").unwrap();
        assert_eq!(address.bytes(), [2, 0, 255, 10, 11, 12]);
        for wrong in ["", ":", "2:", "100", "+1:2", "gg:00", &"00:".repeat(33)] {
            assert_eq!(MacAddress::parse(wrong), None, "{wrong}");
        }
    }
}
