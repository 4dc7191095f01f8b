//! A second host: a network namespace with a thread of its own, which a cable connects with the test's namespace.

use super::namespace::ip;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tun2udp_core::sys::netns;

type Job = Box<dyn FnOnce() + Send>;

/// The host. It ends, with everything in its namespace, when it is dropped.
pub(crate) struct OtherHost {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl OtherHost {
    /// Starts a host, and connects the interface `near` of the calling thread's namespace with its interface `far`.
    /// Both are up.
    pub(crate) fn connected(near: &str, far: &str) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (tasks, task) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let _namespace = netns::unshare().unwrap();
            let path = std::fs::read_link("/proc/thread-self").unwrap();
            tasks.send(path.file_name().unwrap().to_str().unwrap().to_owned()).unwrap();
            queue.into_iter().for_each(|job| job());
        });
        let task = task.recv().unwrap();
        ip(&format!("link add {near} type veth peer name {far} netns {task}"));
        ip(&format!("link set {near} up"));
        let host = Self { jobs: Some(jobs), thread: Some(thread) };
        host.ip(&format!("link set {far} up"));
        host
    }

    /// Runs `job` on the host's thread.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (result, done) = mpsc::channel();
        let job = move || drop(result.send(job()));
        self.jobs.as_ref().unwrap().send(Box::new(job)).unwrap();
        done.recv().expect("the job did not panic")
    }

    /// Runs ip(8) with blank-separated arguments on the host.
    pub(crate) fn ip(&self, arguments: &str) {
        let arguments = arguments.to_owned();
        self.run(move || ip(&arguments));
    }
}

impl Drop for OtherHost {
    fn drop(&mut self) {
        self.jobs = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
