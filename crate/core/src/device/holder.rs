//! Finds the processes that hold a device, by the `iff:` line of `/proc/PID/fdinfo` (drivers/net/tun.c,
//! tun_chr_show_fdinfo). Devices of the same name in other namespaces are excluded.

use crate::sys::{netns, process, tun};
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::path::Path;

/// A process that has an open queue of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process id.
    pub pid: u32,
    /// The command name (`/proc/PID/comm`), at most 15 bytes.
    pub command: String,
}

/// Returns the devices of the calling thread's network namespace that are held. The holders of each are sorted by
/// process id. Processes that the caller may not inspect are left out.
#[must_use]
pub fn holders() -> BTreeMap<String, Vec<Holder>> {
    search(|_| true)
}

/// Returns the first process that holds `interface`, except copies: a child has the descriptors of its parent until it
/// executes another program.
pub(super) fn find(interface: &str) -> Option<Holder> {
    first_original(search(|name| name == interface).remove(interface)?, parent_of)
}

/// Returns the first holder whose parent is not a holder too. A holder without a parent in /proc has ended since, so it was
/// probably a child.
fn first_original(holders: Vec<Holder>, parent_of: impl Fn(u32) -> Option<u32>) -> Option<Holder> {
    let holds = |pid: u32| holders.iter().any(|holder| holder.pid == pid);
    let is_copy = |holder: &Holder| parent_of(holder.pid).is_none_or(holds);
    let first = holders.iter().position(|holder| !is_copy(holder)).unwrap_or(0);
    holders.into_iter().nth(first)
}

/// Returns the id of a process's parent (`PPid` of proc(5)).
fn parent_of(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
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

/// Returns the entries of a folder that are numbers; none if the folder cannot be read or does not exist any more.
fn numbers_in<T: std::str::FromStr>(folder: &Path) -> Vec<T> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Returns the interface that a descriptor is attached to, if the descriptor belongs to the driver.
fn interface_of(pid: u32, fd: RawFd) -> Option<String> {
    let text = fs::read(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let name = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"iff:\t"))?;
    (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

/// Returns whether the interface behind a descriptor is in the namespace `here`, since another namespace may use the
/// same name. If the descriptor's namespace is not known, that of its process decides.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_has_a_copy_is_not_the_holder() {
        let holders = |pids: &[u32]| {
            pids.iter().map(|pid| Holder { pid: *pid, command: String::new() }).collect()
        };
        // 7 was started by 90 after the process ids began again.
        let parent_of = |pid| {
            [(7, 90), (50, 1), (90, 1), (95, 90)]
                .into_iter()
                .find(|(child, _)| *child == pid)
                .map(|(_, parent)| parent)
        };
        let first = |pids| first_original(holders(pids), parent_of).map(|holder| holder.pid);
        assert_eq!(first(&[7, 90, 95]), Some(90));
        assert_eq!(first(&[7, 95]), Some(7));
        assert_eq!(first(&[50, 90]), Some(50));
        assert_eq!(first(&[3, 50]), Some(50), "3 has ended");
        assert_eq!(first(&[3]), Some(3));
        assert_eq!(first(&[]), None);
    }

    #[test]
    fn the_parent_of_this_process_is_found() {
        assert_eq!(parent_of(std::process::id()), Some(std::os::unix::process::parent_id()));
        assert_eq!(parent_of(u32::MAX), None);
    }
}
