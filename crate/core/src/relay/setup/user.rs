//! Drops root: looks up the user, and changes to it.

use crate::advice;
use crate::error::{Error, ErrorCode, Result};
use crate::sys::capability::{self, Capability};
use crate::sys::{privileges, users};
use std::borrow::Cow;
use std::io;

/// The user and group to change to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    name: String,
    uid: u32,
    gid: u32,
}

/// Looks up `NAME[:GROUP]`, names or numbers. The default group is that of the user.
pub(super) fn resolve(specification: &str) -> Result<Identity> {
    let (name, group) = match specification.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (specification, None),
    };
    let user = users::user(name)
        .map_err(|e| Error::os("look up the user", name, "getpwnam_r", &e))?
        .map(|ids| (ids.uid, Some(ids.gid)));
    let Some((uid, own_group)) = user.or_else(|| Some((name.parse().ok()?, None))) else {
        return Err(unknown("user", name, "getent passwd"));
    };
    let gid = match (group, own_group) {
        (Some(group), _) => resolve_group(group)?,
        (None, Some(gid)) => gid,
        (None, None) => {
            let reason = "a number that no user has needs a group beside it";
            return Err(Error::new(ErrorCode::InvalidArgument, "become the user", name, reason)
                .with_advice("give it as USER:GROUP"));
        }
    };
    Ok(Identity { name: specification.to_owned(), uid, gid })
}

fn resolve_group(group: &str) -> Result<u32> {
    let found =
        users::group(group).map_err(|e| Error::os("look up the group", group, "getgrnam_r", &e))?;
    found.or_else(|| group.parse().ok()).ok_or_else(|| unknown("group", group, "getent group"))
}

fn unknown(what: &'static str, name: &str, command: &str) -> Error {
    Error::new(
        ErrorCode::NotFound,
        format!("look up the {what}"),
        format!("{name:?}"),
        format!("there is no such {what}"),
    )
    .with_advice(format!("give a name of \"{command}\", or a number"))
}

/// Returns the error for a request of another user together with a device that existed before.
pub(super) fn refuse_persistent(interface: &str) -> Error {
    Error::new(
        ErrorCode::InvalidArgument,
        "drop root with the interface",
        interface,
        "it was there before the start, and its settings cannot be restored without root",
    )
    .with_advice("leave out --user, or use a new interface name")
}

impl Identity {
    /// Changes the whole process to this user, without any capability.
    pub(super) fn assume(&self) -> Result<()> {
        privileges::become_user(self.uid, self.gid).map_err(|e| {
            Error::os("become the user", &self.name, "setresuid", &e).with_advice(refusal(&e))
        })?;
        let remains = privileges::has_capabilities().map_err(|e| {
            Error::os("read the capabilities of", &self.name, "read(/proc/self/task)", &e)
        })?;
        if remains {
            let reason = "a thread of the process kept its capabilities";
            return Err(Error::new(ErrorCode::System, "become the user", &self.name, reason)
                .with_advice("start the process as root, and let it become that user itself"));
        }
        Ok(())
    }
}

/// Returns the advice for a failed change of the user. Only a process without the capabilities is advised to run as
/// root.
fn refusal(cause: &io::Error) -> Cow<'static, str> {
    match cause.raw_os_error() {
        Some(libc::EPERM) if is_setgroups_denied() => Cow::Borrowed(
            "the user namespace that this process is in forbids setgroups(2) (/proc/self/setgroups): leave out \
             --user",
        ),
        Some(libc::EPERM) => {
            let is_missing =
                |capability: &Capability| !capability::has(*capability).unwrap_or(false);
            let missing = [Capability::SetUid, Capability::SetGid].into_iter().find(is_missing);
            advice::permission(missing.unwrap_or(Capability::SetUid), "the user namespace")
        }
        // `make_kuid` and `make_kgid` of setresuid(2) and setresgid(2), kernel/sys.c.
        Some(libc::EINVAL) => Cow::Borrowed(
            "the user namespace that this process is in does not map that user or group: use numbers of \
             /proc/self/uid_map and gid_map",
        ),
        _ => Cow::Borrowed("leave out --user, or start the process as that user"),
    }
}

/// Returns whether setgroups(2) is forbidden, as in the user namespace of a process without privileges
/// (user_namespaces(7)).
fn is_setgroups_denied() -> bool {
    std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text.trim() == "deny")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_by_name_and_by_number() {
        let identity = |uid, gid, name: &str| Identity { name: name.to_owned(), uid, gid };
        assert_eq!(resolve("root").unwrap(), identity(0, 0, "root"));
        assert_eq!(resolve("root:0").unwrap(), identity(0, 0, "root:0"));
        assert_eq!(resolve("4000000000:7").unwrap(), identity(4_000_000_000, 7, "4000000000:7"));
    }

    #[test]
    fn what_nobody_is_called_is_refused() {
        for name in ["no-such-user-here", "root:no-such-group-here", "", "4000000000", "root:"] {
            assert!(resolve(name).is_err(), "{name:?}");
        }
    }
}
