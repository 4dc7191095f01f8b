//! The ioctls of the TUN/TAP driver that pick which packets its reader gets (`linux/if_tun.h`,
//! `drivers/net/tun.c`).

use super::check;
use super::tun_control::MAC_LEN;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The most instructions of a classic BPF program, `BPF_MAXINSNS` (linux/bpf_common.h).
pub const MAX_INSTRUCTIONS: usize = 4096;

/// What the driver looks at of `struct tun_filter`, before the addresses.
const FILTER_HEAD: usize = 4;

/// One instruction of a classic BPF program: `struct sock_filter` (linux/filter.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Instructions to skip if the condition holds.
    pub jt: u8,
    /// Instructions to skip if it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// A classic BPF program in the memory that a device was told of.
///
/// The kernel keeps the address, and reads it again whenever a queue joins the device that asks
/// for it (`tun_attach`): it must live as long as the program is attached.
#[derive(Debug)]
pub struct Program(Box<[libc::sock_filter]>);

impl Program {
    /// A copy of `instructions`; `None` for none, or more than the kernel takes.
    #[must_use]
    pub fn new(instructions: &[Instruction]) -> Option<Self> {
        if instructions.is_empty() || instructions.len() > MAX_INSTRUCTIONS {
            return None;
        }
        let copy = instructions.iter().map(|&Instruction { code, jt, jf, k }| libc::sock_filter {
            code,
            jt,
            jf,
            k,
        });
        Some(Self(copy.collect()))
    }
}

/// `TUNATTACHFILTER`: each frame whose program answers 0 is dropped; TAP only. A program that the
/// kernel does not take is `EINVAL`.
pub fn attach(fd: BorrowedFd<'_>, program: &Program) -> io::Result<()> {
    let Program(code) = program;
    let program = libc::sock_fprog {
        len: u16::try_from(code.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: code.as_ptr().cast_mut(),
    };
    // SAFETY: TUNATTACHFILTER reads one `struct sock_fprog` and the instructions that it points
    // at, all of which live for the call.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNATTACHFILTER as _, &raw const program) })
        .map(drop)
}

/// `TUNDETACHFILTER`: nothing is dropped any more by a program of [`attach`].
pub fn detach(fd: BorrowedFd<'_>) -> io::Result<()> {
    let program = libc::sock_fprog { len: 0, filter: std::ptr::null_mut() };
    // SAFETY: TUNDETACHFILTER looks at no argument; one is given that it might read.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNDETACHFILTER as _, &raw const program) })
        .map(drop)
}

/// `TUNSETTXFILTER`: the reader gets only frames for these stations, and all multicast ones if
/// wanted; TAP only. No address at all: everything passes.
///
/// Answers how many are told apart exactly; multicast ones beyond are by a hash, and 0 is no filter
/// at all.
pub fn set_stations(
    fd: BorrowedFd<'_>,
    stations: &[[u8; MAC_LEN]],
    all_multicast: bool,
) -> io::Result<usize> {
    let count = u16::try_from(stations.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let flags = if all_multicast { libc::TUN_FLT_ALLMULTI as u16 } else { 0 };
    let mut filter = Vec::with_capacity(FILTER_HEAD + stations.len() * MAC_LEN);
    filter.extend_from_slice(&flags.to_ne_bytes());
    filter.extend_from_slice(&count.to_ne_bytes());
    filter.extend_from_slice(stations.as_flattened());
    // SAFETY: TUNSETTXFILTER reads the head of a `struct tun_filter` and as many addresses as that
    // says, all of which are in `filter`.
    let exact =
        check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETTXFILTER as _, filter.as_ptr()) })?;
    Ok(usize::try_from(exact).unwrap_or(0))
}

/// `TUNSETFILTEREBPF`: the program's answer is how many bytes of a packet its reader gets, 0: none.
/// The device keeps the program; `None` takes it away.
pub fn set_program(fd: BorrowedFd<'_>, program: Option<BorrowedFd<'_>>) -> io::Result<()> {
    set_descriptor(fd, libc::TUNSETFILTEREBPF, program)
}

/// `TUNSETSTEERINGEBPF`: the program's answer, modulo the number of queues, is the queue that a
/// packet goes to. The device keeps the program; `None` takes it away.
pub fn set_steering(fd: BorrowedFd<'_>, program: Option<BorrowedFd<'_>>) -> io::Result<()> {
    set_descriptor(fd, libc::TUNSETSTEERINGEBPF, program)
}

fn set_descriptor(
    fd: BorrowedFd<'_>,
    request: libc::Ioctl,
    program: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let program: libc::c_int = program.map_or(-1, |program| program.as_raw_fd());
    // SAFETY: both requests read one int, which `program` is; -1 is no program.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), request as _, &raw const program) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_an_instruction_and_no_more_than_the_kernel_takes() {
        let give = Instruction { code: 6, k: 1, ..Instruction::default() };
        assert!(Program::new(&[]).is_none());
        assert!(Program::new(&vec![give; MAX_INSTRUCTIONS + 1]).is_none());
        let Program(code) = Program::new(&[give]).unwrap();
        assert_eq!((code[0].code, code[0].k), (6, 1));
    }
}
