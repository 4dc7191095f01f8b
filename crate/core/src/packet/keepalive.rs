//! The packet that shows a peer that the relay is there.
//!
//! It must be a packet that every peer discards without a trace, also one that writes each datagram into its interface.
//! An empty datagram is not: a write of 0 bytes to a TUN interface fails (`EINVAL`), which ends simple programs. This is
//! an IPv6 packet with these properties:
//!
//! - There is no next header (RFC 8200, 4.7), so no protocol receives it.
//! - Its destination is a multicast address of the reserved scope 0. A node must drop such a packet silently (RFC 4291,
//!   2.7), before routing and multicast forwarding.
//! - Its source is the unspecified address, so no ICMP error may be sent about it (RFC 4443, 2.4).
//!
//! An interface without IPv6 drops it too, since no protocol handler receives its packets.
//!
//! Between interfaces of the mode tap it is an Ethernet frame with these properties:
//!
//! - Its destination is the group address of the MAC control protocol. A bridge never forwards such a frame, and Linux
//!   drops it before it learns the source (`br_handle_frame` in net/bridge/br_input.c).
//! - Its type is one for local experiments (IEEE 802, 9.2.3), so no protocol receives it.

use super::layer::Layer;
use super::view::IPV6_HEADER;

/// Offset of the payload length, after version, traffic class and flow label.
const PAYLOAD_LENGTH: usize = 4;

/// The shortest Ethernet frame, without its checksum, bytes.
const MIN_FRAME: usize = 60;

/// The packet.
pub const KEEPALIVE: [u8; IPV6_HEADER] = {
    let mut packet = [0; IPV6_HEADER];
    packet[0] = 0x60;
    // No next header, hop limit 1, and the destination ff00::.
    packet[6] = 59;
    packet[7] = 1;
    packet[24] = 0xff;
    packet
};

/// The frame.
pub const KEEPALIVE_FRAME: [u8; MIN_FRAME] = {
    let mut frame = [0; MIN_FRAME];
    // To 01:80:c2:00:00:01 from 00:00:00:00:00:00, with the type 0x88b5.
    let header = [1, 0x80, 0xc2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x88, 0xb5];
    let (start, _) = frame.split_at_mut(header.len());
    start.copy_from_slice(&header);
    frame
};

/// Returns the keepalive of a layer.
#[must_use]
pub const fn keepalive(layer: Layer) -> &'static [u8] {
    match layer {
        Layer::Ip => &KEEPALIVE,
        Layer::Ethernet => &KEEPALIVE_FRAME,
    }
}

/// Returns whether a packet of this layer is a keepalive. The traffic class and the flow label may differ.
#[inline]
#[must_use]
pub fn is_keepalive(packet: &[u8], layer: Layer) -> bool {
    packet.len() == keepalive(layer).len()
        && match layer {
            Layer::Ip => {
                packet.first().is_some_and(|byte| byte >> 4 == 6)
                    && packet.get(PAYLOAD_LENGTH..) == KEEPALIVE.get(PAYLOAD_LENGTH..)
            }
            Layer::Ethernet => *packet == KEEPALIVE_FRAME,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    #[test]
    fn only_the_packet_itself_is_one_whatever_its_traffic_class() {
        assert!(is_keepalive(&KEEPALIVE, Layer::Ip));
        let address = |at: usize| Ipv6Addr::from(*KEEPALIVE[at..].first_chunk::<16>().unwrap());
        assert_eq!([address(8), address(24)].map(|address| address.to_string()), ["::", "ff00::"]);
        for (at, byte) in KEEPALIVE.iter().enumerate() {
            let mut packet = KEEPALIVE;
            packet[at] = byte ^ 1;
            assert_eq!(is_keepalive(&packet, Layer::Ip), at < PAYLOAD_LENGTH, "{at}");
        }
        assert!(!is_keepalive(&KEEPALIVE[..39], Layer::Ip));
        assert!(!is_keepalive(&[KEEPALIVE.as_slice(), &[0]].concat(), Layer::Ip));
        assert!(!is_keepalive(&[], Layer::Ip));
        let mut other = KEEPALIVE;
        other[0] = 0x40;
        assert!(!is_keepalive(&other, Layer::Ip));
    }

    #[test]
    fn the_frame_differs_from_every_other_one() {
        assert!(is_keepalive(&KEEPALIVE_FRAME, Layer::Ethernet));
        assert!(!is_keepalive(&KEEPALIVE_FRAME, Layer::Ip));
        assert!(!is_keepalive(&KEEPALIVE, Layer::Ethernet));
        for (at, byte) in KEEPALIVE_FRAME.iter().enumerate() {
            let mut frame = KEEPALIVE_FRAME;
            frame[at] = byte ^ 1;
            assert!(!is_keepalive(&frame, Layer::Ethernet), "{at}");
        }
        assert!(!is_keepalive(&KEEPALIVE_FRAME[..59], Layer::Ethernet));
    }
}
