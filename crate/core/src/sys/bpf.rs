//! Attaches BPF programs, which the module `bpf` assembles, and defines their instructions.

use super::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Maximum number of instructions of a classic BPF program: `BPF_MAXINSNS` (linux/bpf_common.h).
pub const MAX_INSTRUCTIONS: usize = 4_096;

/// One instruction of a classic BPF program: `struct sock_filter` (linux/filter.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instruction {
    /// Operation code.
    pub code: u16,
    /// Number of instructions to skip if the condition is true.
    pub jt: u8,
    /// Number of instructions to skip if the condition is false.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// `SO_ATTACH_REUSEPORT_CBPF` (socket(7)): the program returns the number of the socket, in the order of
/// bind(2), that receives a datagram. It reads the payload.
pub fn attach_reuseport(fd: BorrowedFd<'_>, mut filters: Vec<libc::sock_filter>) -> io::Result<()> {
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
pub struct Extended {
    /// Operation code.
    pub code: u8,
    /// Destination register in the lower four bits, source register in the upper ones.
    pub registers: u8,
    /// Offset of a jump, in instructions.
    pub offset: i16,
    /// Immediate value.
    pub immediate: u32,
}
const _: () = assert!(size_of::<Extended>() == 8);

/// The part of `union bpf_attr` (linux/bpf.h) that `BPF_PROG_LOAD` reads.
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

/// Verifies and loads a program: bpf(2). `EPERM` without CAP_BPF if
/// `kernel.unprivileged_bpf_disabled` is set.
pub fn load(code: &[Extended]) -> io::Result<OwnedFd> {
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
    // SAFETY: the call has just returned this descriptor, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
