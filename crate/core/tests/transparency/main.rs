//! The law of the relay: the packets that come out are the packets that went in.
//!
//! The same packets go through a plain forwarder of one packet a system call, the oracle, and
//! through what is under test; of each flow the same packets must come out in the same order, byte
//! for byte. `TUN2UDP_SEED` repeats a random run, `TUN2UDP_PACKETS` makes it longer or shorter.
#![allow(clippy::print_stdout, reason = "shown by --show-output: seeds")]
#![allow(clippy::too_many_lines, reason = "tables of vectors")]
#![allow(clippy::type_complexity, reason = "a name and a function in a table")]

mod compare;
mod craft;
mod flow;
mod forwarder;
mod golden_test;
mod gso_batches;
mod harness;
mod marker;
mod matrix;
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
