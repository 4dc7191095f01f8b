//! ECN of packets and of their datagrams (RFC 6040). The kernel's VXLAN shows what must leave a tunnel.

#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/other_host.rs"]
mod other_host;
#[path = "support/running.rs"]
mod running;

use namespace::{eventually, in_namespace, ip, skip};
use other_host::OtherHost;
use running::{finish, start};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use tun2udp_core::packet::checksum::{Sum, pseudo_header};
use tun2udp_core::relay::{Dscp, Ecn, Relay, RelayConfig};
use tun2udp_core::sys::mmsg::ReceiveBatch;
use tun2udp_core::sys::socket::{SocketOption, set_option};

/// The port of the inner packets.
const PORT: u16 = 9;
const CE: u8 = 3;
/// DSCP 46 (EF), which must stay inside as it is.
const EF: u8 = 46 << 2;
const VXLAN_PORT: u16 = 4_789;
const VXLAN_MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

/// A UDP socket that reports the traffic class of each datagram.
struct Classes {
    socket: UdpSocket,
    batch: ReceiveBatch,
}

impl Classes {
    fn new(socket: UdpSocket) -> Self {
        let option = if socket.local_addr().unwrap().is_ipv4() {
            SocketOption::ReceiveTrafficClassV4
        } else {
            SocketOption::ReceiveTrafficClassV6
        };
        set_option(socket.as_fd(), option, 1).unwrap();
        Self { socket, batch: ReceiveBatch::new(1) }
    }

    /// Receives one datagram: its traffic class, and its payload.
    fn next(&mut self) -> (u8, Vec<u8>) {
        let Self { socket, batch } = self;
        eventually("a datagram", || batch.receive(socket.as_fd(), 1).is_ok());
        let received = batch.iter().next().unwrap();
        (received.class, batch.buffer()[received.range].to_vec())
    }
}

/// Returns a UDP packet to [`PORT`] with this traffic class and payload, with its checksums.
fn inner_packet(from: IpAddr, to: IpAddr, class: u8, payload: &[u8]) -> Vec<u8> {
    let udp_len = (8 + payload.len()) as u16;
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let addresses = [octets(from), octets(to)].concat();
    let mut packet = match from {
        IpAddr::V4(_) => {
            let [high, low] = (20 + udp_len).to_be_bytes();
            let mut header = vec![0x45, class, high, low, 0, 0, 0x40, 0, 64, 17, 0, 0];
            header.extend(&addresses);
            let checksum = Sum::of(&header).checksum();
            header[10..12].copy_from_slice(&checksum);
            header
        }
        IpAddr::V6(_) => {
            let [high, low] = udp_len.to_be_bytes();
            let mut header = vec![0x60 | class >> 4, class << 4, 0, 0, high, low, 17, 64];
            header.extend(&addresses);
            header
        }
    };
    let mut udp = [[0, 7], PORT.to_be_bytes(), udp_len.to_be_bytes(), [0, 0]].concat();
    udp.extend(payload);
    let sum = pseudo_header(17, udp.len()).and(Sum::of(&addresses)).and(Sum::of(&udp));
    udp[6..8].copy_from_slice(&sum.checksum());
    packet.append(&mut udp);
    packet
}

/// Returns the VXLAN datagram (RFC 7348, 5) with a frame that contains the packet.
fn vxlan(packet: &[u8], id: u8) -> Vec<u8> {
    let ether_type = if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    let header = [8, 0, 0, 0, 0, 0, id, 0];
    [&header[..], &VXLAN_MAC, &[2, 0, 0, 0, 0, 9], &ether_type, packet].concat()
}

/// A host that sends datagrams of any traffic class, and the addresses of both hosts.
struct Far {
    _host: OtherHost,
    socket: UdpSocket,
    near: IpAddr,
}

impl Far {
    fn new(near: &str, far: &str) -> Self {
        let host = OtherHost::connected("left0", "right0");
        let length = if near.contains(':') { "64 nodad" } else { "24" };
        ip(&format!("address add {near}/{length} dev left0"));
        host.ip(&format!("address add {far}/{length} dev right0"));
        let address: IpAddr = far.parse().unwrap();
        let socket = host.run(move || UdpSocket::bind((address, 0)).unwrap());
        Self { _host: host, socket, near: near.parse().unwrap() }
    }

    fn send(&self, class: u8, datagram: &[u8], port: u16) {
        let option = if self.near.is_ipv4() {
            SocketOption::TrafficClassV4
        } else {
            SocketOption::TrafficClassV6
        };
        set_option(self.socket.as_fd(), option, class.into()).unwrap();
        self.socket.send_to(datagram, (self.near, port)).unwrap();
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }
}

fn relay(far: &Far, change: impl FnOnce(&mut RelayConfig)) -> Relay {
    let mut config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), far.address(), 0);
    config.addresses.push("fd09::1/64".parse().unwrap());
    change(&mut config);
    start(config)
}

/// Returns the traffic class of the packet that leaves the tunnel; `None` if it is dropped. A second packet, which is
/// never dropped, shows that the first one would have arrived.
fn leaves(
    socket: &mut Classes,
    far: &Far,
    outer: u8,
    wrap: impl Fn(u8, &[u8]) -> (Vec<u8>, u16),
    inner: u8,
) -> Option<u8> {
    for (class, outer, payload) in [(inner, outer, b"marked"), (0, 0, b"second")] {
        let (datagram, port) = wrap(class, payload);
        far.send(outer, &datagram, port);
    }
    match socket.next() {
        (class, payload) if payload == b"marked" => {
            assert_eq!(socket.next().1, b"second");
            Some(class)
        }
        (_, payload) => {
            assert_eq!(payload, b"second");
            None
        }
    }
}

fn missing_vxlan() -> Option<String> {
    let add = "link add vx9 type vxlan id 9 dstport 4799";
    let output = Command::new("ip").args(add.split(' ')).output().ok()?;
    let _ = Command::new("ip").args(["link", "delete", "vx9"]).output();
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (!output.status.success()).then(|| format!("no VXLAN in this kernel: {text}"))
}

#[test]
fn all_pairs_leave_the_tunnel_as_they_leave_the_kernels_vxlan() {
    in_namespace(|| {
        if skip::because(missing_vxlan()) {
            return;
        }
        for (near, remote) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
            let far = Far::new(near, remote);
            let ends = format!("local {near} remote {remote} dstport {VXLAN_PORT} dev left0");
            ip(&format!("link add vx7 address 02:00:00:00:00:07 type vxlan id 7 {ends}"));
            ip("address add 10.8.0.1/24 dev vx7");
            ip("address add fd08::1/64 dev vx7 nodad");
            ip("link set vx7 up");
            let relay = relay(&far, |_| {});
            let port = relay.info().local.port();
            let mut changed = 0;
            for (any, in_vxlan, in_relay) in [
                ("0.0.0.0", ["10.8.0.2", "10.8.0.1"], ["10.9.0.2", "10.9.0.1"]),
                ("::", ["fd08::2", "fd08::1"], ["fd09::2", "fd09::1"]),
            ] {
                let packet = |ends: [&str; 2], class: u8, payload: &[u8]| {
                    let [from, to] = ends.map(|end| end.parse().unwrap());
                    inner_packet(from, to, class, payload)
                };
                // The child of another test may have the last socket, until it executes its program.
                let (any, mut socket) = (any.parse::<IpAddr>().unwrap(), None);
                eventually("the port is free", || {
                    socket = UdpSocket::bind((any, PORT)).ok();
                    socket.is_some()
                });
                let mut socket = Classes::new(socket.unwrap());
                for (inner, outer) in (0..16_u8).map(|pair| (EF | pair >> 2, pair & 3)) {
                    let by_kernel = leaves(
                        &mut socket,
                        &far,
                        outer,
                        |class, payload| (vxlan(&packet(in_vxlan, class, payload), 7), VXLAN_PORT),
                        inner,
                    );
                    let by_relay = leaves(
                        &mut socket,
                        &far,
                        outer,
                        |class, payload| (packet(in_relay, class, payload), port),
                        inner,
                    );
                    let pair = format!("inner {inner:#x}, outer {outer}, over {near} in {any}");
                    assert_eq!(by_relay, by_kernel, "{pair}");
                    assert_eq!(by_relay.is_none(), inner & 3 == 0 && outer == CE, "{pair}");
                    changed += u64::from(by_relay.is_some_and(|class| class != inner));
                }
            }
            let stats = finish(&relay);
            assert_eq!(stats.inbound.not_ecn_capable, 2, "{stats:?}");
            // For each family: CE on ECT(0) and ECT(1), ECT(1) on ECT(0).
            assert_eq!((stats.inbound.ecn_marks, changed), (6, 6), "{stats:?}");
            ip("link delete vx7");
            ip("link delete left0");
        }
    });
}

#[test]
fn a_datagram_has_the_ecn_of_its_packet_and_the_dscp_of_the_option() {
    in_namespace(|| {
        for (near, remote) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
            let far = Far::new(near, remote);
            let mut outside = Classes::new(far.socket.try_clone().unwrap());
            for (dscp, ecn) in [
                (Dscp::Fixed(0), Ecn::Copy),
                (Dscp::Fixed(0), Ecn::Off),
                (Dscp::Fixed(10), Ecn::Copy),
                (Dscp::Fixed(63), Ecn::Off),
                (Dscp::Inherit, Ecn::Copy),
                (Dscp::Inherit, Ecn::Off),
            ] {
                let relay = relay(&far, |config| (config.dscp, config.ecn) = (dscp, ecn));
                for (from, to) in [("10.9.0.1", "10.9.0.2"), ("fd09::1", "fd09::2")] {
                    let (from, to): (IpAddr, IpAddr) = (from.parse().unwrap(), to.parse().unwrap());
                    let inside = UdpSocket::bind((from, 0)).unwrap();
                    let option = if from.is_ipv4() {
                        SocketOption::TrafficClassV4
                    } else {
                        SocketOption::TrafficClassV6
                    };
                    for inner in [0, 1, 2, 3, EF, EF | 1, EF | 2, EF | 3, 0xff] {
                        set_option(inside.as_fd(), option, inner.into()).unwrap();
                        inside.send_to(b"a packet", (to, PORT)).unwrap();
                        let expected_dscp = match dscp {
                            Dscp::Fixed(dscp) => dscp << 2,
                            Dscp::Inherit => inner & 0xfc,
                        };
                        let expected_ecn = if ecn == Ecn::Copy { inner & 3 } else { 0 };
                        let (class, packet) = outside.next();
                        assert!(packet.ends_with(b"a packet"));
                        let pair = format!("{dscp:?} {ecn:?} {inner:#x} {from} over {near}");
                        assert_eq!(class, expected_dscp | expected_ecn, "{pair}");
                    }
                }
                finish(&relay);
            }
            ip("link delete left0");
        }
    });
}

/// Datagrams of different classes that wait together: no GSO batch mixes them, and each packet keeps its own.
#[test]
fn a_burst_of_mixed_classes_keeps_each_of_them() {
    in_namespace(|| {
        let far = Far::new("192.0.2.1", "192.0.2.2");
        let mut outside = Classes::new(far.socket.try_clone().unwrap());
        let relay = relay(&far, |config| config.dscp = Dscp::Inherit);
        let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
        let classes = (0..240_u8).map(|number| number & 0x3c | ((number / 7) & 3));
        for (number, class) in classes.clone().enumerate() {
            set_option(inside.as_fd(), SocketOption::TrafficClassV4, class.into()).unwrap();
            inside.send_to(&[number as u8; 200], "10.9.0.2:9").unwrap();
            if number % 60 == 59 {
                for (number, class) in classes.clone().enumerate().skip(number - 59).take(60) {
                    let (outer, packet) = outside.next();
                    assert_eq!((outer, packet[1], packet[28]), (class, class, number as u8));
                }
            }
        }
        // The other way: each of them has another mark.
        let mut inner = Classes::new(UdpSocket::bind("10.9.0.1:9").unwrap());
        let [from, to] = ["10.9.0.2", "10.9.0.1"].map(|end| end.parse().unwrap());
        let outers = (0..60_u8).map(|number| (number / 3) & 3);
        for (number, outer) in outers.clone().enumerate() {
            far.send(
                outer,
                &inner_packet(from, to, 2, &[number as u8; 200]),
                relay.info().local.port(),
            );
        }
        for (number, outer) in outers.enumerate() {
            let expected = [2, 1, 2, 3][usize::from(outer)];
            let (class, payload) = inner.next();
            assert_eq!((class, payload), (expected, vec![number as u8; 200]), "{number} {outer}");
        }
        let stats = finish(&relay);
        assert_eq!(stats.inbound.packets_written, 60, "{stats:?}");
    });
}
