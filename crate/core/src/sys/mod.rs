//! The kernel's own interface. This is the only module of the core where `unsafe` is allowed.
//!
//! Each function is one system call, or a few related ones, with a safe signature. Errors are
//! [`std::io::Error`]; the modules above interpret them. Calls for which rustix has a safe function use it.
#![allow(unsafe_code)]

mod address;

pub mod bpf;
pub mod capability;
pub mod checksum;
pub mod cmsg;
pub mod connection;
pub mod descriptor;
pub mod errno;
pub mod interface;
pub mod io;
pub mod memory;
pub mod mmsg;
pub mod mount;
pub mod netns;
pub mod output;
pub mod poll;
pub mod privileges;
pub mod process;
pub mod readiness;
pub mod rights;
pub mod sched;
pub mod socket;
pub mod tun;
pub mod tun_control;
pub mod tun_filter;
pub mod uring;
pub mod users;

/// Converts the result of a C call that returns -1 and sets `errno` if it fails.
fn check(result: libc::c_int) -> std::io::Result<libc::c_int> {
    if result == -1 { Err(std::io::Error::last_os_error()) } else { Ok(result) }
}

/// Makes the system call `$call` of libc's constant, with arguments of any type that fits into a register.
///
/// libc's own functions for calls that wait are cancellation points, as described in [`io`].
macro_rules! syscall {
    ($call:ident, $($argument:expr),+ $(,)?) => {
        libc::syscall(libc::$call, $($argument),+) as isize
    };
}
use syscall;

/// Converts the result of a C call that returns a number of bytes or messages, or -1 and sets `errno`.
fn check_count(result: isize) -> std::io::Result<usize> {
    usize::try_from(result).map_err(|_| std::io::Error::last_os_error())
}
