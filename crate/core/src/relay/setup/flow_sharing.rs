//! Decides which queue handles a packet: by its flow, in both directions, so packets of a flow do not overtake each
//! other.
//!
//! The kernel would choose the queue of a datagram by the datagram's own addresses and ports, which are the same for
//! all datagrams of a peer. It would choose the queue of an interface's packet with a hash that also covers the
//! headers inside tunnels. So a program of the relay examines the packet and computes the same as [`flow::hash`].

use crate::bpf::{self, Instruction};
use crate::device::TunDevice;
use crate::error::{Error, Result};
use crate::packet::flow;
use crate::udp::UdpEndpoint;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

/// The flows that a queue handles.
#[derive(Clone, Copy, Debug)]
pub(in crate::relay) struct FlowShare {
    /// The number of the queue.
    pub(in crate::relay) number: usize,
    /// The number of queues.
    pub(in crate::relay) queues: usize,
}

impl FlowShare {
    /// Every flow: the share of a single queue.
    pub(in crate::relay) const ALL: Self = Self { number: 0, queues: 1 };

    /// Returns whether this queue handles `packet`.
    pub(in crate::relay) fn has(self, packet: &[u8]) -> bool {
        self.queues == 1
            || usize::from(flow::hash(packet)).checked_rem(self.queues) == Some(self.number)
    }
}

/// A persistent device with a program of the relay. The program is removed when this is dropped.
#[derive(Debug)]
pub(in crate::relay) struct SteeredDevice(Arc<TunDevice>);

impl SteeredDevice {
    /// Returns the device if it is persistent. A device that is not persistent is deleted together with its program.
    pub(super) fn of(device: &Arc<TunDevice>) -> Option<Self> {
        device.is_persistent().then(|| Self(Arc::clone(device)))
    }
}

impl Drop for SteeredDevice {
    fn drop(&mut self) {
        let _ = self.0.set_steering(None);
    }
}

/// Returns whether the kernel lets this process load a program that distributes packets over queues.
pub(super) fn can_steer_packets() -> bool {
    bpf::load(&bpf::by_flow(1)).is_ok()
}

/// Distributes datagrams for the port of `endpoints` over these sockets, which were bound in this order.
pub(super) fn steer_datagrams(endpoints: &[UdpEndpoint]) -> Result<()> {
    let Some(first) = endpoints.first() else { return Ok(()) };
    bpf::attach_reuseport(first.as_fd(), &bpf::by_flow(endpoints.len())).map_err(|e| {
        let subject = first.local().to_string();
        Error::os("share between queues the port", subject, "setsockopt", &e)
            .with_advice("use one queue")
    })
}

/// Makes the first of the sockets receive all datagrams from now on. `endpoint` may be any of them.
pub(in crate::relay) fn redirect_datagrams(endpoint: &UdpEndpoint) -> io::Result<()> {
    bpf::attach_reuseport(endpoint.as_fd(), &[Instruction::Return(0)])
}

/// Distributes packets of the interface over its queues, which were attached in the order of `devices`. If the kernel
/// refuses this, it distributes them by its own hash of the flow.
pub(super) fn steer_packets(devices: &[Arc<TunDevice>]) -> io::Result<()> {
    let Some(first) = devices.first() else { return Ok(()) };
    first.set_steering(Some(bpf::load(&bpf::by_flow(devices.len()))?.as_fd()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::Sample;
    use crate::udp::{PathMtuDiscovery, UdpOptions};
    use std::net::{SocketAddr, UdpSocket};

    const QUEUES: usize = 5;

    fn options(listen: SocketAddr) -> UdpOptions<'static> {
        UdpOptions {
            listen,
            wants_gro: false,
            buffer_bytes: 1 << 16,
            path_mtu: PathMtuDiscovery::default(),
            mark: 0,
            device: None,
            class: 0,
        }
    }

    fn endpoints() -> Vec<UdpEndpoint> {
        let listen = "127.0.0.1:0".parse().unwrap();
        let options = options(listen);
        let endpoints = UdpEndpoint::bind_queues(&options, QUEUES).unwrap();
        steer_datagrams(&endpoints).unwrap();
        endpoints
    }

    /// Returns the number of the socket that has a datagram to read.
    fn receiver_of(endpoints: &[UdpEndpoint]) -> Option<usize> {
        let mut buffer = [0; 2_000];
        let mut received = endpoints
            .iter()
            .map(|endpoint| crate::sys::io::read(endpoint.as_fd(), &mut buffer).is_ok());
        received.position(|is_received| is_received)
    }

    #[test]
    fn the_kernel_chooses_as_the_flow_number_does() {
        let endpoints = endpoints();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut packets = vec![b"\x45".to_vec(), b"\x60\x00".to_vec(), b"\x00\x01".to_vec()];
        for flow in 0..24 {
            for (is_v6, is_udp) in [(false, false), (false, true), (true, false), (true, true)] {
                packets.push(Sample { flow, is_v6, is_udp, ..Sample::tcp(1, b"x") }.bytes());
            }
            let mut fragment = Sample { flow, ..Sample::tcp(1, b"x") }.bytes();
            fragment[6] = 0x20;
            packets.push(fragment.clone());
            // The bytes before the TCP header are options, which must not be taken for its ports.
            fragment[6] = 0;
            fragment[0] = 0x46;
            fragment.splice(20..20, [1, 1, 1, 0]);
            packets.push(fragment);
            // The length in the header is too small for a header.
            let mut malformed = Sample { flow, ..Sample::tcp(1, b"x") }.bytes();
            malformed[0] = 0x44;
            packets.push(malformed);
        }
        for packet in packets {
            sender.send_to(&packet, endpoints[0].local()).unwrap();
            let expected = usize::from(flow::hash(&packet)) % QUEUES;
            assert_eq!(receiver_of(&endpoints), Some(expected), "{packet:x?}");
        }
    }

    #[test]
    fn the_first_receives_all_once_datagrams_are_redirected() {
        let endpoints = endpoints();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        redirect_datagrams(&endpoints[3]).unwrap();
        for flow in 0..24 {
            let packet = Sample { flow, ..Sample::tcp(1, b"x") }.bytes();
            sender.send_to(&packet, endpoints[0].local()).unwrap();
            assert_eq!(receiver_of(&endpoints), Some(0), "flow {flow}");
        }
    }

    #[test]
    fn every_packet_is_of_one_share() {
        for flow in 0..24 {
            let packet = Sample { flow, ..Sample::tcp(1, b"x") }.bytes();
            let of = |number| FlowShare { number, queues: QUEUES }.has(&packet);
            assert_eq!((0..QUEUES).filter(|number| of(*number)).count(), 1);
            assert!(FlowShare::ALL.has(&packet));
        }
    }

    #[test]
    fn a_port_that_is_taken_is_not_shared() {
        let endpoints = endpoints();
        let listen = endpoints[0].local();
        let options = options(listen);
        for queues in [1, 2] {
            let error = UdpEndpoint::bind_queues(&options, queues).unwrap_err();
            assert_eq!(error.code(), crate::ErrorCode::AddressInUse, "{queues} queues");
        }
    }
}
