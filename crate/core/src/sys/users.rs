//! Users and groups by name, through NSS: getpwnam(3), getgrnam(3).

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;

/// Numbers of a user, from the user database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserIds {
    /// Numeric user id.
    pub uid: u32,
    /// Numeric id of the user's own (primary) group.
    pub gid: u32,
}

/// Returns the user called `name`, which need not be UTF-8; `None` if it does not exist.
pub fn user(name: impl Into<Vec<u8>>) -> io::Result<Option<UserIds>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    with_buffer(|buffer| {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = std::ptr::null_mut();
        // SAFETY: all pointers are of live objects of the right type, the length is the buffer's.
        let status = unsafe {
            libc::getpwnam_r(
                name.as_ptr(),
                entry.as_mut_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &raw mut found,
            )
        };
        if found.is_null() {
            return Err(status);
        }
        // SAFETY: getpwnam_r set `found` to `entry`, which it filled.
        let entry = unsafe { entry.assume_init() };
        Ok(UserIds { uid: entry.pw_uid, gid: entry.pw_gid })
    })
}

/// Returns the numeric id of the group called `name`, which need not be UTF-8; `None` if it does not exist.
pub fn group(name: impl Into<Vec<u8>>) -> io::Result<Option<u32>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    with_buffer(|buffer| group_entry(&name, buffer))
}

fn group_entry(name: &CStr, buffer: &mut [u8]) -> Result<u32, libc::c_int> {
    let mut entry = MaybeUninit::<libc::group>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are of live objects of the right type, the length is the buffer's.
    let status = unsafe {
        libc::getgrnam_r(
            name.as_ptr(),
            entry.as_mut_ptr(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            &raw mut found,
        )
    };
    if found.is_null() {
        return Err(status);
    }
    // SAFETY: getgrnam_r set `found` to `entry`, which it filled.
    Ok(unsafe { entry.assume_init() }.gr_gid)
}

/// Calls `look_up` with larger and larger buffers until it does not return `ERANGE`. `Err(0)` and the errnos
/// that getpwnam(3) lists for it mean that the entry does not exist.
fn with_buffer<T>(
    mut look_up: impl FnMut(&mut [u8]) -> Result<T, libc::c_int>,
) -> io::Result<Option<T>> {
    const LARGEST: usize = 1 << 20;
    let mut length = 1 << 12;
    loop {
        let mut buffer = vec![0_u8; length];
        match look_up(&mut buffer) {
            Ok(value) => return Ok(Some(value)),
            Err(libc::ERANGE) if length < LARGEST => length *= 4,
            Err(0 | libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM) => return Ok(None),
            Err(errno) => return Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_exists_and_an_invented_name_does_not() {
        assert_eq!(user("root").unwrap(), Some(UserIds { uid: 0, gid: 0 }));
        assert_eq!(group("root").unwrap(), Some(0));
        assert_eq!(user("no-such-user-here").unwrap(), None);
        assert_eq!(group("no-such-group-here").unwrap(), None);
        assert_eq!(user("a\0b").unwrap(), None);
    }
}
