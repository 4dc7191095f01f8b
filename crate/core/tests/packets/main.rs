//! Cutting and joining of packets by their laws: on packets made at random, on golden bytes, and on
//! the corpus of the fuzzer and what a short run of mutations makes of it.
//!
//! A failing run prints `TUN2UDP_SEED=…`; set so, that variable repeats it.
#![allow(clippy::print_stdout, reason = "seeds, shown for a failed test")]

mod corpus;
#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library to the fuzzer, a module here")]
mod fuzz;
mod golden;
mod properties;
mod sample;
mod seed;
mod support;
