//! The ioctls of the TUN/TAP driver that filter and distribute packets (`linux/if_tun.h`,
//! `drivers/net/tun.c`).

use super::check;
use super::tun_control::MAC_LEN;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

pub use super::bpf::{Instruction, MAX_INSTRUCTIONS};

/// Bytes of `struct tun_filter` in front of the addresses.
const FILTER_HEAD: usize = 4;

/// A classic BPF program that can be attached to a device.
///
/// The kernel keeps its address and reads the program again when a queue is attached to the device
/// (`tun_attach`). It must live as long as the program is attached.
#[derive(Debug)]
pub struct Program(Box<[libc::sock_filter]>);

impl Program {
    /// Copies `instructions`; `None` if there are none or more than [`MAX_INSTRUCTIONS`].
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

/// `TUNATTACHFILTER`: drops each frame for which the program returns 0; TAP only. A program that the kernel
/// refuses is `EINVAL`.
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

/// `TUNDETACHFILTER`: removes the program of [`attach`].
pub fn detach(fd: BorrowedFd<'_>) -> io::Result<()> {
    let program = libc::sock_fprog { len: 0, filter: std::ptr::null_mut() };
    // SAFETY: TUNDETACHFILTER does not read its argument; a readable one is passed nevertheless.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNDETACHFILTER as _, &raw const program) })
        .map(drop)
}

/// `TUNSETTXFILTER`: passes only frames for these stations and, with `all_multicast`, all multicast frames; TAP
/// only. Without an address, all frames pass.
///
/// Returns the number of addresses that are compared exactly. Further multicast addresses are compared by a hash.
/// 0 means that nothing is filtered.
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
    // SAFETY: TUNSETTXFILTER reads the head of a `struct tun_filter` and the number of addresses that it
    // states, all of which are in `filter`.
    let exact =
        check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETTXFILTER as _, filter.as_ptr()) })?;
    Ok(usize::try_from(exact).unwrap_or(0))
}

/// `TUNSETFILTEREBPF`: the program returns how many bytes of a packet are passed; 0 drops it. The device keeps
/// the program; `None` removes it.
pub fn set_program(fd: BorrowedFd<'_>, program: Option<BorrowedFd<'_>>) -> io::Result<()> {
    set_descriptor(fd, libc::TUNSETFILTEREBPF, program)
}

/// `TUNSETSTEERINGEBPF`: the result of the program, modulo the number of queues, is the queue of a packet. The
/// device keeps the program; `None` removes it.
pub fn set_steering(fd: BorrowedFd<'_>, program: Option<BorrowedFd<'_>>) -> io::Result<()> {
    set_descriptor(fd, libc::TUNSETSTEERINGEBPF, program)
}

fn set_descriptor(
    fd: BorrowedFd<'_>,
    request: libc::Ioctl,
    program: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let program: libc::c_int = program.map_or(-1, |program| program.as_raw_fd());
    // SAFETY: both requests read one int, which `program` is; -1 stands for no program.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), request as _, &raw const program) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_at_least_one_instruction_and_at_most_4096() {
        let give = Instruction { code: 6, k: 1, ..Instruction::default() };
        assert!(Program::new(&[]).is_none());
        assert!(Program::new(&vec![give; MAX_INSTRUCTIONS + 1]).is_none());
        let Program(code) = Program::new(&[give]).unwrap();
        assert_eq!((code[0].code, code[0].k), (6, 1));
    }
}
