//! Special files that a capture is written to: a terminal is refused, and a FIFO needs a reader.

use crate::capture;
use crate::capture::{Folder, config, finish, send_in, to_file};
use crate::namespace::{in_namespace, loopback_socket};
use crate::pcapng;
use crate::running::start;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::thread;
use tun2udp_core::ErrorCode;
use tun2udp_core::capture::{CaptureConfig, Output};

#[test]
fn a_terminal_and_a_fifo_without_a_reader_are_refused() {
    in_namespace(|| {
        let folder = Folder::new("streams");
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let master = File::options().read(true).write(true).open("/dev/ptmx").unwrap();
        let of_descriptor = CaptureConfig::new(Output::Descriptor(OwnedFd::from(master)));
        for config in [of_descriptor, to_file("/dev/ptmx".as_ref())] {
            let error = relay.capture(config).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
            let advice = "a terminal, and a capture is not text; write to a file, or to a pipe";
            assert!(error.to_string().contains(advice), "{error}");
        }
        let fifo = folder.file("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let error = relay.capture(to_file(&fifo)).unwrap_err();
        assert!(error.to_string().contains("no reader: start the reader first"), "{error}");
        // The advice is followed.
        let path = fifo.clone();
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        });
        let capture = loop {
            match relay.capture(to_file(&fifo)) {
                Ok(capture) => break capture,
                Err(error) => assert_eq!(error.errno(), Some(libc::ENXIO), "{error}"),
            }
            thread::yield_now();
        };
        send_in(&relay, &peer, 10);
        let stats = finish(&capture);
        assert_eq!(stats.inside_inbound.captured, 10);
        capture::assert_complete(
            &pcapng::read(&reader.join().unwrap()),
            &stats,
            &relay.info().interface_name,
        );
    });
}
