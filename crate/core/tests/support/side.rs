//! Two network namespaces that a veth pair connects: the calling thread's, and one with a thread of its own.

use crate::ethtool;
use crate::namespace::ip;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use tun2udp_core::sys::netns;

/// Addresses of both ends of the pair.
pub(crate) const NEAR: [&str; 2] = ["192.0.2.1", "2001:db8::1"];
pub(crate) const FAR: [&str; 2] = ["192.0.2.2", "2001:db8::2"];

type Job = Box<dyn FnOnce() + Send>;

/// A thread in a second network namespace, which lives as long as this value.
pub(crate) struct Side {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Side {
    /// Creates the namespace, and connects it with the calling thread's: `near0` here, `far0` there.
    pub(crate) fn connected() -> Self {
        let (jobs, received) = channel::<Job>();
        let thread = std::thread::spawn(move || {
            let _namespace = netns::unshare().expect("a second namespace");
            received.into_iter().for_each(|job| job());
        });
        let side = Self { jobs: Some(jobs), thread: Some(thread) };
        let task = side.run(|| std::fs::read_link("/proc/thread-self").expect("proc(5)"));
        let task = task.file_name().and_then(|name| name.to_str()).expect("a number").to_owned();
        ip(&format!("link add near0 type veth peer name far0 netns {task}"));
        set_up("near0", NEAR);
        side.run(|| {
            ip("link set lo up");
            set_up("far0", FAR);
        });
        side
    }

    /// Runs `job` in the namespace, and returns its result.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        self.start(job)()
    }

    /// Starts `job` in the namespace. The returned function waits for its result.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> impl FnOnce() -> T {
        let (result, results) = channel();
        let job = move || result.send(job()).expect("a test that waits");
        let jobs = self.jobs.as_ref().expect("an open channel");
        jobs.send(Box::new(job)).expect("the thread");
        move || results.recv().expect("the job in the second namespace does not fail")
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn set_up(device: &str, [v4, v6]: [&str; 2]) {
    ip(&format!("address add {v4}/24 dev {device}"));
    ip(&format!("address add {v6}/64 dev {device} nodad"));
    ip(&format!("link set {device} up"));
    // Without TSO at the sender and with GRO at the receiver, the pair joins datagrams like a network card's driver
    // (veth_skb_is_eligible_for_gro).
    ethtool::set(device, ethtool::TSO, false).expect("TSO is off");
    ethtool::set(device, ethtool::GRO, true).expect("GRO is on");
    // A datagram waits for others to join, here in nanoseconds. The file is that of the namespace of the mount.
    let wait = format!("echo 1000000 > /sys/class/net/{device}/gro_flush_timeout");
    let script = format!("mount -t sysfs sysfs /sys && {wait}");
    let status = Command::new("unshare").args(["--mount", "sh", "-c", &script]).status();
    assert!(status.expect("unshare of util-linux").success(), "{script}");
}
