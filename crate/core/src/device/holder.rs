//! Who holds a device: found by the `iff:` line of `/proc/PID/fdinfo` (drivers/net/tun.c,
//! tun_chr_show_fdinfo).

use std::fs;
use std::path::Path;

/// A process that has a queue of a device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Its process id.
    pub(super) pid: u32,
    /// Its command name (`/proc/PID/comm`).
    pub(super) command: String,
}

/// The first process found to hold `interface`; only processes that the caller may look into count.
pub(super) fn find(interface: &str) -> Option<Holder> {
    let wanted = format!("iff:\t{interface}");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        holds(&entry.path(), &wanted).then(|| Holder {
            pid,
            command: fs::read_to_string(entry.path().join("comm"))
                .map(|name| name.trim_end().to_owned())
                .unwrap_or_default(),
        })
    })
}

fn holds(process: &Path, wanted: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fdinfo")) else { return false };
    descriptors.flatten().any(|descriptor| {
        fs::read_to_string(descriptor.path())
            .is_ok_and(|text| text.lines().any(|line| line.trim_end() == wanted))
    })
}
