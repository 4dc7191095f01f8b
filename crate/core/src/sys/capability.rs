//! Capabilities of the calling thread (capabilities(7)).

use super::check;
use std::io;

/// A capability, by its number in linux/capability.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Capability {
    /// `CAP_SETGID`
    SetGid = 6,
    /// `CAP_SETUID`
    SetUid = 7,
    /// `CAP_NET_BIND_SERVICE`
    NetBindService = 10,
    /// `CAP_NET_ADMIN`
    NetAdmin = 12,
    /// `CAP_SYS_PTRACE`
    SysPtrace = 19,
    /// `CAP_SYS_ADMIN`
    SysAdmin = 21,
}

/// `_LINUX_CAPABILITY_VERSION_3` (linux/capability.h): two words per set.
const VERSION_3: u32 = 0x2008_0522;

/// `struct __user_cap_header_struct` (linux/capability.h).
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct` (linux/capability.h).
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

impl Capability {
    /// Returns the name in capabilities(7).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetGid => "CAP_SETGID",
            Self::SetUid => "CAP_SETUID",
            Self::NetBindService => "CAP_NET_BIND_SERVICE",
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysPtrace => "CAP_SYS_PTRACE",
            Self::SysAdmin => "CAP_SYS_ADMIN",
        }
    }
}

/// Returns why a call on `object` was refused although the calling thread has the capability; `None` if it lacks it.
#[must_use]
pub fn refused_though_present(capability: Capability, object: &str) -> Option<String> {
    has(capability).unwrap_or(false).then(|| {
        format!(
            "this process has {}, but not over {object}: it belongs to another user namespace, or a security \
             module or sandbox refuses the call",
            capability.name()
        )
    })
}

/// Returns whether a capability is in the calling thread's effective set: `capget(2)`. It holds in the
/// thread's user namespace, and in those below it.
pub fn has(capability: Capability) -> io::Result<bool> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut sets = [Sets::default(); 2];
    // SAFETY: both pointers are to values of the kernel's layout that live for the call, and version 3
    // writes two elements.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    check(i32::try_from(result).unwrap_or(-1))?;
    // All capabilities above are in the first word.
    Ok(sets[0].effective & (1 << capability as u8) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_set_is_that_of_the_status_file() {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        let all = [
            Capability::SetGid,
            Capability::SetUid,
            Capability::NetBindService,
            Capability::NetAdmin,
            Capability::SysPtrace,
            Capability::SysAdmin,
        ];
        for capability in all {
            let is_set = mask & (1 << capability as u8) != 0;
            assert_eq!(has(capability).unwrap(), is_set, "{capability:?}");
        }
    }
}
