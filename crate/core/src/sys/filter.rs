//! Small programs that the kernel runs on a packet to choose a socket or a queue for it: written
//! once, and compiled to classic BPF for sockets (Documentation/networking/filter.rst) and to eBPF
//! for TUN devices (Documentation/bpf/standardization/instruction-set.rst).

use super::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// One step of a program: on an accumulator A, an index X and two cells of memory, 32 bits each.
///
/// Reading past the end of the packet ends the program with the answer 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A = the 32-bit field at this offset.
    LoadWord(u32),
    /// A = the 16-bit field at this offset.
    LoadHalf(u32),
    /// A = the byte at this offset.
    LoadByte(u32),
    /// A = the 16-bit field at X and this offset.
    LoadHalfAtX(u32),
    /// X = 4 × the lower four bits of the byte at offset 0: an IPv4 header's length. A is lost.
    LoadHeaderLengthToX,
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
    /// A &= mask.
    And(u32),
    /// A *= value, modulo 2^32.
    Multiply(u32),
    /// A >>= bits.
    ShiftRight(u32),
    /// A %= value, which is not 0.
    Modulo(u32),
    /// Skips this many steps unless A is the value.
    SkipUnlessEqual(u32, u8),
    /// Skips this many steps if A is below the value.
    SkipIfBelow(u32, u8),
    /// Skips this many steps if A has a bit of the mask.
    SkipIfAny(u32, u8),
    /// Ends the program; A is its answer.
    ReturnA,
    /// Ends the program with this answer.
    Return(u32),
}

/// A cell of a program's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// The first.
    First = 0,
    /// The second.
    Second = 1,
}

/// The classic BPF instruction of each step.
fn classic(step: Step) -> libc::sock_filter {
    use libc::{
        BPF_A, BPF_ABS, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGE, BPF_JMP,
        BPF_JSET, BPF_K, BPF_LD, BPF_LDX, BPF_MEM, BPF_MISC, BPF_MOD, BPF_MSH, BPF_MUL, BPF_RET,
        BPF_RSH, BPF_ST, BPF_TAX, BPF_W, BPF_X, BPF_XOR,
    };
    let (code, k) = match step {
        Step::LoadWord(at) => (BPF_LD | BPF_W | BPF_ABS, at),
        Step::LoadHalf(at) => (BPF_LD | BPF_H | BPF_ABS, at),
        Step::LoadByte(at) => (BPF_LD | BPF_B | BPF_ABS, at),
        Step::LoadHalfAtX(at) => (BPF_LD | BPF_H | BPF_IND, at),
        Step::LoadHeaderLengthToX => (BPF_LDX | BPF_B | BPF_MSH, 0),
        Step::CopyToX => (BPF_MISC | BPF_TAX, 0),
        Step::LoadCell(cell) => (BPF_LD | BPF_MEM, cell as u32),
        Step::LoadCellToX(cell) => (BPF_LDX | BPF_MEM, cell as u32),
        Step::StoreCell(cell) => (BPF_ST, cell as u32),
        Step::XorX => (BPF_ALU | BPF_XOR | BPF_X, 0),
        Step::And(mask) => (BPF_ALU | BPF_AND | BPF_K, mask),
        Step::Multiply(value) => (BPF_ALU | BPF_MUL | BPF_K, value),
        Step::ShiftRight(bits) => (BPF_ALU | BPF_RSH | BPF_K, bits),
        Step::Modulo(value) => (BPF_ALU | BPF_MOD | BPF_K, value),
        Step::SkipUnlessEqual(value, _) => (BPF_JMP | BPF_JEQ | BPF_K, value),
        Step::SkipIfBelow(value, _) => (BPF_JMP | BPF_JGE | BPF_K, value),
        Step::SkipIfAny(mask, _) => (BPF_JMP | BPF_JSET | BPF_K, mask),
        Step::ReturnA => (BPF_RET | BPF_A, 0),
        Step::Return(value) => (BPF_RET | BPF_K, value),
    };
    let (jt, jf) = match step {
        Step::SkipUnlessEqual(_, steps) | Step::SkipIfBelow(_, steps) => (0, steps),
        Step::SkipIfAny(_, steps) => (steps, 0),
        _ => (0, 0),
    };
    libc::sock_filter { code: code as u16, jt, jf, k }
}

/// `SO_ATTACH_REUSEPORT_CBPF` (socket(7)): the program's answer is the number of the socket, in the
/// order of bind(2), that a datagram goes to. It sees the payload.
pub fn attach_reuseport(fd: BorrowedFd<'_>, program: &[Step]) -> io::Result<()> {
    let mut filters: Vec<libc::sock_filter> = program.iter().map(|step| classic(*step)).collect();
    let program = libc::sock_fprog {
        len: u16::try_from(filters.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: filters.as_mut_ptr(),
    };
    let length = size_of::<libc::sock_fprog>() as libc::socklen_t;
    // SAFETY: the kernel reads one `struct sock_fprog` and the instructions that it points at, all
    // of which live for the call.
    check(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            length,
        )
    })
    .map(drop)
}

/// `struct bpf_insn` (linux/bpf.h): code, the registers in one byte, offset, immediate value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Extended {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: u32,
}
const _: () = assert!(size_of::<Extended>() == 8);

/// Registers: the answer and A; the packet where loads look for it; X; both cells. The last four
/// keep their values across loads.
const A: u8 = 0;
const CONTEXT: u8 = 6;
const X: u8 = 7;
const CELLS: [u8; 2] = [8, 9];

/// The eBPF instructions of one step, all on 32 bits. Skips count instructions and are put in by
/// the caller.
fn extended(step: Step) -> Vec<Extended> {
    let instruction = |code, to: u8, from: u8, immediate| Extended {
        code,
        registers: to | from << 4,
        offset: 0,
        immediate,
    };
    let register = |cell: Cell| CELLS[cell as usize];
    let copy = |to, from| instruction(0xbc, to, from, 0);
    let load_byte = |at| instruction(0x30, A, 0, at);
    match step {
        Step::LoadWord(at) => vec![instruction(0x20, A, 0, at)],
        Step::LoadHalf(at) => vec![instruction(0x28, A, 0, at)],
        Step::LoadByte(at) => vec![load_byte(at)],
        Step::LoadHalfAtX(at) => vec![instruction(0x48, A, X, at)],
        Step::LoadHeaderLengthToX => {
            vec![load_byte(0), instruction(0x54, A, 0, 0xf), instruction(0x64, A, 0, 2), copy(X, A)]
        }
        Step::CopyToX => vec![copy(X, A)],
        Step::LoadCell(cell) => vec![copy(A, register(cell))],
        Step::LoadCellToX(cell) => vec![copy(X, register(cell))],
        Step::StoreCell(cell) => vec![copy(register(cell), A)],
        Step::XorX => vec![instruction(0xac, A, X, 0)],
        Step::And(mask) => vec![instruction(0x54, A, 0, mask)],
        Step::Multiply(value) => vec![instruction(0x24, A, 0, value)],
        Step::ShiftRight(bits) => vec![instruction(0x74, A, 0, bits)],
        Step::Modulo(value) => vec![instruction(0x94, A, 0, value)],
        Step::SkipUnlessEqual(value, _) => vec![instruction(0x55, A, 0, value)],
        Step::SkipIfBelow(value, _) => vec![instruction(0xa5, A, 0, value)],
        Step::SkipIfAny(mask, _) => vec![instruction(0x45, A, 0, mask)],
        Step::ReturnA => vec![instruction(0x95, 0, 0, 0)],
        Step::Return(value) => vec![instruction(0xb4, A, 0, value), instruction(0x95, 0, 0, 0)],
    }
}

/// The whole program in eBPF.
fn compile(program: &[Step]) -> Vec<Extended> {
    let steps: Vec<Vec<Extended>> = program.iter().map(|step| extended(*step)).collect();
    let length = |steps: &[Vec<Extended>]| steps.iter().map(Vec::len).sum::<usize>();
    // The packet, which comes in register 1, to where loads expect it.
    let mut code =
        vec![Extended { code: 0xbf, registers: CONTEXT | 1 << 4, offset: 0, immediate: 0 }];
    // The cells are never read before they are written, but the verifier is to see it.
    code.extend(CELLS.iter().chain([&X]).map(|register| Extended {
        code: 0xb4,
        registers: *register,
        offset: 0,
        immediate: 0,
    }));
    for (number, (step, instructions)) in program.iter().zip(&steps).enumerate() {
        let mut instructions = instructions.clone();
        if let Step::SkipUnlessEqual(_, count)
        | Step::SkipIfBelow(_, count)
        | Step::SkipIfAny(_, count) = step
            && let [jump] = instructions.as_mut_slice()
        {
            let skipped = steps.get(number + 1..=number + usize::from(*count));
            jump.offset = length(skipped.unwrap_or_default()) as i16;
        }
        code.extend(instructions);
    }
    code
}

/// What `BPF_PROG_LOAD` reads of `union bpf_attr` (linux/bpf.h).
#[repr(C)]
struct LoadAttributes {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
}
const _: () = assert!(size_of::<LoadAttributes>() == 48);

/// `BPF_PROG_LOAD` and `BPF_PROG_TYPE_SOCKET_FILTER` of linux/bpf.h.
const PROG_LOAD: libc::c_int = 5;
const SOCKET_FILTER: u32 = 1;

/// bpf(2): has the kernel check and load a program. `EPERM` without CAP_BPF, where
/// `kernel.unprivileged_bpf_disabled` is set.
pub fn load(program: &[Step]) -> io::Result<OwnedFd> {
    let code = compile(program);
    let attributes = LoadAttributes {
        program_type: SOCKET_FILTER,
        instruction_count: code.len() as u32,
        instructions: code.as_ptr() as u64,
        license: c"MIT".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buffer: 0,
        kernel_version: 0,
        flags: 0,
    };
    // SAFETY: the kernel reads the attributes, the instructions and the licence, which live for the
    // call.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, PROG_LOAD, &raw const attributes, size_of_val(&attributes))
    };
    let fd = check(libc::c_int::try_from(result).unwrap_or(-1))?;
    // SAFETY: the call just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
