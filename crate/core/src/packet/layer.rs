//! The layer of a device or a tunnel: IP packets or Ethernet frames.

use super::ethernet;

/// A layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// IP packets.
    Ip,
    /// Ethernet frames, without their checksum.
    Ethernet,
}

impl Layer {
    /// Returns the offset of the network header: the length of a frame's own header, tags included. Never more
    /// than `bytes` has.
    #[inline]
    #[must_use]
    pub fn network_offset(self, bytes: &[u8]) -> usize {
        match self {
            Self::Ip => 0,
            Self::Ethernet => ethernet::header_len(bytes),
        }
    }

    /// Returns whether `bytes` can belong to this layer. A packet is recognized by its first four bits (IPv4 or
    /// IPv6), a frame by its length. The driver refuses everything else (`tun_get_user` in drivers/net/tun.c).
    #[inline]
    #[must_use]
    pub fn is_plausible(self, bytes: &[u8]) -> bool {
        match self {
            Self::Ip => bytes.first().is_some_and(|byte| matches!(byte >> 4, 4 | 6)),
            Self::Ethernet => bytes.len() >= ethernet::HEADER,
        }
    }

    /// Returns the offset of the IP packet, which is the length of `bytes` if there is none. Bytes of the layer
    /// [`Layer::Ip`] are taken for an IP packet.
    #[inline]
    #[must_use]
    pub fn ip_offset(self, bytes: &[u8]) -> usize {
        match self {
            Self::Ip => 0,
            Self::Ethernet => ethernet::ip_offset(bytes).unwrap_or(bytes.len()),
        }
    }

    /// Returns the IP packet in `bytes`, which is empty if there is none.
    #[inline]
    #[must_use]
    pub fn ip_packet(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.ip_offset(bytes)..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_recognized_by_their_version_and_frames_by_their_length() {
        for byte in 0..=255_u8 {
            assert_eq!(Layer::Ip.is_plausible(&[byte]), matches!(byte >> 4, 4 | 6), "{byte:#x}");
        }
        assert!(!Layer::Ip.is_plausible(&[]));
        for len in 0..20 {
            assert_eq!(Layer::Ethernet.is_plausible(&vec![0; len]), len >= 14, "{len} bytes");
        }
    }

    #[test]
    fn the_network_header_is_behind_that_of_the_frame() {
        let mut frame = [0; 60];
        frame[12] = 8;
        assert_eq!(Layer::Ethernet.network_offset(&frame), 14);
        frame[12..14].copy_from_slice(&[0x81, 0]);
        assert_eq!(Layer::Ethernet.network_offset(&frame), 18);
        assert_eq!(Layer::Ip.network_offset(&frame), 0);
        // The type states a tag, and behind it there is no IP packet.
        assert_eq!((Layer::Ethernet.ip_offset(&frame), Layer::Ip.ip_offset(&frame)), (60, 0));
        frame[16] = 8;
        frame[18] = 0x45;
        assert_eq!(Layer::Ethernet.ip_packet(&frame).len(), 42);
    }
}
