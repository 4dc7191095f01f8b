//! Drops root and every capability in all threads of the process (credentials(7)).

use super::check;
use std::fs;
use std::io;

/// Makes the whole process run as `uid` and `gid` with no supplementary groups.
///
/// The C library applies each call to every thread. Leaving user 0 clears the permitted and effective
/// capabilities of each thread (capabilities(7)); [`has_capabilities`] returns whether any is left.
pub fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: a count of 0 means that the pointer is not read.
    check(unsafe { libc::setgroups(0, std::ptr::null()) })?;
    // SAFETY: setresgid takes numbers by value; no memory is touched.
    check(unsafe { libc::setresgid(gid, gid, gid) })?;
    // SAFETY: setresuid takes numbers by value; no memory is touched.
    check(unsafe { libc::setresuid(uid, uid, uid) })?;
    Ok(())
}

/// Returns whether any thread of the process has a permitted capability.
pub fn has_capabilities() -> io::Result<bool> {
    for task in fs::read_dir("/proc/self/task")? {
        // A thread may end between the listing and the reading of its status.
        let Ok(status) = fs::read_to_string(task?.path().join("status")) else { continue };
        let permitted = status.lines().find_map(|line| line.strip_prefix("CapPrm:"));
        if permitted.is_some_and(|mask| mask.trim().bytes().any(|digit| digit != b'0')) {
            return Ok(true);
        }
    }
    Ok(false)
}
