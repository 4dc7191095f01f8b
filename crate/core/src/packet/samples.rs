//! Packets for tests, built field by field, and a naive software segmentation.

use super::checksum::{Sum, pseudo_header};

/// The fields of a TCP or UDP packet.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) is_v6: bool,
    pub(crate) is_udp: bool,
    pub(crate) flow: u8,
    pub(crate) tos: u8,
    pub(crate) ttl: u8,
    pub(crate) has_df: bool,
    pub(crate) id: u16,
    pub(crate) sequence: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Sample {
    pub(crate) fn tcp(sequence: u32, payload: &[u8]) -> Self {
        Self {
            is_v6: false,
            is_udp: false,
            flow: 1,
            tos: 0,
            ttl: 64,
            has_df: true,
            id: 0,
            sequence,
            ack: 77,
            flags: 0x10,
            window: 500,
            options: vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
            payload: payload.to_vec(),
        }
    }

    pub(crate) fn udp(payload: &[u8]) -> Self {
        Self { is_udp: true, ..Self::tcp(0, payload) }
    }

    fn addresses(&self) -> Vec<u8> {
        let len = if self.is_v6 { 16 } else { 4 };
        let mut bytes = vec![10; 2 * len];
        bytes[len - 1] = 1;
        bytes[2 * len - 1] = 2;
        bytes
    }

    /// Returns the transport header with the checksum 0.
    fn transport(&self, payload_len: usize) -> Vec<u8> {
        let mut bytes = vec![0x10, self.flow, 0, 80];
        if self.is_udp {
            bytes.extend(((8 + payload_len) as u16).to_be_bytes());
            bytes.extend([0, 0]);
            return bytes;
        }
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.ack.to_be_bytes());
        bytes.push(((20 + self.options.len()) / 4) as u8 * 16);
        bytes.push(self.flags);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(&self.options);
        bytes
    }

    fn ip(&self, transport_len: usize) -> Vec<u8> {
        let protocol = if self.is_udp { 17 } else { 6 };
        let mut bytes;
        if self.is_v6 {
            bytes = vec![0x60 | self.tos >> 4, self.tos << 4, 0, 9];
            bytes.extend((transport_len as u16).to_be_bytes());
            bytes.extend([protocol, self.ttl]);
            bytes.extend(self.addresses());
        } else {
            bytes = vec![0x45, self.tos];
            bytes.extend(((20 + transport_len) as u16).to_be_bytes());
            bytes.extend(self.id.to_be_bytes());
            bytes.extend([if self.has_df { 0x40 } else { 0 }, 0, self.ttl, protocol, 0, 0]);
            bytes.extend(self.addresses());
            let checksum = Sum::of(&bytes).checksum();
            bytes[10..12].copy_from_slice(&checksum);
        }
        bytes
    }

    /// Returns the packet with its checksums.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut transport = self.transport(self.payload.len());
        transport.extend(&self.payload);
        let pseudo = self.pseudo(transport.len());
        let mut checksum = Sum::of(&transport).and(pseudo).checksum();
        if self.is_udp && checksum == [0, 0] {
            checksum = [0xff, 0xff];
        }
        let at = if self.is_udp { 6 } else { 16 };
        transport[at..at + 2].copy_from_slice(&checksum);
        let mut packet = self.ip(transport.len());
        packet.extend(transport);
        packet
    }

    /// Returns the packet with only the sum of the pseudo header in its checksum field, as the kernel passes
    /// super-packets, and the offset of the transport header.
    pub(crate) fn partial(&self) -> (Vec<u8>, usize) {
        let mut transport = self.transport(self.payload.len());
        transport.extend(&self.payload);
        let at = if self.is_udp { 6 } else { 16 };
        let partial = self.pseudo(transport.len()).folded();
        transport[at..at + 2].copy_from_slice(&partial);
        let mut packet = self.ip(transport.len());
        let start = packet.len();
        packet.extend(transport);
        (packet, start)
    }

    fn pseudo(&self, len: usize) -> Sum {
        let protocol = if self.is_udp { 17 } else { 6 };
        pseudo_header(protocol, len).and(Sum::of(&self.addresses()))
    }

    /// Returns the sample as packets with `gso_size` bytes of payload each.
    pub(crate) fn segments(&self, gso_size: usize) -> Vec<Vec<u8>> {
        let parts: Vec<&[u8]> = self.payload.chunks(gso_size).collect();
        let make = |(number, part): (usize, &&[u8])| {
            let mut segment = self.clone();
            segment.payload = part.to_vec();
            segment.id = self.id.wrapping_add(number as u16);
            segment.sequence = self.sequence.wrapping_add((number * gso_size) as u32);
            if number + 1 < parts.len() {
                segment.flags &= !0x09;
            }
            if number > 0 {
                segment.flags &= !0x80;
            }
            segment.bytes()
        };
        parts.iter().enumerate().map(make).collect()
    }
}
