//! The law of the relay: the packets that come out are the packets that went in.
//!
//! The same packets are sent through a plain forwarder (the oracle), which uses one system call per packet, and
//! through the forwarder under test. The same packets of each flow must come out in the same order, byte for
//! byte. `TUN2UDP_SEED` repeats a random run, `TUN2UDP_PACKETS` sets its length.
#![allow(clippy::print_stdout, reason = "shown by --show-output: seeds")]
#![allow(clippy::too_many_lines, reason = "tables of vectors")]
#![allow(clippy::type_complexity, reason = "a name and a function in a table")]

mod compare;
mod craft;
mod flow;
mod forwarder;
#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, dead_code, reason = "a library to the fuzzer, of which one part is used")]
mod fuzz;
mod golden_test;
mod gso_batches;
mod harness;
mod marker;
mod matrix;
mod mss;
mod naive;
mod naive_test;
mod observe;
mod oracle;
mod pump;
mod random;
mod refused;
mod relay;
mod support;
mod vectors;
