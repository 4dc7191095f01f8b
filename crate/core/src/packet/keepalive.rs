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

use super::view::IPV6_HEADER;

/// Offset of the payload length, after version, traffic class and flow label.
const PAYLOAD_LENGTH: usize = 4;

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

/// Returns whether a packet is a keepalive. Its traffic class and flow label may differ.
#[inline]
#[must_use]
pub fn is_keepalive(packet: &[u8]) -> bool {
    packet.len() == KEEPALIVE.len()
        && packet.first().is_some_and(|byte| byte >> 4 == 6)
        && packet.get(PAYLOAD_LENGTH..) == KEEPALIVE.get(PAYLOAD_LENGTH..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    #[test]
    fn only_the_packet_itself_is_one_whatever_its_traffic_class() {
        assert!(is_keepalive(&KEEPALIVE));
        let address = |at: usize| Ipv6Addr::from(*KEEPALIVE[at..].first_chunk::<16>().unwrap());
        assert_eq!([address(8), address(24)].map(|address| address.to_string()), ["::", "ff00::"]);
        for (at, byte) in KEEPALIVE.iter().enumerate() {
            let mut packet = KEEPALIVE;
            packet[at] = byte ^ 1;
            assert_eq!(is_keepalive(&packet), at < PAYLOAD_LENGTH, "{at}");
        }
        assert!(!is_keepalive(&KEEPALIVE[..39]));
        assert!(!is_keepalive(&[KEEPALIVE.as_slice(), &[0]].concat()));
        assert!(!is_keepalive(&[]));
        let mut other = KEEPALIVE;
        other[0] = 0x40;
        assert!(!is_keepalive(&other));
    }
}
