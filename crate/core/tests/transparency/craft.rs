//! Builds packets byte by byte, correct ones and, on request, wrong ones.
//!
//! It is independent of the code under test, so that it does not share its mistakes.

mod checksum;
mod network;
mod transport;

pub(crate) use checksum::{fill, pseudo_sum, sum};
pub(crate) use network::{Family, Network};
pub(crate) use transport::{Icmp, Tcp, Udp, ack, cwr, ece, fin, psh, rst, syn, urg};

/// Returns `count` payload bytes that depend on their offset and on `seed`.
pub(crate) fn payload(seed: usize, count: usize) -> Vec<u8> {
    (0..count).map(|at| (at.wrapping_mul(7) ^ (at >> 8) ^ seed.wrapping_mul(29)) as u8).collect()
}

/// Returns `packet` with the bits of `mask` inverted in the byte at `offset`.
pub(crate) fn flip(mut packet: Vec<u8>, offset: usize, mask: u8) -> Vec<u8> {
    packet[offset] ^= mask;
    packet
}

/// Returns `packet` with the 16-bit field at `offset` replaced.
pub(crate) fn with_u16(mut packet: Vec<u8>, offset: usize, value: u16) -> Vec<u8> {
    packet[offset..offset + 2].copy_from_slice(&value.to_be_bytes());
    packet
}
