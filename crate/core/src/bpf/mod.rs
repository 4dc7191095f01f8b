//! BPF programs that the kernel runs on a packet to choose a socket or a queue for it.
//!
//! A program is written once, in the instructions of this room. `classic` assembles it to classic BPF for
//! sockets (Documentation/networking/filter.rst), `extended` to eBPF for TUN devices
//! (Documentation/bpf/standardization/instruction-set.rst). The programs are `flow` and `source`. The room `sys`
//! attaches them.

mod classic;
mod extended;
mod flow;
mod source;

pub(crate) use flow::by_flow;
pub(crate) use source::by_source;

use crate::sys::bpf;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// One instruction of a program. It works on an accumulator A, an index X and two cells of memory, 32 bits each.
///
/// A read past the end of the packet ends the program with the result 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// A = the 32-bit field at this offset.
    LoadWord(u32),
    /// A = the 16-bit field at this offset.
    LoadHalf(u32),
    /// A = the byte at this offset.
    LoadByte(u32),
    /// A = the 16-bit field at X and this offset.
    LoadHalfAtX(u32),
    /// X = 4 × the lower four bits of the byte at this offset: the length of an IPv4 header. Overwrites A.
    LoadHeaderLengthToX(u32),
    /// X = A.
    CopyToX,
    /// A = this cell.
    LoadCell(Cell),
    /// X = this cell.
    LoadCellToX(Cell),
    /// This cell = A.
    StoreCell(Cell),
    /// A ^= X.
    XorX,
    /// A += X, modulo 2^32.
    AddX,
    /// A &= mask.
    And(u32),
    /// A *= value, modulo 2^32.
    Multiply(u32),
    /// A >>= bits.
    ShiftRight(u32),
    /// A %= value, which is not 0.
    Modulo(u32),
    /// Skips this many instructions unless A equals the value.
    SkipUnlessEqual(u32, u8),
    /// Skips this many instructions if A is below the value.
    SkipIfBelow(u32, u8),
    /// Skips this many instructions if A has any bit of the mask.
    SkipIfAny(u32, u8),
    /// Ends the program with the result A.
    ReturnA,
    /// Ends the program with this result.
    Return(u32),
}

/// The offset of the IP header, for programs of sockets: `SKF_NET_OFF` of linux/filter.h.
const NETWORK_HEADER: u32 = libc::SKF_NET_OFF as u32;

/// A cell of a program's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// The first.
    First = 0,
    /// The second.
    Second = 1,
}

/// Attaches a program that chooses the socket for each datagram among those that share a port (`SO_REUSEPORT`).
/// Its result is the number of the socket in the order of bind(2). Offsets from 0 on are those of the payload, and
/// offsets from [`NETWORK_HEADER`] on those of the IP header.
///
/// # Errors
///
/// Those of `SO_ATTACH_REUSEPORT_CBPF` (socket(7)).
pub(crate) fn attach_reuseport(fd: BorrowedFd<'_>, program: &[Instruction]) -> io::Result<()> {
    bpf::attach_reuseport(fd, classic::assemble(program))
}

/// Loads a program into the kernel as eBPF, which verifies it.
///
/// # Errors
///
/// Those of bpf(2): `EPERM` without CAP_BPF, where `kernel.unprivileged_bpf_disabled` is set.
pub(crate) fn load(program: &[Instruction]) -> io::Result<OwnedFd> {
    bpf::load(&extended::assemble(program))
}
