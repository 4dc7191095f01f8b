//! System calls of the tests that neither std nor socket2 provides safely.
#![allow(unsafe_code, reason = "the test's own system calls, one a function")]

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// `setsockopt(2)` with a C int.
pub(crate) fn set_option(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: pointer and length are those of `value`, which lives for the call.
    check(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), length) }).map(drop)
}

/// `sendto(2)` on a packet socket (packet(7)): sends `frame` through the interface `index`.
pub(crate) fn send_frame(
    socket: &impl AsFd,
    index: u32,
    ether_type: u16,
    frame: &[u8],
) -> io::Result<()> {
    // SAFETY: `struct sockaddr_ll` is plain data for which all zeroes are valid.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ether_type.to_be();
    address.sll_ifindex = index as libc::c_int;
    let fd = socket.as_fd().as_raw_fd();
    let length = size_of_val(&address) as libc::socklen_t;
    let address = (&raw const address).cast::<libc::sockaddr>();
    // SAFETY: both pointers refer to live values and are passed with their lengths.
    let sent = unsafe { libc::sendto(fd, frame.as_ptr().cast(), frame.len(), 0, address, length) };
    match usize::try_from(sent) {
        Err(_) => Err(io::Error::last_os_error()),
        Ok(count) if count == frame.len() => Ok(()),
        Ok(count) => Err(io::Error::other(format!("{count} of {} bytes sent", frame.len()))),
    }
}

/// Waits until one of `fds` is readable: `poll(2)` without a time limit.
pub(crate) fn wait_readable<const N: usize>(fds: [&dyn AsRawFd; N]) -> io::Result<[bool; N]> {
    let mut entries =
        fds.map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 });
    // SAFETY: pointer and count are those of `entries`, which lives for the call.
    check(unsafe { libc::poll(entries.as_mut_ptr(), N as libc::nfds_t, -1) })?;
    Ok(entries.map(|entry| entry.revents != 0))
}

/// Binds the calling thread and the threads that it will start to the current CPU.
pub(crate) fn pin_to_current_cpu() -> io::Result<()> {
    // SAFETY: sched_getcpu has no parameters and touches no memory.
    let cpu = check(unsafe { libc::sched_getcpu() })?;
    // SAFETY: `cpu_set_t` is plain data for which all zeroes are valid.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: CPU_SET writes inside `set`; the kernel's CPU number is below its 1,024 bits here.
    unsafe { libc::CPU_SET(cpu as usize, &mut set) };
    // SAFETY: pointer and length are those of `set`; 0 is the calling thread.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) }).map(drop)
}

/// Schedules the calling thread, and only it, with `SCHED_FIFO` (sched(7)): other threads of its CPU run only
/// while it sleeps.
pub(crate) fn run_first() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the pointer is of a live `sched_param`; 0 is the calling thread.
    check(unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) }).map(drop)
}
