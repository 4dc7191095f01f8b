//! What must hold of packets however they come, asserted on any bytes at all.
//!
//! One place for three users: the property tests and the replay of the corpus
//! (`crate/core/tests/packets`), which include this file, and the targets of libFuzzer in
//! `fuzz_targets`. A broken law panics.

pub mod encode;
pub mod flows;
pub mod law;
pub mod targets;
