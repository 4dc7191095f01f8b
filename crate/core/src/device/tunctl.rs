//! Performs the steps of the program `tunctl` of uml-utilities, one ioctl after the other.
//!
//! An error consists of its step and its errno only, and nothing is rolled back: scripts written for that program may
//! rely on the devices that it leaves. [`crate::persistent`] does everything else.

use super::options::Mode;
use crate::sys::{process, tun, users};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// The longest name that the program passes on, bytes. It truncates longer names.
const LONGEST_NAME: usize = libc::IFNAMSIZ - 1;

/// The action, and the device that it applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// IP packets or Ethernet frames. The program of uml-utilities supports frames only.
    pub mode: Mode,
    /// Whether the device may have several queues.
    pub is_multi_queue: bool,
    /// Bytes of the name or template. A longer one is truncated to 15 bytes. If it is empty, the kernel chooses a
    /// name.
    pub name: Vec<u8>,
    /// Path of the clone device.
    pub clone_device: PathBuf,
    /// Whether to create or remove the device.
    pub action: Action,
}

/// Creating or removing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates the device or attaches to it, and makes it persistent.
    Create {
        /// The user of the device. The caller's effective user if neither this nor the group is given.
        owner: Option<u32>,
        /// The group of the device.
        group: Option<u32>,
    },
    /// Creates the device or attaches to it, and makes it not persistent.
    Delete,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The name that the kernel assigned.
    pub name: Vec<u8>,
    /// The user that was set.
    pub owner: Option<u32>,
    /// The group that was set.
    pub group: Option<u32>,
}

/// The step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Opening the clone device.
    Open,
    /// `TUNSETIFF`.
    Attach,
    /// `TUNSETPERSIST`, `TUNSETOWNER` or `TUNSETGROUP`: the program has one name for these steps.
    Persist,
}

/// Runs the steps in the calling thread's network namespace.
///
/// If `TUNSETOWNER` or `TUNSETGROUP` fails, the device stays persistent.
pub fn run(request: &Request) -> Result<Outcome, (Stage, io::Error)> {
    let fd = tun::open_plain(&request.clone_device).map_err(|e| (Stage::Open, e))?;
    let mode = match request.mode {
        Mode::Tun => tun::IFF_TUN,
        Mode::Tap => tun::IFF_TAP,
    };
    let queues = if request.is_multi_queue { tun::IFF_MULTI_QUEUE } else { 0 };
    let asked = request.name.get(..LONGEST_NAME).unwrap_or(&request.name);
    let name = tun::set_interface_bytes(fd.as_fd(), asked, mode | tun::IFF_NO_PI | queues)
        .map_err(|e| (Stage::Attach, e))?;
    let persist = |result: io::Result<()>| result.map_err(|e| (Stage::Persist, e));
    let (owner, group) = match request.action {
        Action::Delete => {
            persist(tun::set_persistent(fd.as_fd(), false))?;
            (None, None)
        }
        Action::Create { owner, group } => {
            persist(tun::set_persistent(fd.as_fd(), true))?;
            let caller = group.is_none().then(process::effective_user);
            let owner = owner.or(caller);
            if let Some(uid) = owner {
                persist(tun::set_owner(fd.as_fd(), uid))?;
            }
            if let Some(gid) = group {
                persist(tun::set_group(fd.as_fd(), gid))?;
            }
            (owner, group)
        }
    };
    Ok(Outcome { name, owner, group })
}

/// Returns the number of the user called `name`, from getpwnam(3). Like the program, this does not distinguish a
/// failed look-up from an unknown name.
#[must_use]
pub fn find_user(name: &[u8]) -> Option<u32> {
    users::user(name).ok().flatten().map(|ids| ids.uid)
}

/// Returns the number of the group called `name`, from getgrnam(3); see [`find_user`].
#[must_use]
pub fn find_group(name: &[u8]) -> Option<u32> {
    users::group(name).ok().flatten()
}
