//! Resolves a reference to a namespace, and enters the namespace.

use crate::advice;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::capability::{self, Capability};
use crate::sys::netns;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Moves the calling thread into the namespace `name`. Returns whether that is another one.
///
/// `name` is one of these, in this order:
///
/// 1. a path, which contains a slash;
/// 2. `pid:N` for the namespace of process N, or `name:NAME` for a named one;
/// 3. the name of a namespace of ip-netns(8);
/// 4. a process id, which consists of digits.
pub fn enter(name: &str) -> Result<bool> {
    enter_open(&open(name)?, name)
}

pub(super) fn enter_open(namespace: &OwnedFd, name: &str) -> Result<bool> {
    let is_current = match netns::current() {
        Ok(current) => {
            netns::is_same(namespace, &current).map_err(|e| cannot_enter(name, "fstat", &e))?
        }
        // Without /proc the present namespace is unknown. Entering it again has no effect.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => false,
        Err(cause) => return Err(cannot_enter(name, "open", &cause)),
    };
    if is_current {
        return Ok(false);
    }
    netns::enter(namespace.as_fd()).map_err(|e| cannot_enter(name, "setns", &e))?;
    Ok(true)
}

/// Opens the namespace `name`, in the forms that [`enter`] accepts. The namespace exists at least as long
/// as the descriptor.
///
/// # Errors
///
/// [`ErrorCode::NotFound`] if there is no such namespace. [`ErrorCode::InvalidArgument`] if `name` has
/// the form `pid:N` or `name:NAME`, and there is also a namespace of exactly that name.
pub fn open(name: &str) -> Result<OwnedFd> {
    let open = |path: &Path| netns::open(path).map_err(|e| cannot_enter(name, "open", &e));
    let named = Path::new(super::FOLDER).join(name);
    match reference(name) {
        Reference::Path => open(Path::new(name)),
        Reference::Name => open(&named),
        Reference::NameOrProcess(pid) => match netns::open(&named) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => open(&process(pid)),
            opened => opened.map_err(|e| cannot_enter(name, "open", &e)),
        },
        Reference::Form { path, other } => match (netns::open(&path), netns::open(&named)) {
            (Ok(_), Ok(_)) => Err(ambiguous(name, other)),
            (Err(_), Ok(named)) => Ok(named),
            (opened, Err(_)) => opened.map_err(|e| cannot_enter(name, "open", &e)),
        },
    }
}

/// Runs `work` in the namespace `name`, on a new thread that ends with the work.
///
/// The calling thread does not move. A socket that `work` opens stays in its namespace.
pub fn within<T: Send>(name: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    within_open(&open(name)?, name, work)
}

/// Runs `work` as [`within`] does, in an open namespace; `name` is used in errors.
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

/// The forms of a reference to a namespace.
#[derive(Debug, PartialEq, Eq)]
enum Reference<'a> {
    Path,
    Name,
    /// Only digits: a name, or a process id if there is no such name.
    NameOrProcess(&'a str),
    /// `pid:N` or `name:NAME`; `other` is the reference to a namespace whose name is the whole text.
    Form {
        path: PathBuf,
        other: String,
    },
}

fn reference(name: &str) -> Reference<'_> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let form = |path| Reference::Form { path, other: format!("name:{name}") };
    if name.contains('/') {
        return Reference::Path;
    }
    if is_number(name) {
        return Reference::NameOrProcess(name);
    }
    if let Some(pid) = name.strip_prefix("pid:").filter(|pid| is_number(pid)) {
        return form(process(pid));
    }
    match name.strip_prefix("name:") {
        Some(inner) if !inner.is_empty() => form(Path::new(super::FOLDER).join(inner)),
        _ => Reference::Name,
    }
}

fn process(pid: &str) -> PathBuf {
    format!("/proc/{pid}/ns/net").into()
}

fn ambiguous(name: &str, other: String) -> Error {
    let reason = "there is a namespace of exactly this name, too";
    let advice = format!("use {other} for that one, or a path such as /proc/PID/ns/net");
    Error::new(ErrorCode::InvalidArgument, OPERATION, name, reason).with_advice(advice)
}

fn is_admin() -> bool {
    capability::has(Capability::SysAdmin).unwrap_or(false)
}

const OPERATION: &str = "enter the network namespace";

pub(super) fn cannot_enter(name: &str, syscall: &'static str, error: &io::Error) -> Error {
    let base = Error::os(OPERATION, name, syscall, error);
    match error.raw_os_error() {
        Some(libc::ENOENT) if !Path::new("/proc/self").exists() => base.with_advice(
            "give a name of \"ip netns list\" or a path; process ids need /proc, which is not mounted",
        ),
        Some(libc::ENOENT) => base.with_advice(
            "give a name of \"ip netns list\", the path of a namespace, or a process id",
        ),
        Some(libc::EINVAL) => base
            .with_code(ErrorCode::InvalidArgument)
            .with_advice("the file is not a network namespace: use one such as /proc/PID/ns/net"),
        Some(libc::EPERM | libc::EACCES) if syscall == "open" && is_admin() => {
            base.with_advice(advice::permission(Capability::SysPtrace, "the process"))
        }
        Some(libc::EPERM | libc::EACCES) => {
            base.with_advice(advice::permission(Capability::SysAdmin, "the namespace"))
        }
        // pthread_create(3) reports a limit on threads with this errno.
        Some(libc::EAGAIN) => base.with_code(ErrorCode::Exhausted).with_advice(advice::THREADS),
        Some(libc::EMFILE | libc::ENFILE) => base.with_advice(advice::DESCRIPTORS),
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_paths_and_process_ids_are_distinguished() {
        let form =
            |path: &str, other: &str| Reference::Form { path: path.into(), other: other.into() };
        for (name, expected) in [
            ("blue", Reference::Name),
            ("12a", Reference::Name),
            ("pid:", Reference::Name),
            ("pid:x", Reference::Name),
            ("name:", Reference::Name),
            ("./blue", Reference::Path),
            ("pid:1/x", Reference::Path),
            ("/proc/1/ns/net", Reference::Path),
            ("123", Reference::NameOrProcess("123")),
            ("pid:123", form("/proc/123/ns/net", "name:pid:123")),
            ("name:123", form("/run/netns/123", "name:name:123")),
            ("name:pid:1", form("/run/netns/pid:1", "name:name:pid:1")),
        ] {
            assert_eq!(reference(name), expected, "{name}");
        }
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
