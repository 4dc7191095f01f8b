//! The laws that hold for all packets, asserted on arbitrary bytes.
//!
//! They have three users: the property tests and the replay of the corpus (`crate/core/tests/packets`), which
//! include this file, and the targets of libFuzzer in `fuzz_targets`. A broken law panics.

pub mod capture;
pub mod encode;
pub mod flows;
pub mod law;
pub mod path;
pub mod targets;
