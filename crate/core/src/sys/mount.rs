//! Mounts (mount(2), umount(2)), as far as named network namespaces need them.

use super::check;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Shows `source` at `target`, too: `MS_BIND`.
pub fn bind(source: &Path, target: &Path) -> io::Result<()> {
    mount(source, target, libc::MS_BIND)
}

/// Shows `source` with all that is mounted below it at `target`, too.
pub fn bind_tree(source: &Path, target: &Path) -> io::Result<()> {
    mount(source, target, libc::MS_BIND | libc::MS_REC)
}

/// What is mounted below `target` from now on is seen in other mount namespaces, too: `MS_SHARED`.
/// `EINVAL` if `target` is no mount itself.
pub fn share(target: &Path) -> io::Result<()> {
    mount(Path::new(""), target, libc::MS_SHARED | libc::MS_REC)
}

/// Takes away what is mounted at `target`, once nobody uses it any more: `MNT_DETACH`.
pub fn detach(target: &Path) -> io::Result<()> {
    let target = c_path(target)?;
    // SAFETY: the path is a NUL-terminated string that lives for the call.
    check(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

fn mount(source: &Path, target: &Path, flags: libc::c_ulong) -> io::Result<()> {
    let (source, target) = (c_path(source)?, c_path(target)?);
    let (source, target) = (source.as_ptr(), target.as_ptr());
    // SAFETY: the paths and the type are NUL-terminated strings that live for the call, and there is
    // no data.
    let result = unsafe { libc::mount(source, target, c"none".as_ptr(), flags, std::ptr::null()) };
    check(result).map(drop)
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}
