//! The steps of the program `tunctl` of uml-utilities, one ioctl after the other, nothing more.
//!
//! What failed is told by its step and its errno alone, and nothing is taken back: scripts written
//! for that program may count on what it leaves behind. For everything else there is
//! [`crate::persistent`].

use super::options::Mode;
use crate::sys::{process, tun, users};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// The longest name that the program passes on, bytes; the rest is cut off.
const LONGEST_NAME: usize = libc::IFNAMSIZ - 1;

/// What to do with which device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// IP packets or Ethernet frames; the program of uml-utilities knows frames alone.
    pub mode: Mode,
    /// The device may have several queues.
    pub is_multi_queue: bool,
    /// Bytes of the name or template; of a longer one the first 15; empty: the kernel chooses.
    pub name: Vec<u8>,
    /// Path of the clone device.
    pub clone_device: PathBuf,
    /// Making or removing.
    pub action: Action,
}

/// Making or removing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make or attach to the device, and make it persistent.
    Create {
        /// Its user. The caller's effective user if neither this nor the group is given.
        owner: Option<u32>,
        /// Its group.
        group: Option<u32>,
    },
    /// Make or attach to the device, and let it end.
    Delete,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The name as the kernel gave it.
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
    /// `TUNSETPERSIST`, `TUNSETOWNER` or `TUNSETGROUP`: the program tells them by one name.
    Persist,
}

/// Runs the steps in the calling thread's network namespace.
///
/// A failing `TUNSETOWNER` or `TUNSETGROUP` leaves the device persistent.
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

/// The number of the user called `name`, by getpwnam(3), which tells no failure from "there is
/// none": nor does this.
#[must_use]
pub fn find_user(name: &[u8]) -> Option<u32> {
    users::user(name).ok().flatten().map(|ids| ids.uid)
}

/// The number of the group called `name`, by getgrnam(3), as [`find_user`].
#[must_use]
pub fn find_group(name: &[u8]) -> Option<u32> {
    users::group(name).ok().flatten()
}
