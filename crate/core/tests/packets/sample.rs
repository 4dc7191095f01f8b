//! Packets built field by field, and their super-packets.

use crate::fuzz::flows::{mended, ones_sum};
use tun2udp_core::packet::vnet::{
    GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM, TCP_CSUM_OFFSET, UDP_CSUM_OFFSET,
    VnetHeader,
};

/// The headers of a TCP or UDP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) is_v6: bool,
    pub(crate) is_udp: bool,
    /// Determines the addresses and the source port.
    pub(crate) flow: u8,
    pub(crate) tos: u8,
    pub(crate) ttl: u8,
    /// IPv4: reserved bit and DF. IPv6: the low bits of the flow label.
    pub(crate) label: u8,
    pub(crate) id: u16,
    pub(crate) sequence: u32,
    pub(crate) ack: u32,
    /// The four bits next to TCP's header length, and its flags.
    pub(crate) flags: u16,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    /// A multiple of four bytes.
    pub(crate) options: Vec<u8>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            is_v6: false,
            is_udp: false,
            flow: 1,
            tos: 0,
            ttl: 64,
            label: 2,
            id: 9,
            sequence: 1,
            ack: 77,
            flags: 0x10,
            window: 500,
            urgent: 0,
            options: Vec::new(),
        }
    }
}

impl Sample {
    fn protocol(&self) -> u8 {
        if self.is_udp { 17 } else { 6 }
    }

    /// Returns the length of all headers, bytes.
    pub(crate) fn header_len(&self) -> usize {
        let ip = if self.is_v6 { 40 } else { 20 };
        ip + if self.is_udp { 8 } else { 20 + self.options.len() }
    }

    fn addresses(&self) -> Vec<u8> {
        let len = if self.is_v6 { 16 } else { 4 };
        let mut bytes = vec![10; 2 * len];
        bytes[len - 1] = self.flow % 3;
        bytes[2 * len - 1] = 200;
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
        let length = ((20 + self.options.len()) / 4) as u16;
        bytes.extend((length << 12 | self.flags & 0xfff).to_be_bytes());
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(self.urgent.to_be_bytes());
        bytes.extend(&self.options);
        bytes
    }

    fn ip(&self, transport_len: usize) -> Vec<u8> {
        let mut bytes;
        if self.is_v6 {
            bytes = vec![0x60 | self.tos >> 4, self.tos << 4, 0, self.label];
            bytes.extend((transport_len as u16).to_be_bytes());
            bytes.extend([self.protocol(), self.ttl]);
            bytes.extend(self.addresses());
        } else {
            bytes = vec![0x45, self.tos];
            bytes.extend(((20 + transport_len) as u16).to_be_bytes());
            bytes.extend(self.id.to_be_bytes());
            bytes.extend([self.label << 5 & 0xc0, 0, self.ttl, self.protocol(), 0, 0]);
            bytes.extend(self.addresses());
        }
        bytes
    }

    /// Returns the packet with correct checksums.
    pub(crate) fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let transport = [&self.transport(payload.len()), payload].concat();
        mended([self.ip(transport.len()), transport].concat())
    }

    /// Returns the super-packet as the kernel passes it, its checksum not filled in.
    pub(crate) fn super_packet(&self, payload: &[u8], gso_size: u16) -> (VnetHeader, Vec<u8>) {
        let start = if self.is_v6 { 40 } else { 20 };
        let mut packet = self.packet(payload);
        let csum_offset = if self.is_udp { UDP_CSUM_OFFSET } else { TCP_CSUM_OFFSET };
        let field = start + usize::from(csum_offset);
        let len = packet.len() - start;
        let pseudo = ones_sum(u32::from(self.protocol()) + len as u32, &self.addresses());
        packet[field..field + 2].copy_from_slice(&pseudo.to_be_bytes());
        let kind = match (self.is_udp, self.is_v6) {
            (true, _) => GSO_UDP_L4,
            (false, false) => GSO_TCPV4,
            (false, true) => GSO_TCPV6,
        };
        let has_cwr = !self.is_udp && self.flags & 0x80 != 0;
        let vnet = VnetHeader {
            flags: NEEDS_CSUM,
            gso_type: if has_cwr { kind | GSO_ECN } else { kind },
            hdr_len: self.header_len() as u16,
            gso_size,
            csum_start: start as u16,
            csum_offset,
        };
        (vnet, packet)
    }
}
