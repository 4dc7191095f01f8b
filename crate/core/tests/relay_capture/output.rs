//! The files, pipes and sockets that captures of a relay are written to.

use crate::capture::{Folder, INBOUND, assert_complete, config, finish, send_in, sides, to_file};
use crate::namespace::{eventually, in_namespace, loopback_socket, skip};
use crate::pcapng;
use crate::running::start;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use tun2udp_core::capture::filter::Program;
use tun2udp_core::capture::{CaptureConfig, MIN_FILE_BYTES, Output};
use tun2udp_core::{Error, ErrorCode};

#[test]
fn a_ring_has_the_newest_packets_in_whole_files() {
    in_namespace(|| {
        let folder = Folder::new("ring");
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let path = folder.file("ring.tunnel.pcapng");
        let (max_bytes, max_files) = (Some(MIN_FILE_BYTES), Some(3));
        let output = Output::File { path, overwrite: false, max_bytes, max_files };
        let capture =
            relay.capture(CaptureConfig { outside: false, ..CaptureConfig::new(output) }).unwrap();
        send_in(&relay, &peer, 1_000);
        let stats = finish(&capture);
        assert_eq!(stats.inside_inbound.captured, 1_000);
        assert!(stats.files > 4, "{stats:?}");
        let names = folder.names();
        let newest = stats.files - 2..=stats.files;
        let expected: Vec<_> = newest.map(|n| format!("ring.tunnel_{n:05}.pcapng")).collect();
        assert_eq!(names, expected);
        let mut numbers = Vec::new();
        for name in &names {
            let bytes = fs::read(folder.file(name)).unwrap();
            assert!(bytes.len() as u64 <= MIN_FILE_BYTES);
            let file = pcapng::read(&bytes);
            assert_eq!((file.torn, file.interfaces.len()), (0, 1));
            assert!(file.statistics.contains_key(&0));
            let name = &relay.info().interface_name;
            numbers.extend(file.of(name, INBOUND).iter().map(|packet| packet.data[28]));
        }
        let first = 1_000 - numbers.len();
        let expected: Vec<u8> = (first..1_000).map(|number| number as u8).collect();
        assert_eq!(numbers, expected);
    });
}

#[test]
fn limits_and_filters_end_or_thin_a_capture() {
    in_namespace(|| {
        let folder = Folder::new("limits");
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let count = folder.file("count.pcapng");
        let counted =
            relay.capture(CaptureConfig { max_packets: Some(10), ..to_file(&count) }).unwrap();
        let size = folder.file("size.pcapng");
        let output = Output::File {
            path: size.clone(),
            overwrite: false,
            max_bytes: Some(MIN_FILE_BYTES),
            max_files: None,
        };
        let sized = relay.capture(CaptureConfig::new(output)).unwrap();
        // Packets whose byte 28 is 5: of each 256, one.
        let filter = Program::parse("4\n48 0 0 28\n21 0 1 5\n6 0 0 40\n6 0 0 0\n").unwrap();
        let thin = folder.file("thin.pcapng");
        let thinned =
            relay.capture(CaptureConfig { filter: Some(filter), ..to_file(&thin) }).unwrap();
        send_in(&relay, &peer, 512);
        eventually("the limits are reached", || counted.is_closed() && sized.is_closed());
        finish(&sized);
        finish(&counted);
        assert_eq!(pcapng::read(&fs::read(&count).unwrap()).packets.len(), 10);
        let bytes = fs::read(&size).unwrap();
        assert!(
            bytes.len() as u64 <= MIN_FILE_BYTES && bytes.len() as u64 > MIN_FILE_BYTES - 4_000
        );
        let stats = finish(&thinned);
        let file = pcapng::read(&fs::read(&thin).unwrap());
        assert_complete(&file, &stats, &relay.info().interface_name);
        let name = &relay.info().interface_name;
        // 40 bytes of the packet inside, the headers of the datagram in addition.
        let lengths = |name: &str| {
            file.of(name, INBOUND)
                .iter()
                .map(|p| (p.data.len(), p.original_len))
                .collect::<Vec<_>>()
        };
        assert_eq!(lengths(name), [(40, 1_028); 2]);
        assert_eq!(lengths("udp"), [(68, 1_056); 2]);
        assert_eq!(stats.inside_inbound.filtered, 510);
    });
}

#[test]
fn existing_files_and_impossible_options_are_refused() {
    in_namespace(|| {
        let folder = Folder::new("refused");
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let path = folder.file("kept.pcapng");
        fs::write(&path, "kept").unwrap();
        let error = relay.capture(to_file(&path)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Exists, "{error}");
        assert!(error.to_string().contains("overwrite"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"kept");
        let (max_bytes, max_files) = (None, None);
        let output = Output::File { path: path.clone(), overwrite: true, max_bytes, max_files };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        finish(&relay.capture(CaptureConfig::new(output)).unwrap());
        assert_eq!(pcapng::read(&fs::read(&path).unwrap()).interfaces.len(), 2);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let refused = |change: fn(&mut CaptureConfig)| -> Error {
            let mut config = to_file(&folder.file("never.pcapng"));
            change(&mut config);
            relay.capture(config).unwrap_err()
        };
        for error in [
            refused(|config| (config.inside, config.outside) = (false, false)),
            refused(|config| config.snap_length = 0),
            refused(|config| config.snap_length = 262_145),
            refused(|config| config.max_packets = Some(0)),
            refused(|config| config.buffer_bytes = 1_000),
            refused(|config| {
                if let Output::File { max_bytes, .. } = &mut config.output {
                    *max_bytes = Some(1_000);
                }
            }),
            refused(|config| {
                if let Output::File { max_files, .. } = &mut config.output {
                    *max_files = Some(2);
                }
            }),
        ] {
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        }
        assert_eq!(folder.names(), ["kept.pcapng"]);
        let error = relay.capture(to_file(&folder.file("no/folder.pcapng"))).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
        let error = relay.capture(to_file(&folder.0)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Exists, "{error}");
    });
}

#[test]
fn a_full_disk_ends_the_capture_with_its_error() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let full = || OwnedFd::from(File::options().write(true).open("/dev/full").unwrap());
        for (config, subject) in [
            (to_file("/dev/full".as_ref()), "/dev/full"),
            (CaptureConfig::new(Output::Descriptor(full())), "the descriptor"),
        ] {
            let capture = relay.capture(config).unwrap();
            eventually("the capture ends", || capture.is_closed());
            let error = capture.join().unwrap_err();
            assert_eq!(error.errno(), Some(libc::ENOSPC), "{error}");
            let text = error.to_string();
            assert!(text.starts_with(&format!("write the capture to {subject}: ")), "{text}");
        }
        send_in(&relay, &peer, 10);
        // A file system that becomes full.
        let folder = Folder::new("full");
        let path = folder.0.display().to_string();
        if !Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs", &path])
            .status()
            .is_ok_and(|s| s.success())
        {
            skip::because(Some("needs mount"));
            return;
        }
        let file = folder.file("full.pcapng");
        let capture = relay.capture(to_file(&file)).unwrap();
        send_in(&relay, &peer, 1_000);
        eventually("the capture ends", || capture.is_closed());
        let error = capture.join().unwrap_err();
        let bytes = fs::read(&file).unwrap();
        assert!(Command::new("umount").arg(&path).status().unwrap().success());
        assert_eq!(error.errno(), Some(libc::ENOSPC), "{error}");
        let found = pcapng::read(&bytes);
        assert_eq!(found.torn, 0);
        let stats = capture.stats();
        let captured: u64 = sides(&stats).iter().map(|side| side.captured).sum();
        assert_eq!(found.packets.len() as u64, captured, "{stats:?}");
        let [_, inside, _, outside] = sides(&stats);
        assert!(inside.left_out > 0 && outside.left_out > 0, "{stats:?}");
    });
}

#[test]
fn a_slow_reader_costs_packets_of_the_capture_and_not_of_the_relay() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut config = CaptureConfig::new(Output::Descriptor(OwnedFd::from(writer)));
        config.buffer_bytes = MIN_FILE_BYTES as usize;
        let capture = relay.capture(config).unwrap();
        // The first blocks come at once, without a packet.
        let mut first = [0; 12];
        reader.read_exact(&mut first).unwrap();
        assert_eq!(first[8..12], [0x4d, 0x3c, 0x2b, 0x1a]);
        send_in(&relay, &peer, 1_000);
        let stats = capture.stats();
        assert_eq!(stats.inside_inbound.packets, 1_000);
        assert!(stats.inside_inbound.left_out > 0, "{stats:?}");
        let rest = thread::spawn(move || {
            let mut bytes = first.to_vec();
            reader.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let stats = finish(&capture);
        let file = pcapng::read(&rest.join().unwrap());
        assert_complete(&file, &stats, &relay.info().interface_name);
    });
}

#[test]
fn a_reader_that_is_gone_or_reads_nothing_ends_the_capture_only() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let (reader, writer) = std::io::pipe().unwrap();
        let piped = relay.capture(CaptureConfig::new(Output::Descriptor(writer.into()))).unwrap();
        let (mine, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let sent = relay.capture(CaptureConfig::new(Output::Descriptor(theirs.into()))).unwrap();
        let (silent, writer) = std::io::pipe().unwrap();
        let stuck = relay.capture(CaptureConfig::new(Output::Descriptor(writer.into()))).unwrap();
        send_in(&relay, &peer, 500);
        drop((reader, mine));
        eventually("both end", || piped.is_closed() && sent.is_closed());
        piped.join().unwrap();
        sent.join().unwrap();
        send_in(&relay, &peer, 500);
        // Its output is not read, and the relay ends.
        relay.close();
        relay.join();
        assert!(stuck.is_closed());
        let stats = stuck.stats();
        assert_eq!(stats.inside_inbound.packets, 1_000);
        assert!(stats.inside_inbound.left_out > 0, "{stats:?}");
        drop(silent);
    });
}

#[test]
fn a_socket_whose_other_end_stops_sending_gets_the_rest() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let (mut mine, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let capture = relay.capture(CaptureConfig::new(Output::Descriptor(theirs.into()))).unwrap();
        send_in(&relay, &peer, 20);
        mine.shutdown(std::net::Shutdown::Write).unwrap();
        let mut bytes = Vec::new();
        mine.read_to_end(&mut bytes).unwrap();
        eventually("the capture ends", || capture.is_closed());
        let stats = finish(&capture);
        assert_complete(&pcapng::read(&bytes), &stats, &relay.info().interface_name);
        assert_eq!(stats.inside_inbound.captured, 20);
    });
}

#[test]
fn a_file_that_was_cut_anywhere_can_be_read() {
    in_namespace(|| {
        let folder = Folder::new("torn");
        let peer = loopback_socket();
        let relay = start(config(&peer, 1));
        let path = folder.file("torn.pcapng");
        let capture = relay.capture(to_file(&path)).unwrap();
        send_in(&relay, &peer, 3);
        finish(&capture);
        let bytes = fs::read(&path).unwrap();
        let all = pcapng::read(&bytes).packets.len();
        let mut last = 0;
        for len in 0..bytes.len() {
            let found = pcapng::read(&bytes[..len]).packets.len();
            assert!(found == last || found == last + 1);
            last = found;
        }
        assert_eq!(last, all);
    });
}
