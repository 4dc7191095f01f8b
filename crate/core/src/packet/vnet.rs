//! The header in front of each packet of a device that was opened with `IFF_VNET_HDR`:
//! `struct virtio_net_hdr` of linux/virtio_net.h, in the byte order of the machine.

use super::header::{tcp, udp};

/// `VIRTIO_NET_HDR_F_NEEDS_CSUM`: the checksum has not been filled in yet.
pub const NEEDS_CSUM: u8 = 1;
/// `VIRTIO_NET_HDR_GSO_NONE`: an ordinary packet.
pub const GSO_NONE: u8 = 0;
/// `VIRTIO_NET_HDR_GSO_TCPV4`
pub const GSO_TCPV4: u8 = 1;
/// `VIRTIO_NET_HDR_GSO_TCPV6`
pub const GSO_TCPV6: u8 = 4;
/// `VIRTIO_NET_HDR_GSO_UDP_L4` (Linux ≥ 6.2)
pub const GSO_UDP_L4: u8 = 5;
/// `VIRTIO_NET_HDR_GSO_ECN`: an additional bit of the type; the first segment has CWR set.
pub const GSO_ECN: u8 = 0x80;

/// Offset of the checksum in a TCP header, bytes.
pub const TCP_CSUM_OFFSET: u16 = tcp::CHECKSUM.start as u16;
/// Offset of the checksum in a UDP header, bytes.
pub const UDP_CSUM_OFFSET: u16 = udp::CHECKSUM.start as u16;

/// `struct virtio_net_hdr`. The default belongs to an ordinary packet whose checksum is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VnetHeader {
    /// [`NEEDS_CSUM`] or 0.
    pub flags: u8,
    /// [`GSO_NONE`], [`GSO_TCPV4`], …, with [`GSO_ECN`].
    pub gso_type: u8,
    /// Length of all headers, bytes; only a hint.
    pub hdr_len: u16,
    /// Payload of each packet except the last, bytes.
    pub gso_size: u16,
    /// Offset of the part of the packet that is summed, bytes.
    pub csum_start: u16,
    /// Offset of the checksum from `csum_start`, bytes.
    pub csum_offset: u16,
}

impl VnetHeader {
    /// Length of the header, bytes.
    pub const LEN: usize = 10;

    /// Parses a header.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::LEN]) -> Self {
        let [flags, gso_type, h0, h1, g0, g1, s0, s1, o0, o1] = *bytes;
        Self {
            flags,
            gso_type,
            hdr_len: u16::from_ne_bytes([h0, h1]),
            gso_size: u16::from_ne_bytes([g0, g1]),
            csum_start: u16::from_ne_bytes([s0, s1]),
            csum_offset: u16::from_ne_bytes([o0, o1]),
        }
    }

    /// Returns whether the packet is a super-packet.
    #[must_use]
    pub fn is_super_packet(&self) -> bool {
        self.gso_type & !GSO_ECN != GSO_NONE
    }

    /// Returns the bytes of the header.
    #[must_use]
    pub fn bytes(&self) -> [u8; Self::LEN] {
        let [h0, h1] = self.hdr_len.to_ne_bytes();
        let [g0, g1] = self.gso_size.to_ne_bytes();
        let [s0, s1] = self.csum_start.to_ne_bytes();
        let [o0, o1] = self.csum_offset.to_ne_bytes();
        [self.flags, self.gso_type, h0, h1, g0, g1, s0, s1, o0, o1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn golden_bytes_both_ways() {
        let bytes = [1, 0x81, 54, 0, 0xa8, 0x05, 34, 0, 16, 0];
        let header = VnetHeader {
            flags: NEEDS_CSUM,
            gso_type: GSO_TCPV4 | GSO_ECN,
            hdr_len: 54,
            gso_size: 1_448,
            csum_start: 34,
            csum_offset: TCP_CSUM_OFFSET,
        };
        assert_eq!(VnetHeader::parse(&bytes), header);
        assert_eq!(header.bytes(), bytes);
    }

    #[test]
    fn an_ordinary_packet_has_ten_zeroes() {
        assert_eq!(VnetHeader::default().bytes(), [0; VnetHeader::LEN]);
    }
}
