//! Packets in captures of a relay, read back with a reader of the tests and with Wireshark's.

use crate::capture::{
    Folder, INBOUND, OUTBOUND, assert_complete, config, finish, flood, sides, to_file,
};
use crate::inner;
use crate::inside;
use crate::namespace::{eventually, in_namespace, loopback_socket, skip};
use crate::pcapng;
use crate::running::start;
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tun2udp_core::ErrorCode;
use tun2udp_core::capture::MIN_FILE_BYTES;
use tun2udp_core::packet::keepalive::KEEPALIVE;
use tun2udp_core::relay::{PeerConfig, Relay, RelayConfig};

/// Sends a packet for each cause, both ways, and waits until all are counted. Returns the one that is written.
fn send_each(relay: &Relay, peer: &UdpSocket, foreign: &UdpSocket) -> Vec<u8> {
    let local = relay.info().local;
    let inside = inside::socket();
    inside.send_to(b"out", "10.9.0.2:7").unwrap();
    inside.send_to(b"nowhere", "10.20.0.1:7").unwrap();
    let good = inner::udp_packet(2, b"in");
    peer.send_to(&good, local).unwrap();
    peer.send_to(&[], local).unwrap();
    peer.send_to(b"\x10 no IP", local).unwrap();
    peer.send_to(&KEEPALIVE, local).unwrap();
    let mut elsewhere = inner::udp_packet(2, b"in");
    elsewhere[12..16].copy_from_slice(&[10, 20, 0, 1]);
    peer.send_to(&elsewhere, local).unwrap();
    foreign.send_to(&good, local).unwrap();
    eventually("all are counted", || {
        let stats = relay.stats();
        stats.inbound.datagrams_received == 5
            && stats.inbound.keepalives_received == 1
            && stats.outbound.packets_read == 2
            && stats.outbound.replies_written == 1
    });
    good
}

#[test]
fn packets_and_datagrams_are_captured_with_their_cause() {
    in_namespace(|| {
        let folder = Folder::new("causes");
        let (peer, foreign) = (loopback_socket(), UdpSocket::bind(("127.0.0.2", 0)).unwrap());
        let mut config = config(&peer, 1);
        config.allowed_prefixes = vec!["10.9.0.0/24".parse().unwrap()];
        config.routes.push("10.20.0.0/16".parse().unwrap());
        let relay = start(config);
        let path = folder.file("all.pcapng");
        let capture = relay.capture(to_file(&path)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let good = send_each(&relay, &peer, &foreign);
        let local = relay.info().local;
        let stats = finish(&capture);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(stats.bytes, bytes.len() as u64);
        let file = pcapng::read(&bytes);
        assert_eq!(file.application, "tun2udp 0.1.0");
        let name = relay.info().interface_name.clone();
        assert_complete(&file, &stats, &name);
        assert_eq!(file.interfaces.iter().map(|i| i.link).collect::<Vec<_>>(), [101, 101]);
        let comments = |name: &str, direction| {
            let comments = file.of(name, direction).into_iter();
            let mut comments: Vec<_> =
                comments.map(|packet| packet.comment.clone().unwrap_or_default()).collect();
            comments.sort();
            comments
        };
        assert_eq!(comments(&name, OUTBOUND), ["", "dropped: noPeer"]);
        assert_eq!(comments(&name, INBOUND), ["", "ICMP error of the relay"]);
        assert_eq!(comments("udp", OUTBOUND), [""]);
        let dropped = ["empty", "foreignPrefix", "foreignSource", "notIp"];
        let mut expected: Vec<String> = dropped.map(|cause| format!("dropped: {cause}")).into();
        expected.extend(["".to_owned(), "keepalive".to_owned()]);
        expected.sort();
        assert_eq!(comments("udp", INBOUND), expected);
        let datagrams = file.of("udp", INBOUND);
        let received = datagrams.iter().find(|packet| packet.comment.is_none()).unwrap();
        assert_eq!(received.data[28..], good);
        assert_eq!(received.data[12..20], [127, 0, 0, 1, 127, 0, 0, 1]);
        let ports = [peer.local_addr().unwrap().port(), local.port()].map(u16::to_be_bytes);
        assert_eq!(received.data[20..24], ports.concat());
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        assert!(
            file.packets
                .iter()
                .all(|packet| packet.time <= now && now - packet.time < 3_600_000_000_000)
        );
        relay.close();
        relay.join();
        wireshark_reads(&path, file.packets.len());
    });
}

/// Checks with Wireshark's tools that a file is valid, and that the checksums of the outer headers are right.
fn wireshark_reads(path: &std::path::Path, packets: usize) {
    let arguments = ["-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-r"];
    let output = Command::new("tshark")
        .args(arguments)
        .arg(path)
        .args(["-T", "fields", "-E", "occurrence=f"])
        .args([
            "-e",
            "frame.number",
            "-e",
            "ip.checksum.status",
            "-e",
            "udp.checksum.status",
            "-e",
            "frame.packet_flags_direction",
        ])
        .output();
    let Ok(output) = output else {
        skip::because(Some("needs tshark"));
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), packets, "{text}");
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        // 0: bad, 1: good, 2: unverified, 3: not present.
        assert!(fields[1] != "0" && fields[2] != "0", "{line}");
        assert!(!fields[3].is_empty(), "{line}");
    }
}

#[test]
fn captured_and_left_out_packets_are_those_of_the_counters() {
    in_namespace(|| {
        let folder = Folder::new("full-load");
        for queues in [1, 3] {
            let peer = loopback_socket();
            let relay = start(config(&peer, queues));
            let whole = folder.file(&format!("whole-{queues}.pcapng"));
            let before = relay.stats();
            let first = relay.capture(to_file(&whole)).unwrap();
            let stop = Arc::new(AtomicBool::new(false));
            thread::scope(|scope| {
                flood(scope, &relay, &peer, &stop);
                // Captures that start and end under traffic, some of which leave packets out.
                for number in 0..8 {
                    let path = folder.file(&format!("part-{queues}-{number}.pcapng"));
                    let mut config = to_file(&path);
                    config.buffer_bytes = MIN_FILE_BYTES as usize;
                    config.snap_length = 100;
                    let part = relay.capture(config).unwrap();
                    thread::sleep(Duration::from_millis(30));
                    let stats = finish(&part);
                    let file = pcapng::read(&fs::read(&path).unwrap());
                    assert_complete(&file, &stats, &relay.info().interface_name);
                    assert!(file.packets.iter().all(|packet| packet.data.len() <= 100));
                    fs::remove_file(path).unwrap();
                }
                stop.store(true, Ordering::Relaxed);
            });
            // The last packets are moved.
            let mut last = relay.stats();
            eventually("the relay is idle", || {
                thread::sleep(Duration::from_millis(50));
                let is_idle = relay.stats() == last;
                last = relay.stats();
                is_idle
            });
            let stats = finish(&first);
            let [a, b, c, d] = sides(&stats).map(|side| side.captured + side.left_out);
            let (outbound, inbound) = (last.outbound, last.inbound);
            assert_eq!(a, outbound.packets_read - before.outbound.packets_read);
            assert_eq!(b, inbound.packets_written - before.inbound.packets_written);
            assert_eq!(c, outbound.datagrams_sent - before.outbound.datagrams_sent);
            assert_eq!(d, inbound.datagrams_received - before.inbound.datagrams_received);
            assert!(a > 0 && d > 0, "{stats:?}");
            let file = pcapng::read(&fs::read(&whole).unwrap());
            assert_complete(&file, &stats, &relay.info().interface_name);
            fs::remove_file(whole).unwrap();
        }
    });
}

#[test]
fn frames_and_packets_over_ipv6_are_readable() {
    in_namespace(|| {
        let folder = Folder::new("families");
        let peer = UdpSocket::bind("[::1]:0").unwrap();
        let address = "10.9.0.1/24".parse().unwrap();
        let mut config = RelayConfig::new(address, peer.local_addr().unwrap(), 0);
        config.mode = tun2udp_core::relay::Mode::Tap;
        let relay = start(config);
        let path = folder.file("frames.pcapng");
        let capture = relay.capture(to_file(&path)).unwrap();
        let inside = inside::socket();
        inside.send_to(b"who has", "10.9.0.2:7").unwrap();
        eventually("a frame is sent", || relay.stats().outbound.datagrams_sent > 0);
        let stats = finish(&capture);
        let file = pcapng::read(&fs::read(&path).unwrap());
        assert_complete(&file, &stats, &relay.info().interface_name);
        assert_eq!(file.interfaces.iter().map(|i| i.link).collect::<Vec<_>>(), [1, 101]);
        let datagram = file.of("udp", OUTBOUND)[0];
        assert_eq!(datagram.data[0] >> 4, 6);
        wireshark_reads(&path, file.packets.len());
    });
}

#[test]
fn several_peers_have_their_endpoints() {
    in_namespace(|| {
        let folder = Folder::new("peers");
        let (first, second) = (loopback_socket(), loopback_socket());
        let peer = |socket: &UdpSocket, network: &str| {
            PeerConfig::new(socket.local_addr().unwrap(), vec![network.parse().unwrap()])
        };
        let peers = vec![peer(&first, "10.9.0.2/32"), peer(&second, "10.9.0.3/32")];
        let config = RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), peers, 0).unwrap();
        let relay = start(config);
        let path = folder.file("peers.pcapng");
        let capture = relay.capture(to_file(&path)).unwrap();
        let inside = inside::socket();
        for (to, socket) in [("10.9.0.2:7", &first), ("10.9.0.3:7", &second)] {
            inside.send_to(b"out", to).unwrap();
            socket.recv(&mut [0; 100]).unwrap();
        }
        let stats = finish(&capture);
        let file = pcapng::read(&fs::read(&path).unwrap());
        assert_complete(&file, &stats, &relay.info().interface_name);
        let mut datagrams = file.of("udp", OUTBOUND);
        datagrams.sort_by_key(|packet| packet.time);
        let ports: Vec<_> = datagrams
            .iter()
            .map(|packet| u16::from_be_bytes([packet.data[22], packet.data[23]]))
            .collect();
        let expected = [&first, &second].map(|socket| socket.local_addr().unwrap().port());
        assert_eq!(ports, expected);
    });
}

#[test]
fn a_relay_that_ends_under_traffic_ends_its_captures() {
    in_namespace(|| {
        let folder = Folder::new("end");
        let peer = loopback_socket();
        let relay = start(config(&peer, 2));
        let path = folder.file("end.pcapng");
        let capture = relay.capture(to_file(&path)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        thread::scope(|scope| {
            flood(scope, &relay, &peer, &stop);
            eventually("packets are moved", || relay.stats().inbound.packets_written > 1_000);
            relay.close();
            relay.join();
            stop.store(true, Ordering::Relaxed);
        });
        assert!(capture.is_closed());
        let stats = finish(&capture);
        let file = pcapng::read(&fs::read(&path).unwrap());
        assert_complete(&file, &stats, &relay.info().interface_name);
        let last = relay.stats();
        assert_eq!(stats.inside_outbound.packets, last.outbound.packets_read);
        let error = relay.capture(to_file(&folder.file("late.pcapng"))).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Closed);
        assert_eq!(folder.names(), ["end.pcapng"]);
    });
}
