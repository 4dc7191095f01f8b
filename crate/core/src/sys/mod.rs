//! The kernel's own interface, and the only room of the core where `unsafe` is allowed.
//!
//! Every function here is one system call, or the few that only make sense together, with a safe
//! signature. It returns [`std::io::Error`]; the rooms above say what it means.
#![allow(unsafe_code)]

mod address;

pub mod bpf;
pub mod checksum;
pub mod cmsg;
pub mod errno;
pub mod interface;
pub mod io;
pub mod mmsg;
pub mod mount;
pub mod netns;
pub mod poll;
pub mod privileges;
pub mod process;
pub mod readiness;
pub mod socket;
pub mod tun;
pub mod tun_control;
pub mod tun_filter;
pub mod uring;
pub mod users;

/// The result of a C call that reports failure as -1 and its cause in `errno`.
fn check(result: libc::c_int) -> std::io::Result<libc::c_int> {
    if result == -1 { Err(std::io::Error::last_os_error()) } else { Ok(result) }
}

/// The result of a C call that counts bytes or messages, or is -1 with its cause in `errno`.
fn check_count(result: isize) -> std::io::Result<usize> {
    usize::try_from(result).map_err(|_| std::io::Error::last_os_error())
}
