//! Which namespace is meant, and moving into it.

use crate::error::{Error, ErrorCode, Result};
use crate::sys::netns;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Moves the calling thread into the namespace `name`; returns whether that is another one.
///
/// `name` is a path if it contains a slash, a process id if it consists of digits, and otherwise the name
/// of a namespace that ip-netns(8) created.
pub fn enter(name: &str) -> Result<bool> {
    enter_open(&open(name)?, name)
}

pub(super) fn enter_open(namespace: &OwnedFd, name: &str) -> Result<bool> {
    let current = netns::current().map_err(|e| cannot_enter(name, "open", &e))?;
    if netns::is_same(namespace, &current).map_err(|e| cannot_enter(name, "fstat", &e))? {
        return Ok(false);
    }
    netns::enter(namespace.as_fd()).map_err(|e| cannot_enter(name, "setns", &e))?;
    Ok(true)
}

/// Opens the namespace `name`, as [`enter`] reads it. It exists at least as long as the descriptor.
pub fn open(name: &str) -> Result<OwnedFd> {
    netns::open(&path_of(name)).map_err(|e| cannot_enter(name, "open", &e))
}

/// Runs `work` in the namespace `name`, on a thread that moves there and ends with the work.
///
/// The calling thread does not move. A socket that `work` opens stays in its namespace.
pub fn within<T: Send>(name: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    within_open(&open(name)?, name, work)
}

/// Runs `work` as [`within`] does in an open namespace; `name` is used in errors.
pub fn within_open<T: Send>(
    namespace: &OwnedFd,
    name: &str,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let ended = || cannot_enter(name, "clone", &io::Error::other("its thread ended unexpectedly"));
    std::thread::scope(|scope| {
        let body = || enter_open(namespace, name).and_then(|_| work());
        let thread = std::thread::Builder::new().name("tun2udp-netns".to_owned());
        let thread =
            thread.spawn_scoped(scope, body).map_err(|e| cannot_enter(name, "clone", &e))?;
        thread.join().unwrap_or_else(|_| Err(ended()))
    })
}

fn path_of(name: &str) -> PathBuf {
    if name.contains('/') {
        name.into()
    } else if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("/proc/{name}/ns/net").into()
    } else {
        Path::new(super::FOLDER).join(name)
    }
}

pub(super) fn cannot_enter(name: &str, syscall: &'static str, error: &io::Error) -> Error {
    let base = Error::os("enter the network namespace", name, syscall, error);
    match error.raw_os_error() {
        Some(libc::ENOENT) => base.with_advice(
            "give a name of \"ip netns list\", the path of a namespace, or a process id",
        ),
        Some(libc::EINVAL) => base
            .with_code(ErrorCode::InvalidArgument)
            .with_advice("the file is no network namespace: use one such as /proc/PID/ns/net"),
        Some(libc::EPERM | libc::EACCES) => {
            base.with_advice("it needs CAP_SYS_ADMIN: run it as root")
        }
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_paths_and_process_ids_are_told_apart() {
        assert_eq!(path_of("blue"), PathBuf::from("/run/netns/blue"));
        assert_eq!(path_of("./blue"), PathBuf::from("./blue"));
        assert_eq!(path_of("/proc/1/ns/net"), PathBuf::from("/proc/1/ns/net"));
        assert_eq!(path_of("123"), PathBuf::from("/proc/123/ns/net"));
        assert_eq!(path_of("12a"), PathBuf::from("/run/netns/12a"));
    }

    #[test]
    fn the_namespace_one_is_in_is_no_other() {
        assert!(!enter("/proc/thread-self/ns/net").unwrap());
    }

    #[test]
    fn work_within_runs_on_a_thread_of_its_own() {
        let here = std::thread::current().id();
        let there = within("/proc/thread-self/ns/net", || Ok(std::thread::current().id()));
        assert_ne!(there.unwrap(), here);
    }

    #[test]
    fn a_missing_namespace_is_named() {
        let error = enter("no-such-namespace").unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound);
        assert!(error.to_string().contains("no-such-namespace"), "{error}");
    }
}
