//! The laws of splitting, of coalescing, and of packets that are too long for the path: on random packets, on golden
//! bytes, on the corpus of the fuzzer, and on mutations of the corpus.
//!
//! A failing run prints `TUN2UDP_SEED=…`. Setting this variable repeats the run.
#![allow(clippy::print_stdout, reason = "seeds, shown for a failed test")]

mod corpus;
#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library to the fuzzer, a module here")]
mod fuzz;
mod golden;
mod path;
mod properties;
mod sample;
mod seed;
mod support;
