//! The sum with NEON: pairs of 16-bit words added into 32-bit accumulators.

use super::portable;
use std::arch::aarch64::{uint16x8_t, vaddlvq_u32, vdupq_n_u32, vld1q_u8, vpadalq_u16};

/// Bytes after which the 32-bit accumulators are emptied: each step adds less than 2^17 to each.
const EMPTY_AFTER: usize = 1 << 16;

/// Returns the sum of the 16-bit words of `data`, not folded.
#[target_feature(enable = "neon")]
pub(super) fn sum(data: &[u8]) -> u64 {
    let mut total = 0;
    for part in data.chunks(EMPTY_AFTER) {
        let mut totals = [vdupq_n_u32(0); 4];
        let (blocks, rest) = part.as_chunks::<64>();
        for block in blocks {
            let (lanes, _) = block.as_chunks::<16>();
            for (accumulator, lane) in totals.iter_mut().zip(lanes) {
                // SAFETY: `lane` is 16 readable bytes, and the load requires no alignment.
                let bytes = unsafe { vld1q_u8(lane.as_ptr()) };
                // SAFETY: both types are 128 bits of plain data.
                let words: uint16x8_t = unsafe { std::mem::transmute(bytes) };
                *accumulator = vpadalq_u16(*accumulator, words);
            }
        }
        total += totals.iter().map(|lanes| vaddlvq_u32(*lanes)).sum::<u64>() + portable::sum(rest);
    }
    total
}
