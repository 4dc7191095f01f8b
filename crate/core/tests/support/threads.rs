//! Threads of this process, from proc(5).

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the directories in /proc of the threads called `name` in the calling thread's network namespace.
pub(crate) fn in_this_namespace(name: &str) -> Vec<PathBuf> {
    let namespace = |thread: &Path| fs::read_link(thread.join("ns/net")).ok();
    let own = namespace(Path::new("/proc/thread-self"));
    let threads = fs::read_dir("/proc/self/task").expect("threads").flatten();
    threads
        .map(|entry| entry.path())
        .filter(|thread| namespace(thread) == own)
        .filter(|thread| fs::read_to_string(thread.join("comm")).is_ok_and(|n| n.trim() == name))
        .collect()
}

/// Returns the CPU time of a thread in clock ticks (sysconf(3), `_SC_CLK_TCK`: 100 per second).
pub(crate) fn ticks(thread: &Path) -> u64 {
    let stat = fs::read_to_string(thread.join("stat")).expect("a thread that lives");
    // The name, in parentheses, may contain any characters; `utime` and `stime` are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let used = fields.split_whitespace().skip(11).take(2);
    used.map(|field| field.parse::<u64>().expect("a number")).sum()
}
