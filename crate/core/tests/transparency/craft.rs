//! Builds packets byte by byte, correct ones and, on request, wrong ones.
//!
//! The test's own, so that it shares no mistake with the code under test.

mod checksum;
mod network;
mod transport;

pub(crate) use checksum::{fill, pseudo_sum, sum};
pub(crate) use network::{Family, Network};
pub(crate) use transport::{Icmp, Tcp, Udp, ack, cwr, ece, fin, psh, rst, syn, urg};

/// `count` payload bytes that differ from place to place and from `seed` to `seed`.
pub(crate) fn payload(seed: usize, count: usize) -> Vec<u8> {
    (0..count).map(|at| (at.wrapping_mul(7) ^ (at >> 8) ^ seed.wrapping_mul(29)) as u8).collect()
}

/// `packet` with the bits of `mask` turned over in the byte at `offset`.
pub(crate) fn flip(mut packet: Vec<u8>, offset: usize, mask: u8) -> Vec<u8> {
    packet[offset] ^= mask;
    packet
}

/// `packet` with the 16-bit field at `offset` replaced.
pub(crate) fn with_u16(mut packet: Vec<u8>, offset: usize, value: u16) -> Vec<u8> {
    packet[offset..offset + 2].copy_from_slice(&value.to_be_bytes());
    packet
}
