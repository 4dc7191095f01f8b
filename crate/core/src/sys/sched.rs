//! Parameters of the CPU scheduler: sched_setattr(2).

use super::check;
use std::io;
use std::mem;

/// Sets the time slice that the calling thread asks for, nanoseconds; 0: the scheduler's default.
///
/// A thread that wakes up and asks for a shorter slice than the running one takes the CPU earlier (Linux 6.12,
/// kernel/sched/fair.c). Its share of the CPU stays the same. The kernel keeps the value between 0.1 and 100 ms. An older
/// kernel ignores it.
///
/// # Errors
///
/// `EPERM` from a seccomp filter. `Unsupported` if the thread has a real-time policy or `SCHED_IDLE`, which have no slice of
/// this kind.
pub fn set_slice(nanoseconds: u64) -> io::Result<()> {
    let mut attributes = attributes()?;
    let policy = libc::c_int::try_from(attributes.sched_policy).unwrap_or(-1);
    if !matches!(policy, libc::SCHED_OTHER | libc::SCHED_BATCH) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    attributes.size = SIZE;
    attributes.sched_runtime = nanoseconds;
    // SAFETY: the kernel reads as many bytes as the field `size` states, which is the size of the structure.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    check(i32::try_from(result).unwrap_or(-1)).map(|_| ())
}

/// The size of the structure, bytes.
#[allow(clippy::cast_possible_truncation)]
const SIZE: u32 = size_of::<libc::sched_attr>() as u32;

/// Returns the parameters of the calling thread.
fn attributes() -> io::Result<libc::sched_attr> {
    // SAFETY: all fields are integers, for which zero is a valid value.
    let mut attributes: libc::sched_attr = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes at most `SIZE` bytes, which is the size of the structure.
    let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) };
    check(i32::try_from(result).unwrap_or(-1)).map(|_| attributes)
}

#[cfg(test)]
#[allow(clippy::print_stdout, reason = "a skipped test says why")]
mod tests {
    use super::*;

    /// Returns the slice and the nice value of the calling thread.
    fn present() -> (u64, i32) {
        let attributes = attributes().unwrap();
        (attributes.sched_runtime, attributes.sched_nice)
    }

    #[test]
    fn a_slice_is_set_and_the_default_is_restored() {
        let (default, nice) = present();
        set_slice(200_000).unwrap();
        let (short, same) = present();
        assert_eq!(same, nice);
        if short == 0 {
            println!(
                "SKIP time slices: the kernel has no time slices of threads, which came with Linux 6.12"
            );
            return;
        }
        assert_eq!(short, 200_000);
        set_slice(0).unwrap();
        assert_eq!(present(), (default, nice));
    }
}
