//! Mounts (mount(2), umount(2)), as far as named network namespaces need them.

use rustix::mount::{MountPropagationFlags, UnmountFlags};
use std::io;
use std::path::Path;

/// Makes `source` visible at `target` too: `MS_BIND`.
pub fn bind(source: &Path, target: &Path) -> io::Result<()> {
    Ok(rustix::mount::mount_bind(source, target)?)
}

/// Makes `source` and everything mounted below it visible at `target` too.
pub fn bind_tree(source: &Path, target: &Path) -> io::Result<()> {
    Ok(rustix::mount::mount_bind_recursive(source, target)?)
}

/// Makes later mounts below `target` visible in other mount namespaces too: `MS_SHARED`. `EINVAL` if
/// `target` is not a mount point.
pub fn share(target: &Path) -> io::Result<()> {
    let flags = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
    Ok(rustix::mount::mount_change(target, flags)?)
}

/// Unmounts what is mounted at `target` once it is no longer in use: `MNT_DETACH`.
pub fn detach(target: &Path) -> io::Result<()> {
    Ok(rustix::mount::unmount(target, UnmountFlags::DETACH)?)
}
