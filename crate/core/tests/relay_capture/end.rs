//! The end of a capture.

use crate::capture::{Folder, config, to_file};
use crate::namespace::{in_namespace, loopback_socket};
use crate::running::start;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn each_caller_waits_for_the_end() {
    in_namespace(|| {
        let folder = Folder::new("wait");
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let capture = relay.capture(to_file(&folder.file("wait.pcapng"))).unwrap();
        let (report, waiting) = mpsc::channel();
        thread::scope(|scope| {
            let body = || {
                report.send(()).unwrap();
                capture.join().unwrap();
                assert!(capture.is_closed());
            };
            scope.spawn(body);
            scope.spawn(body);
            (0..2).for_each(|_| waiting.recv().unwrap());
            thread::sleep(Duration::from_millis(50));
            capture.close();
        });
    });
}
