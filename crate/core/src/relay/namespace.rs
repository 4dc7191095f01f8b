//! The network namespace of the interface: which one is meant, and moving into it.

use crate::error::{Error, ErrorCode, Result};
use crate::sys::netns;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Moves the calling thread into the namespace `name`; answers whether that is another one.
///
/// `name` is a path if it holds a slash, a process id if it is of digits alone, and else the name
/// of a namespace that ip-netns(8) made.
pub(super) fn enter(name: &str) -> Result<bool> {
    let path = path_of(name);
    let namespace = netns::open(&path).map_err(|e| cannot_enter(name, "open", &e))?;
    let current = netns::current().map_err(|e| cannot_enter(name, "open", &e))?;
    if netns::is_same(&namespace, &current).map_err(|e| cannot_enter(name, "fstat", &e))? {
        return Ok(false);
    }
    netns::enter(namespace.as_fd()).map_err(|e| cannot_enter(name, "setns", &e))?;
    Ok(true)
}

fn path_of(name: &str) -> PathBuf {
    if name.contains('/') {
        name.into()
    } else if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("/proc/{name}/ns/net").into()
    } else {
        format!("/run/netns/{name}").into()
    }
}

fn cannot_enter(name: &str, syscall: &'static str, error: &std::io::Error) -> Error {
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
    fn a_missing_namespace_is_named() {
        let error = enter("no-such-namespace").unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound);
        assert!(error.to_string().contains("no-such-namespace"), "{error}");
    }
}
