//! An open network namespace. Sockets and work in it do not depend on its name.

use super::enter::{cannot_enter, enter_open, open, within_open};
use crate::error::Result;
use crate::sys::netns;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// An open network namespace. It exists at least as long as this object.
#[derive(Debug)]
pub struct Namespace {
    fd: OwnedFd,
    name: String,
}

impl Namespace {
    /// Opens the namespace `name`: a name of ip-netns(8), a path, or a process id.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorCode::NotFound`] if it does not exist.
    pub fn open(name: &str) -> Result<Self> {
        Ok(Self { fd: open(name)?, name: name.to_owned() })
    }

    /// Creates a namespace without a name. Its loopback interface is down. It ends with the last
    /// descriptor, process, socket and device that uses it, so it does not remain when the process is
    /// killed.
    pub fn unnamed() -> Result<Self> {
        let name = "without a name";
        let failed = |cause: &io::Error| super::named::cannot("create", name, "unshare", cause);
        let created = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("tun2udp-netns".to_owned());
            let ended = || io::Error::other("its thread ended unexpectedly");
            thread.spawn_scoped(scope, netns::unshare)?.join().unwrap_or_else(|_| Err(ended()))
        });
        Ok(Self { fd: created.map_err(|cause| failed(&cause))?, name: name.to_owned() })
    }

    /// Returns a path that opens this namespace from any process that may look at this one.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.fd.as_raw_fd())
    }

    /// Runs `work` in the namespace on a new thread; the calling thread does not move.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        within_open(&self.fd, &self.name, work)
    }

    /// Runs `work` on the calling thread, which is in the namespace until `work` returns.
    ///
    /// A thread that `work` starts stays in the namespace. If the calling thread cannot return to its own
    /// namespace, the process is aborted: everything it does later would happen in the wrong network.
    ///
    /// # Errors
    ///
    /// The namespace cannot be entered; `work` was not run.
    pub fn visit<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        let own = netns::current().map_err(|cause| cannot_enter(&self.name, "open", &cause))?;
        let _back = enter_open(&self.fd, &self.name)?.then_some(Return { own });
        Ok(work())
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Moves the thread back when it is dropped, also after a panic.
struct Return {
    own: OwnedFd,
}

impl Drop for Return {
    fn drop(&mut self) {
        if netns::enter(self.own.as_fd()).is_err() {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_itself_visits_its_own_namespace_without_moving() {
        let namespace = Namespace::open("/proc/thread-self/ns/net").unwrap();
        let here = std::thread::current().id();
        assert_eq!(namespace.visit(|| std::thread::current().id()).unwrap(), here);
        assert_ne!(namespace.within(|| Ok(std::thread::current().id())).unwrap(), here);
    }

    #[test]
    fn the_path_opens_the_same_namespace() {
        let namespace = Namespace::open("/proc/thread-self/ns/net").unwrap();
        let again = Namespace::open(&namespace.path()).unwrap();
        assert!(netns::is_same(&namespace.fd, &again.fd).unwrap());
    }
}
