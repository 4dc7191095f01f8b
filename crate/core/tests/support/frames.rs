//! A relay in the mode tap below a bridge, and frames for it.

use crate::namespace::ip;
use crate::plain_tun::PlainTun;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use tun2udp_core::packet::checksum::Sum;
use tun2udp_core::relay::{Mode, Relay, RelayConfig};

/// The stations of the frames that a test sends: no port of the bridge has them.
pub(crate) const HERE: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const THERE: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub(crate) const TAG: [u8; 4] = [0x81, 0, 0x20, 7];

pub(crate) fn config(peer: SocketAddr) -> RelayConfig {
    let config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0);
    RelayConfig { mode: Mode::Tap, addresses: Vec::new(), mtu: Some(1_500), ..config }
}

/// A relay below a bridge, and the observer's port of the bridge.
pub(crate) struct Bridged {
    pub(crate) relay: Relay,
    pub(crate) port: PlainTun,
}

impl Bridged {
    pub(crate) fn start(config: RelayConfig) -> Self {
        ip("link add br0 type bridge mcast_snooping 0");
        let port = PlainTun::open_tap("port0").unwrap();
        let relay = Relay::start(config, |_| ()).unwrap();
        for port in ["port0", &relay.info().interface_name] {
            ip(&format!("link set {port} up master br0"));
        }
        ip("link set br0 up");
        Self { relay, port }
    }

    /// Returns the next frame that leaves the bridge at the observer's port, and that `is_wanted`.
    pub(crate) fn next(&mut self, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            match self.port.read().unwrap() {
                Some(frame) if is_wanted(frame) => return frame.to_vec(),
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(1)),
            }
            assert!(Instant::now() < end, "no frame within 30 seconds");
        }
    }
}

pub(crate) fn peer_at(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    socket
}

/// Returns the next frame that the test sent. The kernel sends some of its own, such as IGMP reports.
pub(crate) fn receive(peer: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_535];
    loop {
        let len = peer.recv(&mut buffer).unwrap();
        if buffer[6..12] == HERE {
            buffer.truncate(len);
            return buffer;
        }
    }
}

/// Returns a frame to `destination` with this content behind its addresses.
pub(crate) fn frame(destination: [u8; 6], parts: &[&[u8]]) -> Vec<u8> {
    [&destination[..], &HERE, &parts.concat()].concat()
}

/// An IPv4 packet of UDP with a payload of `len` bytes, without a UDP checksum.
pub(crate) fn v4(len: usize, flags: u8, class: u8) -> Vec<u8> {
    let [high, low] = (28 + len as u16).to_be_bytes();
    let mut packet = vec![0x45, class, high, low, 0, 5, flags, 0, 64, 17, 0, 0];
    packet.extend([10, 9, 0, 1, 10, 9, 0, 2]);
    let checksum = Sum::of(&packet).checksum();
    packet[10..12].copy_from_slice(&checksum);
    let [high, low] = (8 + len as u16).to_be_bytes();
    packet.extend([0, 7, 0, 9, high, low, 0, 0]);
    packet.extend((0..len).map(|n| n as u8));
    packet
}

/// An IPv6 packet without a next header, of `len` bytes.
pub(crate) fn v6(len: usize) -> Vec<u8> {
    let [high, low] = (len as u16 - 40).to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, high, low, 59, 64];
    for host in [1, 2] {
        packet.extend([0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    packet.resize(len, 7);
    packet
}
