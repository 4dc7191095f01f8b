//! Packets that the tests send through a relay.

/// Returns a UDP packet with `payload` from port 7 of 10.9.0.`source` to port 9 of 10.9.0.1, without a UDP
/// checksum.
pub(crate) fn udp_packet(source: u8, payload: &[u8]) -> Vec<u8> {
    let udp_len = u16::try_from(8 + payload.len()).unwrap();
    let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 9, 0, source, 10, 9, 0, 1];
    bytes[2..4].copy_from_slice(&(20 + udp_len).to_be_bytes());
    let sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    bytes[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    bytes.extend([0, 7, 0, 9]);
    bytes.extend(udp_len.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}
