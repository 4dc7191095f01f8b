//! A network namespace for one test, which is created by the test's thread and ends with it.

#[path = "skip.rs"]
pub(crate) mod skip;

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};
use tun2udp_core::sys::netns;

/// Runs `body` in a new network namespace whose loopback is up, or prints why the test is skipped.
#[track_caller]
pub(crate) fn in_namespace(body: impl FnOnce()) {
    if skip::because(missing()) {
        return;
    }
    // The namespace lives as long as this descriptor or any descriptor that is opened in it.
    let _namespace = netns::unshare().expect("a namespace of its own");
    ip("link set lo up");
    body();
}

fn missing() -> Option<&'static str> {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?.trim();
    let mask = u64::from_str_radix(effective, 16).unwrap_or(0);
    // CAP_NET_ADMIN and CAP_SYS_ADMIN of linux/capability.h.
    if mask & (1 << 12) == 0 || mask & (1 << 21) == 0 {
        return Some("needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN)");
    }
    if !std::path::Path::new("/dev/net/tun").exists() {
        return Some("needs /dev/net/tun");
    }
    Command::new("ip").arg("-V").output().err().map(|_| "needs ip of iproute2")
}

/// Runs ip(8) with blank-separated arguments in the calling thread's namespace.
pub(crate) fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("ip starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {errors}");
    String::from_utf8(output.stdout).expect("ip prints UTF-8")
}

/// Binds a UDP socket to a free port of the loopback interface. Its receives have a time limit.
pub(crate) fn loopback_socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a time limit");
    socket
}

/// Waits until `condition` is true. Fails after 30 seconds, since the machine may be busy.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "not within 30 seconds: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
