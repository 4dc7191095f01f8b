//! The sum in plain Rust: words of 64 bits, whose carries are added at the end.

/// Returns the sum of the 16-bit words of `data`, not folded.
pub(super) fn sum(data: &[u8]) -> u64 {
    // The weight of each 16-bit part of a word is a power of 2^16, and 2^16 is 1 in ones' complement
    // arithmetic. Therefore 32-bit halves may be added and folded once at the end.
    let (words, rest) = data.as_chunks::<8>();
    let mut total: u64 = 0;
    for word in words {
        let word = u64::from_ne_bytes(*word);
        total += (word >> 32) + (word & 0xffff_ffff);
    }
    let last = last_word(data, rest);
    total + (last >> 32) + (last & 0xffff_ffff)
}

/// Returns the last bytes of `data`, fewer than eight, followed by zeroes.
fn last_word(data: &[u8], rest: &[u8]) -> u64 {
    let word = match data.last_chunk::<8>() {
        _ if rest.is_empty() => 0,
        // Loaded at once, with preceding bytes that are shifted out. Assembling them byte by byte would stall
        // the processor.
        Some(last) => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    u64::from_ne_bytes(word.to_le_bytes())
}
