//! A second network namespace for one test, and ip(8) in it.

use crate::namespace::ip;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use tun2udp_core::sys::netns;

/// A network namespace that lives as long as this value.
pub(crate) struct Elsewhere {
    /// Path of the namespace.
    pub(crate) path: String,
    ask: Option<Sender<String>>,
    answers: Receiver<String>,
    thread: Option<JoinHandle<()>>,
}

impl Elsewhere {
    /// Creates a namespace on a separate thread.
    pub(crate) fn new() -> Self {
        let (ask, questions) = channel::<String>();
        let (answer, answers) = channel();
        let inside = move || {
            let _namespace = netns::unshare().expect("a second namespace");
            let thread = std::fs::read_link("/proc/thread-self").expect("proc(5)");
            answer.send(format!("/proc/{}/ns/net", thread.display())).expect("a test");
            for arguments in questions {
                answer.send(ip(&arguments)).expect("a test");
            }
        };
        let thread = std::thread::spawn(inside);
        let path = answers.recv().expect("a thread in the second namespace");
        Self { path, ask: Some(ask), answers, thread: Some(thread) }
    }

    /// Runs ip(8) with blank-separated arguments in the namespace.
    pub(crate) fn ip(&self, arguments: &str) -> String {
        let ask = self.ask.as_ref().expect("an open channel");
        ask.send(arguments.to_owned()).expect("the thread");
        self.answers.recv().expect("a command that succeeds")
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.ask.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
