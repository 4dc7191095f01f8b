//! The sum with AVX2 and AVX-512: four accumulators, 32-bit halves widened to 64 bits.

use super::portable;
use std::arch::x86_64::{
    __m256i, __m512i, _mm256_add_epi64, _mm256_blend_epi32, _mm256_extract_epi64,
    _mm256_loadu_si256, _mm256_setzero_si256, _mm256_srli_epi64, _mm512_add_epi64,
    _mm512_loadu_si512, _mm512_maskz_loadu_epi8, _mm512_maskz_mov_epi32, _mm512_reduce_add_epi64,
    _mm512_setzero_si512, _mm512_srli_epi64,
};

/// Returns the sum of the 16-bit words of `data`, not folded.
#[target_feature(enable = "avx2")]
pub(super) fn sum_avx2(data: &[u8]) -> u64 {
    let zero = _mm256_setzero_si256();
    let mut totals = [zero; 4];
    let (blocks, rest) = data.as_chunks::<64>();
    for block in blocks {
        let (lanes, _) = block.as_chunks::<32>();
        for (pair, lane) in totals.as_chunks_mut::<2>().0.iter_mut().zip(lanes) {
            let pointer: *const __m256i = lane.as_ptr().cast();
            // SAFETY: `lane` is 32 readable bytes, and the load requires no alignment.
            let words = unsafe { _mm256_loadu_si256(pointer) };
            let low = _mm256_blend_epi32::<0b1010_1010>(words, zero);
            let high = _mm256_srli_epi64::<32>(words);
            let [first, second] = pair;
            *first = _mm256_add_epi64(*first, low);
            *second = _mm256_add_epi64(*second, high);
        }
    }
    let [a, b, c, d] = totals;
    let all = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
    let lanes = [
        _mm256_extract_epi64::<0>(all),
        _mm256_extract_epi64::<1>(all),
        _mm256_extract_epi64::<2>(all),
        _mm256_extract_epi64::<3>(all),
    ];
    // Each lane is a count of at most 33 + 15 bits, so the change of sign loses nothing.
    lanes.iter().map(|lane| *lane as u64).sum::<u64>() + portable::sum(rest)
}

/// Returns the sum of the 16-bit words of `data`, not folded.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn sum_avx512(data: &[u8]) -> u64 {
    let mut totals = [_mm512_setzero_si512(); 4];
    let (lanes, rest) = data.as_chunks::<64>();
    let (pairs, odd) = lanes.as_chunks::<2>();
    for pair in pairs {
        for (totals, lane) in totals.as_chunks_mut::<2>().0.iter_mut().zip(pair) {
            let pointer: *const __m512i = lane.as_ptr().cast();
            // SAFETY: `lane` is 64 readable bytes, and the load requires no alignment.
            add(totals, unsafe { _mm512_loadu_si512(pointer) });
        }
    }
    let [first, second] = totals.as_chunks_mut::<2>().0 else { return 0 };
    for lane in odd {
        let pointer: *const __m512i = lane.as_ptr().cast();
        // SAFETY: as above.
        add(first, unsafe { _mm512_loadu_si512(pointer) });
    }
    // Fewer than 64 bytes remain: only those are loaded, and the others are zero.
    let there = (1 << rest.len()) - 1;
    // SAFETY: bytes that the mask excludes are not accessed.
    add(second, unsafe { _mm512_maskz_loadu_epi8(there, rest.as_ptr().cast()) });
    let [a, b, c, d] = totals;
    let all = _mm512_add_epi64(_mm512_add_epi64(a, b), _mm512_add_epi64(c, d));
    _mm512_reduce_add_epi64(all) as u64
}

/// Adds the 32-bit halves of `words`: the lower ones to the first total, the upper ones to the second.
#[target_feature(enable = "avx512f")]
fn add([first, second]: &mut [__m512i; 2], words: __m512i) {
    let low = _mm512_maskz_mov_epi32(0b0101_0101_0101_0101, words);
    *first = _mm512_add_epi64(*first, low);
    *second = _mm512_add_epi64(*second, _mm512_srli_epi64::<32>(words));
}
