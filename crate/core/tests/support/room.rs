//! A network namespace of one test, and the commands that set it up.

#[path = "skip.rs"]
pub(crate) mod skip;

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::process::Command;
use tun2udp_core::sys::{netns, tun};

/// A network namespace that belongs to the thread that runs the body of [`TestNamespace::enter`].
///
/// It has no name. The kernel removes it, and every interface in it, with the last thread or descriptor that
/// refers to it, even after a panic or a SIGKILL.
#[derive(Debug)]
pub(crate) struct TestNamespace(());

impl TestNamespace {
    /// Runs `body` on a separate thread in a new namespace whose loopback is up. New interfaces get no IPv6
    /// addresses, because the kernel's own router solicitations and MLD reports would be traffic that no test
    /// sent. A panic of `body` continues in the caller.
    pub(crate) fn enter<T: Send>(body: impl FnOnce(&Self) -> T + Send) -> T {
        let inside = || {
            netns::unshare().expect("unshare a network namespace");
            let room = Self(());
            // /proc/sys/net shows the namespace of the thread that reads it (net_ctl_root.lookup).
            let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
            room.run("ip link set lo up");
            body(&room)
        };
        std::thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    /// Runs one command in the namespace. Its words are separated by single blanks. It must succeed.
    pub(crate) fn run(&self, command: &str) {
        self.run_words(&command.split(' ').collect::<Vec<_>>());
    }

    /// Runs one command, passed word by word, in the namespace. It must succeed.
    pub(crate) fn run_words(&self, words: &[&str]) {
        // A child inherits the namespace of the thread that forks it.
        let output = Command::new(words[0])
            .args(&words[1..])
            .output()
            .unwrap_or_else(|error| panic!("{words:?}: {error}"));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {}: {text}", output.status);
    }

    /// Returns the number of packets that `interface` received from its driver and passed to it, as the
    /// kernel counts them: a super-packet counts once.
    pub(crate) fn packet_counts(&self, interface: &str) -> (u64, u64) {
        let table = fs::read_to_string("/proc/thread-self/net/dev").expect("read net/dev");
        let line =
            table.lines().find_map(|line| line.trim().strip_prefix(interface)?.strip_prefix(':'));
        let fields: Vec<u64> = line
            .unwrap_or_else(|| panic!("{interface} is not in net/dev"))
            .split_whitespace()
            .map(|field| field.parse().expect("a counter"))
            .collect();
        (fields[1], fields[9])
    }
}

/// Returns the reason why this machine cannot test TUN devices in separate namespaces; `None` if it can.
pub(crate) fn missing() -> Option<String> {
    fn on_thread<T: Send + Debug>(probe: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(probe).join().expect("the probe"))
    }
    if let Err(error) = tun::open(Path::new("/dev/net/tun")) {
        return Some(format!("/dev/net/tun: {error}"));
    }
    if let Err(error) = on_thread(netns::unshare) {
        return Some(format!("a new network namespace: {error} (needs root)"));
    }
    ["ip", "tc"].into_iter().find_map(|program| match Command::new(program).arg("-V").output() {
        Ok(_) => None,
        Err(error) => Some(format!("{program}: {error} (package iproute2)")),
    })
}
