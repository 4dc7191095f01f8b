//! Filters in classic BPF (Documentation/networking/filter.rst): read, verified once, and run on packets.
//!
//! The rules are those of the kernel for `SO_ATTACH_FILTER`, with which a test compares the results. Loads from negative
//! offsets are refused: the extensions of Linux refer to a packet in the kernel.

mod run;
mod verify;

use crate::error::{Error, ErrorCode, Result};

pub use crate::sys::bpf::{Instruction, MAX_INSTRUCTIONS};

/// Cells of memory: `BPF_MEMWORDS` of linux/filter.h.
const CELLS: usize = 16;

/// A verified program. It always ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Vec<Instruction>);

impl Program {
    /// Verifies the instructions of a program.
    ///
    /// `InvalidArgument` names the first instruction that is not valid, counted from 0.
    pub fn new(instructions: Vec<Instruction>) -> Result<Self> {
        verify::verify(&instructions).map_err(|reason| refused(&reason))?;
        Ok(Self(instructions))
    }

    /// Reads the output of `tcpdump -ddd`: the number of instructions, then one line for each, with code, jt, jf and k in
    /// decimal. `InvalidArgument` for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let count = lines.next().and_then(|line| line.parse::<usize>().ok());
        let Some(count) = count.filter(|count| (1..=MAX_INSTRUCTIONS).contains(count)) else {
            let found = text.lines().next().unwrap_or_default();
            return Err(refused(&format!(
                "the first line must be the number of instructions, 1 to {MAX_INSTRUCTIONS}, and is {:?}",
                found.chars().take(40).collect::<String>()
            )));
        };
        let instructions: Vec<_> =
            lines.by_ref().take(count).enumerate().map(instruction).collect::<Result<_>>()?;
        let rest = lines.count();
        if instructions.len() != count || rest > 0 {
            let found = instructions.len() + rest;
            return Err(refused(&format!(
                "the first line announces {count} instructions, and {found} follow"
            )));
        }
        Self::new(instructions)
    }

    /// Runs the program on a packet. Returns the number of its bytes to keep, of which there may be fewer; 0: the packet
    /// does not match.
    #[must_use]
    pub fn run(&self, packet: &[u8]) -> u32 {
        run::run(&self.0, packet)
    }

    /// Returns the instructions.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}

fn instruction((number, line): (usize, &str)) -> Result<Instruction> {
    let mut words = line.split_ascii_whitespace();
    let mut next = || words.next().and_then(|word| word.parse::<u32>().ok());
    let fields = (next(), next(), next(), next());
    let narrow = |(code, jt, jf, k): (Option<u32>, Option<u32>, Option<u32>, Option<u32>)| {
        Some(Instruction {
            code: u16::try_from(code?).ok()?,
            jt: u8::try_from(jt?).ok()?,
            jf: u8::try_from(jf?).ok()?,
            k: k?,
        })
    };
    match (narrow(fields), words.next()) {
        (Some(instruction), None) => Ok(instruction),
        _ => Err(refused(&format!(
            "instruction {number} must be four numbers (code, jt, jf, k), and is {:?}",
            line.chars().take(40).collect::<String>()
        ))),
    }
}

fn refused(reason: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, "read the filter", "", reason)
        .with_advice("write it with \"tcpdump -y RAW -ddd EXPRESSION\", or -y EN10MB for frames")
}
