//! TCP, UDP and ICMP.

use super::{Family, Network, checksum};

/// TCP flags (RFC 9293 §3.1).
#[allow(non_upper_case_globals, reason = "they read as the field's own names")]
mod flags {
    pub(crate) const fin: u8 = 0x01;
    pub(crate) const syn: u8 = 0x02;
    pub(crate) const rst: u8 = 0x04;
    pub(crate) const psh: u8 = 0x08;
    pub(crate) const ack: u8 = 0x10;
    pub(crate) const urg: u8 = 0x20;
    pub(crate) const ece: u8 = 0x40;
    pub(crate) const cwr: u8 = 0x80;
}
pub(crate) use flags::*;

/// One TCP segment; data offset and checksum are computed.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub(crate) source: u16,
    pub(crate) destination: u16,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// The four bits after the data offset; the lowest is NS or AE.
    pub(crate) reserved: u8,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    /// A multiple of 4 bytes, at most 40.
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            source: 40_000,
            destination: 443,
            seq: 0x1000_0000,
            ack: 0x2000_0000,
            reserved: 0,
            flags: ack,
            window: 502,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
        }
    }
}

impl Tcp {
    /// Returns the length of the header, bytes.
    pub(crate) fn header_len(&self) -> usize {
        20 + self.options.len()
    }

    /// Returns the segment with a checksum field of zero.
    pub(crate) fn bytes_without_checksum(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for port in [self.source, self.destination] {
            bytes.extend_from_slice(&port.to_be_bytes());
        }
        for number in [self.seq, self.ack] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.push(((self.header_len() / 4) as u8) << 4 | self.reserved);
        bytes.push(self.flags);
        for field in [self.window, 0, self.urgent] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        bytes.extend_from_slice(&self.options);
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    pub(super) fn bytes(&self, network: &Network) -> Vec<u8> {
        let mut bytes = self.bytes_without_checksum();
        let pseudo = network.pseudo_sum(6, bytes.len());
        checksum::fill(&mut bytes, 16, pseudo);
        bytes
    }
}

/// One UDP datagram; the length is computed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Udp {
    pub(crate) source: u16,
    pub(crate) destination: u16,
    /// `None`: the correct checksum.
    pub(crate) checksum: Option<u16>,
    pub(crate) payload: Vec<u8>,
}

impl Udp {
    /// Returns the datagram with a checksum field of zero.
    pub(crate) fn bytes_without_checksum(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let length = (8 + self.payload.len()) as u16;
        for field in [self.source, self.destination, length, 0] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    pub(super) fn bytes(&self, network: &Network) -> Vec<u8> {
        let mut bytes = self.bytes_without_checksum();
        match self.checksum {
            Some(value) => bytes[6..8].copy_from_slice(&value.to_be_bytes()),
            None => {
                let pseudo = network.pseudo_sum(17, bytes.len());
                checksum::fill(&mut bytes, 6, pseudo);
                // RFC 768: a sum of zero is sent as all ones; zero means "no checksum".
                if bytes[6..8] == [0, 0] {
                    bytes[6..8].fill(0xff);
                }
            }
        }
        bytes
    }
}

/// One ICMP or ICMPv6 message; the checksum is computed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Icmp {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    /// The four bytes after the checksum and the rest.
    pub(crate) body: Vec<u8>,
}

impl Icmp {
    pub(super) fn bytes(&self, network: &Network) -> Vec<u8> {
        let mut bytes = vec![self.kind, self.code, 0, 0];
        bytes.extend_from_slice(&self.body);
        // ICMPv6 has a pseudo header (RFC 4443 §2.3), ICMP does not.
        let pseudo = match network.family() {
            Family::V4 => 0,
            Family::V6 => network.pseudo_sum(58, bytes.len()),
        };
        checksum::fill(&mut bytes, 2, pseudo);
        bytes
    }
}
