//! The Internet checksum (RFC 1071), in its plain form.

/// Returns the folded ones' complement sum of `bytes` in 16-bit big-endian words, and of `start`.
pub(crate) fn sum(start: u32, bytes: &[u8]) -> u16 {
    let mut total = u64::from(start);
    for word in bytes.chunks(2) {
        let low = word.get(1).copied().unwrap_or(0);
        total += u64::from(u16::from_be_bytes([word[0], low]));
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

/// Returns the sum of the pseudo header (RFC 9293 §3.1, RFC 8200 §8.1).
pub(crate) fn pseudo_sum(source: &[u8], destination: &[u8], protocol: u8, length: usize) -> u16 {
    let start = u32::from(protocol) + length as u32;
    sum(u32::from(sum(start, source)), destination)
}

/// Writes the checksum of `bytes`, with `pseudo` added, to its field at `offset`, which is zero.
pub(crate) fn fill(bytes: &mut [u8], offset: usize, pseudo: u16) {
    let value = !sum(u32::from(pseudo), bytes);
    bytes[offset..offset + 2].copy_from_slice(&value.to_be_bytes());
}
