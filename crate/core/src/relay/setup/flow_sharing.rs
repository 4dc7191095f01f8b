//! Decides which queue handles a packet, so that packets of a flow do not overtake each other.
//!
//! The kernel would choose the queue of an interface's packet with a hash that also covers the headers inside tunnels.
//! So a program of the relay examines the packet and computes the same as [`flow::hash_of`].
//!
//! The kernel would choose the queue of a datagram with a hash of the datagram's addresses and ports. Instead a program
//! chooses it by the same inner flow, so that a queue handles both directions of the flow. If the kernel joins
//! datagrams of different flows, which it does if they come from a network, a program chooses the queue by the
//! source. Unlike the kernel's hash, it gives consecutive ports to consecutive queues. So a relay with as many queues
//! at the other end, which chooses the port by flow, chooses the queue here too.

use crate::bpf::{self, Instruction};
use crate::device::TunDevice;
use crate::error::{Error, Result};
use crate::packet::flow;
use crate::packet::layer::Layer;
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

    /// Returns whether this queue handles `packet`, which is of this layer.
    pub(in crate::relay) fn has(self, packet: &[u8], layer: Layer) -> bool {
        let number = || usize::from(flow::hash_of(layer, packet)).checked_rem(self.queues);
        self.queues == 1 || number() == Some(self.number)
    }
}

/// A persistent device with a program of the relay. The program is removed when this is dropped, unless another relay
/// uses the device.
#[derive(Debug)]
pub(in crate::relay) struct SteeredDevice {
    device: Arc<TunDevice>,
    is_kept: bool,
}

impl SteeredDevice {
    /// Returns the device if it is persistent. A device that is not persistent is deleted together with its program.
    pub(super) fn of(device: &Arc<TunDevice>) -> Option<Self> {
        let steered = || Self { device: Arc::clone(device), is_kept: false };
        device.is_persistent().then(steered)
    }

    /// Sets whether the program is kept, because another relay uses the device.
    pub(in crate::relay) fn keep(&mut self, is_kept: bool) {
        self.is_kept = is_kept;
    }
}

impl Drop for SteeredDevice {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = self.device.set_steering(None);
        }
    }
}

/// How a relay distributes packets and datagrams over its queues.
#[derive(Clone, Copy, Debug)]
pub(in crate::relay) struct Distribution {
    pub(super) steering: Steering,
    pub(super) layer: Layer,
}

impl Distribution {
    /// Distributes packets over the queues of `devices`, and datagrams over as many sockets, of which `first` are those of
    /// the first queue, one per address family. If this process may not load a program, the one that the device has stays.
    pub(in crate::relay) fn apply<'a>(
        self,
        devices: &[Arc<TunDevice>],
        mut first: impl Iterator<Item = &'a UdpEndpoint>,
    ) -> Result<()> {
        if devices.len() < 2 {
            return Ok(());
        }
        let _ = steer_packets(devices);
        first.try_for_each(|socket| self.steer_datagrams_at(socket, devices.len()))
    }

    /// Distributes datagrams for the port of `first` over `queues` sockets, of which it is the first that was bound.
    pub(super) fn steer_datagrams_at(self, first: &UdpEndpoint, queues: usize) -> Result<()> {
        let program = match self.steering {
            Steering::Flow => bpf::by_flow(queues, self.layer),
            Steering::SourcePort => bpf::by_source(queues, false),
            Steering::Source => bpf::by_source(queues, true),
        };
        bpf::attach_reuseport(first.as_fd(), &program).map_err(|e| {
            let subject = first.local().to_string();
            Error::os("share between queues the port", subject, "setsockopt", &e)
                .with_advice("use one queue")
        })
    }
}

/// Returns whether the kernel lets this process load a program that distributes packets of this layer over queues.
pub(super) fn can_steer_packets(layer: Layer) -> bool {
    bpf::load(&bpf::by_flow(1, layer)).is_ok()
}

/// The property that chooses the queue of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steering {
    /// The inner flow.
    Flow,
    /// The source port.
    SourcePort,
    /// The source address and port.
    Source,
}

/// Distributes datagrams for the port of `endpoints` over these sockets, which were bound in this order.
pub(super) fn steer_datagrams(endpoints: &[UdpEndpoint], distribution: Distribution) -> Result<()> {
    let Some(first) = endpoints.first() else { return Ok(()) };
    distribution.steer_datagrams_at(first, endpoints.len())
}

/// Makes the first of the sockets receive all datagrams from now on. `endpoint` may be any of them.
pub(in crate::relay) fn redirect_datagrams(endpoint: &UdpEndpoint) -> io::Result<()> {
    bpf::attach_reuseport(endpoint.as_fd(), &[Instruction::Return(0)])
}

/// Distributes packets of the interface over its queues, which were attached in the order of `devices`. If the kernel
/// refuses this, it distributes them by its own hash of the flow.
pub(super) fn steer_packets(devices: &[Arc<TunDevice>]) -> io::Result<()> {
    let Some(first) = devices.first() else { return Ok(()) };
    let program = bpf::by_flow(devices.len(), first.layer());
    first.set_steering(Some(bpf::load(&program)?.as_fd()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::Sample;
    use crate::udp::{PathMtuDiscovery, UdpOptions};
    use std::collections::{BTreeMap, BTreeSet};
    use std::net::{IpAddr, SocketAddr, UdpSocket};

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
        endpoints_at("127.0.0.1", Steering::Flow)
    }

    fn endpoints_at(host: &str, steering: Steering) -> Vec<UdpEndpoint> {
        let options = options((host.parse::<IpAddr>().unwrap(), 0).into());
        let endpoints = UdpEndpoint::bind_queues(&options, QUEUES).unwrap();
        steer_datagrams(&endpoints, Distribution { steering, layer: Layer::Ip }).unwrap();
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
    fn the_kernel_chooses_for_frames_as_the_flow_number_does() {
        let options = options("127.0.0.1:0".parse().unwrap());
        let endpoints = UdpEndpoint::bind_queues(&options, QUEUES).unwrap();
        let (steering, layer) = (Steering::Flow, Layer::Ethernet);
        steer_datagrams(&endpoints, Distribution { steering, layer }).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut queues = BTreeSet::new();
        let mut check = |frame: &[u8]| {
            sender.send_to(frame, endpoints[0].local()).unwrap();
            let expected = usize::from(flow::hash_of(Layer::Ethernet, frame)) % QUEUES;
            assert_eq!(receiver_of(&endpoints), Some(expected), "{frame:x?}");
            queues.insert(expected);
        };
        check(&[0; 13]);
        for flow in 0..24 {
            let link = [2, 0, 0, 0, 0, flow, 2, 0, 0, 0, 9, 2];
            for kind in [&[8, 0][..], &[0x86, 0xdd], &[8, 6], &[0x88, 0x64], &[0x81, 0, 0, 1, 8, 6]]
            {
                for tag in [&[][..], &[0x81, 0, 0x20, 7], &[0x88, 0xa8, 0, 7]] {
                    for (is_v6, is_udp) in
                        [(false, false), (false, true), (true, false), (true, true)]
                    {
                        let packet = Sample { flow, is_v6, is_udp, ..Sample::tcp(1, b"x") }.bytes();
                        let frame = [&link[..], tag, kind, &packet].concat();
                        for len in [frame.len(), 14 + tag.len(), 22, 42] {
                            check(&frame[..len]);
                        }
                    }
                }
            }
        }
        assert_eq!(queues.len(), QUEUES);
    }

    /// Sends packets of different flows from `sender`. Returns the queue that received all of them.
    fn queue_of(endpoints: &[UdpEndpoint], sender: &UdpSocket) -> usize {
        let send = |flow| {
            let packet = Sample { flow, ..Sample::tcp(1, b"x") }.bytes();
            sender.send_to(&packet, endpoints[0].local()).unwrap();
            receiver_of(endpoints).expect("a datagram")
        };
        let queues: BTreeSet<usize> = (0..8).map(send).collect();
        assert_eq!(queues.len(), 1, "{sender:?}: {queues:?}");
        *queues.first().unwrap()
    }

    #[test]
    fn a_source_stays_on_one_queue_and_consecutive_ports_are_on_consecutive_queues() {
        for (host, steering) in [
            ("127.0.0.1", Steering::Source),
            ("::1", Steering::Source),
            ("127.0.0.1", Steering::SourcePort),
            ("::1", Steering::SourcePort),
        ] {
            let endpoints = endpoints_at(host, steering);
            // The kernel chooses free ports until each remainder was met.
            let mut senders: BTreeMap<u16, UdpSocket> = BTreeMap::new();
            let mut held = Vec::new();
            while senders.len() < QUEUES {
                let socket = UdpSocket::bind((host, 0)).unwrap();
                let remainder = socket.local_addr().unwrap().port() % QUEUES as u16;
                held.extend(senders.insert(remainder, socket));
            }
            let queues: Vec<usize> =
                senders.values().map(|sender| queue_of(&endpoints, sender)).collect();
            let turned: Vec<usize> = (0..QUEUES).map(|n| (queues[0] + n) % QUEUES).collect();
            assert_eq!(queues, turned, "{host} {steering:?}");
            assert!(steering == Steering::Source || queues[0] == 0, "the remainder is the queue");
        }
    }

    #[test]
    fn hosts_with_the_same_port_are_spread() {
        let endpoints = endpoints_at("127.0.0.1", Steering::Source);
        let first = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let sender = |number| UdpSocket::bind((format!("127.0.7.{number}"), port)).unwrap();
        let queues: BTreeSet<usize> =
            (1..33).map(|number| queue_of(&endpoints, &sender(number))).collect();
        assert_eq!(queues.len(), QUEUES);
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
            let of = |number| FlowShare { number, queues: QUEUES }.has(&packet, Layer::Ip);
            assert_eq!((0..QUEUES).filter(|number| of(*number)).count(), 1);
            assert!(FlowShare::ALL.has(&packet, Layer::Ip));
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
