//! Named namespaces (ip-netns(8)). Each name is a file that the namespace is mounted on. The mount keeps
//! the namespace alive.

use super::FOLDER;
use crate::advice;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::capability::Capability;
use crate::sys::{mount, netns};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The length of the longest file name, bytes (`NAME_MAX`, linux/limits.h).
const NAME_BYTES_MAX: usize = 255;

/// Returns the names of all named namespaces, sorted: `ip netns list`.
pub fn list() -> Result<Vec<String>> {
    let failed = |cause: io::Error| {
        let error = Error::os("list", FOLDER, "readdir", &cause);
        match error.code() {
            ErrorCode::Exhausted => error.with_advice(advice::DESCRIPTORS),
            _ => error,
        }
    };
    let entries = match fs::read_dir(FOLDER) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Creates a namespace of that name, whose loopback is down: `ip netns add NAME`.
///
/// # Errors
///
/// [`ErrorCode::Exists`] if there is one of that name. [`ErrorCode::InvalidName`] for a name that could also be
/// a process id. On any error, everything is rolled back.
pub fn create(name: &str) -> Result<()> {
    let path = path_of("create", name)?;
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        let reason = "a name of digits alone could be taken for a process id";
        return Err(invalid("create", name, reason));
    }
    let failed = |syscall, cause: &io::Error| cannot("create", name, syscall, cause);
    prepare().map_err(|cause| failed("mount", &cause))?;
    let mut options = OpenOptions::new();
    // As in ip(8): no process needs to read the file before the namespace is mounted on it.
    options.write(true).create_new(true).mode(0o000);
    drop(options.open(&path).map_err(|cause| failed("open", &cause))?);
    let made = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("tun2udp-netns".to_owned());
        let body = || {
            netns::unshare()?;
            mount::bind(Path::new("/proc/thread-self/ns/net"), &path)
        };
        let ended = || io::Error::other("its thread ended unexpectedly");
        thread.spawn_scoped(scope, body)?.join().unwrap_or_else(|_| Err(ended()))
    });
    made.map_err(|cause| {
        let _ = fs::remove_file(&path);
        failed("unshare", &cause)
    })
}

/// Removes the name of a namespace: `ip netns delete NAME`. The namespace ends with the last process,
/// socket and link that use it.
pub fn delete(name: &str) -> Result<()> {
    let path = path_of("delete", name)?;
    let failed = |syscall, cause: &io::Error| cannot("delete", name, syscall, cause);
    match mount::detach(&path) {
        Ok(()) => {}
        // Nothing is mounted there: creating the namespace was interrupted.
        Err(cause) if cause.raw_os_error() == Some(libc::EINVAL) => {}
        Err(cause) => return Err(failed("umount2", &cause)),
    }
    fs::remove_file(&path).map_err(|cause| failed("unlink", &cause))
}

/// Creates the folder, and shares later mounts in it with other mount namespaces.
fn prepare() -> io::Result<()> {
    let folder = Path::new(FOLDER);
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    match mount::share(folder) {
        Err(cause) if cause.raw_os_error() == Some(libc::EINVAL) => {
            mount::bind_tree(folder, folder)?;
            mount::share(folder)
        }
        result => result,
    }
}

fn path_of(verb: &'static str, name: &str) -> Result<PathBuf> {
    let is_file_name = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.contains(['/', '\0'])
        && !matches!(name, "." | "..");
    if is_file_name {
        return Ok(Path::new(FOLDER).join(name));
    }
    Err(invalid(verb, name, "expected a name of 1 to 255 bytes without \"/\""))
}

fn invalid(verb: &str, name: &str, reason: &str) -> Error {
    Error::new(ErrorCode::InvalidName, format!("{verb} the network namespace"), name, reason)
}

pub(super) fn cannot(verb: &str, name: &str, syscall: &'static str, cause: &io::Error) -> Error {
    let error = Error::os(format!("{verb} the network namespace"), name, syscall, cause);
    match error.code() {
        ErrorCode::Permission => {
            error.with_advice(advice::permission(Capability::SysAdmin, "the mount namespace"))
        }
        ErrorCode::Exhausted => error.with_advice(advice::DESCRIPTORS),
        _ if cause.raw_os_error() == Some(libc::EAGAIN) => {
            error.with_code(ErrorCode::Exhausted).with_advice(advice::THREADS)
        }
        ErrorCode::NotFound if verb == "create" => {
            error.with_advice("it needs /proc, which may not be mounted")
        }
        ErrorCode::Exists => error.with_advice("choose another name, or delete it first"),
        ErrorCode::NotFound => error.with_advice("no namespace has that name: list them"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_be_something_else_are_refused() {
        for name in ["", ".", "..", "a/b", "a\0b", &"x".repeat(256)] {
            for error in [create(name).unwrap_err(), delete(name).unwrap_err()] {
                assert_eq!(error.code(), ErrorCode::InvalidName, "{name}");
            }
        }
        assert_eq!(create("123").unwrap_err().code(), ErrorCode::InvalidName);
        assert_eq!(delete("no-such-namespace").unwrap_err().code(), ErrorCode::NotFound);
    }
}
