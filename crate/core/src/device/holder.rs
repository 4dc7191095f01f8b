//! Who holds a device: found by the `iff:` line of `/proc/PID/fdinfo` (drivers/net/tun.c,
//! tun_chr_show_fdinfo), and told apart from a device of the same name elsewhere.

use crate::sys::{netns, process, tun};
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::path::Path;

/// A process that has a queue of a device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its command name (`/proc/PID/comm`), at most 15 bytes.
    pub command: String,
}

/// The devices of the calling thread's network namespace that are held, each with its holders by
/// rising process id; only processes that the caller may look into count.
#[must_use]
pub fn holders() -> BTreeMap<String, Vec<Holder>> {
    search(|_| true)
}

/// The first process that holds `interface`.
pub(super) fn find(interface: &str) -> Option<Holder> {
    search(|name| name == interface).remove(interface)?.into_iter().next()
}

fn search(is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<Holder>> {
    let mut found: BTreeMap<String, Vec<Holder>> = BTreeMap::new();
    let Ok(here) = netns::current() else { return found };
    let mut processes: Vec<u32> = numbers_in(Path::new("/proc"));
    processes.sort_unstable();
    for pid in processes {
        for fd in numbers_in::<RawFd>(&Path::new("/proc").join(pid.to_string()).join("fdinfo")) {
            let Some(interface) = interface_of(pid, fd).filter(|name| is_wanted(name)) else {
                continue;
            };
            let known = found.get(&interface).and_then(|holders| holders.last());
            if known.is_none_or(|holder| holder.pid != pid) && is_in(&here, pid, fd) {
                let command = command_of(pid);
                found.entry(interface).or_default().push(Holder { pid, command });
            }
        }
    }
    found
}

/// The entries of a folder that are numbers; none where it may not be read, or is gone by now.
fn numbers_in<T: std::str::FromStr>(folder: &Path) -> Vec<T> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The interface that a descriptor is attached to, if it is one of the driver's.
fn interface_of(pid: u32, fd: RawFd) -> Option<String> {
    let text = fs::read(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let name = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"iff:\t"))?;
    (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

/// Whether the interface behind a descriptor is in the namespace `here`: the same name may be in
/// use in another. Where the descriptor itself cannot be asked, its process's namespace decides.
fn is_in(here: &OwnedFd, pid: u32, fd: RawFd) -> bool {
    process::copy_descriptor(pid, fd)
        .and_then(|copy| tun::network_namespace(copy.as_fd()))
        .or_else(|_| netns::open(Path::new(&format!("/proc/{pid}/ns/net"))))
        .and_then(|there| netns::is_same(here, &there))
        .unwrap_or(false)
}

fn command_of(pid: u32) -> String {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(&name).trim_end().to_owned()
}
