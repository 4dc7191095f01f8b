//! The sum in plain Rust: words of 64 bits, carries put off to the end.

/// The sum of the 16-bit words of `data`, not folded.
pub(super) fn sum(data: &[u8]) -> u64 {
    // Each half of a word is a multiple of 2^16 ahead of its lower part, and 2^16 is 1 in ones'
    // complement arithmetic; so 32-bit halves may be added and folded once at the end.
    let (words, rest) = data.as_chunks::<8>();
    let mut total: u64 = 0;
    for word in words {
        let word = u64::from_ne_bytes(*word);
        total += (word >> 32) + (word & 0xffff_ffff);
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let last = u64::from_ne_bytes(last);
    total + (last >> 32) + (last & 0xffff_ffff)
}
