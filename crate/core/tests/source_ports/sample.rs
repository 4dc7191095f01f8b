//! Relays, sockets and numbered packets of the tests.

use crate::namespace::ip;
use crate::side::Side;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tun2udp_core::relay::RelayConfig;

/// Inner flows: one for each address behind the far relay.
pub(crate) const FLOWS: u8 = 48;
/// Consecutive packets of a flow, so that they form GSO batches.
pub(crate) const RUN: u32 = 4;
pub(crate) const ROUNDS: u32 = 60;
/// A limit that also a busy machine keeps.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn behind(flow: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 9, 128, flow)
}

pub(crate) fn endpoint(host: &str, port: u16) -> SocketAddr {
    SocketAddr::new(host.parse().unwrap(), port)
}

/// One end: its source ports and queues.
pub(crate) type End = (usize, usize);

/// The configuration of a relay of `address` to `peer`.
pub(crate) fn config(
    address: &str,
    peer: SocketAddr,
    source_ports: usize,
    queues: usize,
) -> RelayConfig {
    let address = format!("{address}/16").parse().unwrap();
    RelayConfig { source_ports, queues, ..RelayConfig::new(address, peer, 0) }
}

pub(crate) fn socket(address: impl Into<IpAddr>, port: u16) -> UdpSocket {
    let socket = UdpSocket::bind((address.into(), port)).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

/// Receives a datagram. The freezer of a machine that is suspended interrupts a receive with a time limit (signal(7)).
pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> (usize, SocketAddr) {
    loop {
        match socket.recv_from(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.unwrap(),
        }
    }
}

/// The payload of a packet, which is different for each one, and not of one length.
pub(crate) fn payload(flow: u8, number: u32) -> Vec<u8> {
    let len = if number.is_multiple_of(7) { 300 + usize::from(flow) } else { 1_000 };
    let seed = u32::from(flow) << 24 | number;
    (0..len as u32)
        .flat_map(|word| (seed ^ word.wrapping_mul(0x9e37_79b1)).to_be_bytes())
        .take(len)
        .collect()
}

/// Lets only the test send packets through interfaces that are created from now on.
pub(crate) fn silence() {
    fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
}

/// Connects two namespaces. The far one has all addresses of the flows.
pub(crate) fn connected() -> Side {
    let side = Side::connected();
    silence();
    side.run(|| {
        silence();
        ip("route add local 10.9.128.0/17 dev lo");
    });
    side
}

/// Returns the port that each flow came from. Every datagram must be the packet that was sent, and a flow have one port.
pub(crate) fn ports_of_flows(local: &UdpSocket, peer: &UdpSocket) -> BTreeMap<u8, u16> {
    let mut ports = BTreeMap::new();
    let mut buffer = [0; 2_000];
    for number in 0..6 {
        for flow in 0..FLOWS {
            let payload = payload(flow, number);
            local.send_to(&payload, (behind(flow), 7)).unwrap();
            let (len, source) = receive(peer, &mut buffer);
            assert_eq!(buffer[16..20], behind(flow).octets(), "the destination");
            assert!(buffer[28..len] == payload, "flow {flow}, packet {number}");
            let port = *ports.entry(flow).or_insert(source.port());
            assert_eq!(port, source.port(), "flow {flow}, packet {number}");
        }
    }
    ports
}
