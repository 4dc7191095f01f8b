//! Sums for the Internet checksum (RFC 1071), with the widest registers of the processor.
//!
//! The words are summed in the byte order of the machine, which RFC 1071, 2(B) allows if the sum is written
//! in that order. Sums of parts that start at even offsets may be added.

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Below this length, bytes, the portable sum is as fast and needs no detection.
const WIDE_FROM: usize = 128;

/// Returns the unfolded sum of the 16-bit words of `data`; an odd last byte counts as if a zero followed.
///
/// Exact for up to 1 MiB, far more than a packet.
#[must_use]
pub fn sum(data: &[u8]) -> u64 {
    if data.len() < WIDE_FROM {
        return portable::sum(data);
    }
    wide(data)
}

#[cfg(target_arch = "x86_64")]
fn wide(data: &[u8]) -> u64 {
    // The macros cache their result: each is one load and one test.
    if is_x86_feature_detected!("avx512bw") {
        // SAFETY: the processor was just found to have AVX-512BW.
        return unsafe { x86::sum_avx512(data) };
    }
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor was just found to have AVX2.
        return unsafe { x86::sum_avx2(data) };
    }
    portable::sum(data)
}

#[cfg(target_arch = "aarch64")]
fn wide(data: &[u8]) -> u64 {
    if std::arch::is_aarch64_feature_detected!("neon") {
        // SAFETY: the processor was just found to have NEON.
        return unsafe { neon::sum(data) };
    }
    portable::sum(data)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn wide(data: &[u8]) -> u64 {
    portable::sum(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds word by word, as RFC 1071, 4.1 does.
    fn naive(data: &[u8]) -> u16 {
        let mut sum: u32 = 0;
        for pair in data.chunks(2) {
            let word = [pair[0], pair.get(1).copied().unwrap_or(0)];
            sum += u32::from(u16::from_ne_bytes(word));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    fn fold(mut sum: u64) -> u16 {
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    /// A name and a function.
    type Implementation = (&'static str, fn(&[u8]) -> u64);

    /// Returns every implementation that this processor can run.
    fn all() -> Vec<Implementation> {
        let mut all: Vec<Implementation> = vec![("dispatch", sum), ("portable", portable::sum)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor was just found to have AVX2.
                all.push(("avx2", |data| unsafe { x86::sum_avx2(data) }));
            }
            if is_x86_feature_detected!("avx512bw") {
                // SAFETY: the processor was just found to have AVX-512BW.
                all.push(("avx512", |data| unsafe { x86::sum_avx512(data) }));
            }
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: every 64-bit ARM processor that Linux runs on has NEON.
        all.push(("neon", |data| unsafe { neon::sum(data) }));
        all
    }

    fn pseudo_random(len: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .take(len)
        .collect()
    }

    #[test]
    fn every_length_to_9001_is_the_naive_sum() {
        let data = pseudo_random(9_001 + 64);
        for len in 0..=9_001 {
            // Each length has another alignment; all alignments occur many times.
            let part = &data[len % 64..len % 64 + len];
            let expected = naive(part);
            for (name, sum) in all() {
                assert_eq!(fold(sum(part)), expected, "{name}, length {len}");
            }
        }
    }

    #[test]
    fn every_alignment_is_the_naive_sum() {
        let data = pseudo_random(2_048 + 64);
        for start in 0..64 {
            for len in [1, 63, 64, 127, 128, 129, 191, 255, 256, 257, 1_447, 1_448, 2_047, 2_048] {
                let part = &data[start..start + len];
                for (name, sum) in all() {
                    assert_eq!(fold(sum(part)), naive(part), "{name}, at {start}, length {len}");
                }
            }
        }
    }

    #[test]
    fn the_largest_sum_does_not_overflow() {
        let data = vec![0xff; 1 << 20];
        for (name, sum) in all() {
            assert_eq!(sum(&data) % 0xffff, 0, "{name}");
            assert_eq!(fold(sum(&data)), 0xffff, "{name}");
        }
    }
}
