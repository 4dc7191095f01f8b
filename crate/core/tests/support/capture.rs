//! Captures of relays, and traffic for them.

use super::inner;
use super::namespace::eventually;
use super::pcapng;
use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tun2udp_core::capture::{Capture, CaptureConfig, CaptureStats, Output, SideStats};
use tun2udp_core::relay::{Relay, RelayConfig};

pub(crate) const INBOUND: u32 = 1;
pub(crate) const OUTBOUND: u32 = 2;

/// A folder of one test, which is removed with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tun2udp-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn to_file(path: &std::path::Path) -> CaptureConfig {
    let path = path.to_owned();
    CaptureConfig::new(Output::File { path, overwrite: false, max_bytes: None, max_files: None })
}

pub(crate) fn config(peer: &UdpSocket, queues: usize) -> RelayConfig {
    let address = "10.9.0.1/24".parse().unwrap();
    RelayConfig { queues, ..RelayConfig::new(address, peer.local_addr().unwrap(), 0) }
}

/// Ends a capture and checks its sums.
pub(crate) fn finish(capture: &Capture) -> CaptureStats {
    capture.close();
    capture.join().unwrap();
    let stats = capture.stats();
    for side in sides(&stats) {
        assert_eq!(side.packets, side.captured + side.filtered + side.left_out, "{stats:?}");
        assert_eq!(side.packets, side.relay, "{stats:?}");
    }
    stats
}

pub(crate) fn sides(stats: &CaptureStats) -> [SideStats; 4] {
    let CaptureStats { inside_outbound, inside_inbound, .. } = *stats;
    [inside_outbound, inside_inbound, stats.outside_outbound, stats.outside_inbound]
}

/// Checks that a file has the packets and statistics of the counts.
pub(crate) fn assert_complete(file: &pcapng::File, stats: &CaptureStats, name: &str) {
    assert_eq!(file.torn, 0);
    let [a, b, c, d] = sides(stats);
    let counts =
        [(name, OUTBOUND, a), (name, INBOUND, b), ("udp", OUTBOUND, c), ("udp", INBOUND, d)];
    for (name, direction, side) in counts {
        assert_eq!(file.of(name, direction).len() as u64, side.captured, "{name} {direction}");
    }
    for (number, [x, y]) in [[a, b], [c, d]].into_iter().enumerate() {
        let found = &file.statistics[&number];
        assert_eq!(found[&4], x.packets + y.packets);
        assert_eq!(found[&5], x.left_out + y.left_out);
        assert_eq!(found[&6], x.packets + y.packets - x.filtered - y.filtered);
        assert_eq!(found[&8], x.captured + y.captured);
    }
}

/// Sends packets both ways until `stop` is set, as fast as it can.
pub(crate) fn flood<'s>(
    scope: &'s thread::Scope<'s, '_>,
    relay: &Relay,
    peer: &UdpSocket,
    stop: &Arc<AtomicBool>,
) {
    let (peer, local) = (peer.try_clone().unwrap(), relay.info().local);
    for source in 2..4_u8 {
        let (peer, stop) = (peer.try_clone().unwrap(), stop);
        let ended = Arc::clone(stop);
        scope.spawn(move || {
            let packet = inner::udp_packet(source, &[source; 900]);
            while !ended.load(Ordering::Relaxed) {
                let _ = peer.send_to(&packet, local);
            }
        });
        let stop = Arc::clone(stop);
        let inside = UdpSocket::bind(("10.9.0.1", 1_000 + u16::from(source))).unwrap();
        scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let _ = inside.send_to(&[source; 900], "10.9.0.2:7");
            }
        });
    }
}

/// Sends numbered packets from the peer, and waits until the relay has written them.
pub(crate) fn send_in(relay: &Relay, peer: &UdpSocket, count: u64) {
    let before = relay.stats().inbound.packets_written;
    for number in 0..count {
        let packet = inner::udp_packet(2, &[number as u8; 1_000]);
        peer.send_to(&packet, relay.info().local).unwrap();
        if number % 64 == 63 || number + 1 == count {
            eventually("packets are written", || {
                relay.stats().inbound.packets_written == before + number + 1
            });
        }
    }
}
