//! Forwarders, which connect a TUN or TAP interface with UDP.

use crate::vectors::Input;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tun2udp_core::packet::layer::Layer;

/// Properties of both sides of a forwarder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Road {
    /// MTU of the interface, bytes.
    pub(crate) mtu: u32,
    /// Address of both UDP ends.
    pub(crate) loopback: IpAddr,
    /// The start of each frame: addresses and tags, without the type of the packet. Empty: packets are not in frames, and
    /// the interface is a TUN device.
    pub(crate) link: &'static [u8],
}

impl Road {
    /// An ordinary interface.
    pub(crate) const ORDINARY: Self =
        Self { mtu: 1_500, loopback: IpAddr::V4(Ipv4Addr::LOCALHOST), link: &[] };
    /// An ordinary TAP interface.
    pub(crate) const FRAMES: Self =
        Self { link: &[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 7], ..Self::ORDINARY };
    /// The same with frames of a VLAN.
    pub(crate) const TAGGED: Self =
        Self { link: &[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 7, 0x81, 0, 0x20, 7], ..Self::ORDINARY };
    /// The longest packets that fit into datagrams, over IPv4 and over IPv6.
    pub(crate) const LARGEST: [Self; 2] = [
        Self { mtu: 65_507, ..Self::ORDINARY },
        Self { mtu: 65_527, loopback: IpAddr::V6(Ipv6Addr::LOCALHOST), link: &[] },
    ];

    /// Returns whether packets are in frames.
    pub(crate) fn has_frames(&self) -> bool {
        !self.link.is_empty()
    }

    /// Returns the layer of the interface.
    pub(crate) fn layer(&self) -> Layer {
        if self.has_frames() { Layer::Ethernet } else { Layer::Ip }
    }

    /// Returns the bytes in front of a packet.
    fn header_of(&self, packet: &[u8]) -> Vec<u8> {
        let is_v6 = packet.first().is_some_and(|byte| byte >> 4 == 6);
        let kind: &[u8] = if is_v6 { &[0x86, 0xdd] } else { &[0x08, 0x00] };
        if self.has_frames() { [self.link, kind].concat() } else { Vec::new() }
    }

    /// Returns a packet as the interface carries it.
    pub(crate) fn wrap(&self, input: &Input) -> Input {
        let mut header = input.header;
        let link = self.header_of(&input.packet);
        if header.flags & 1 != 0 {
            header.csum_start += link.len() as u16;
        }
        if header.gso_type != 0 {
            header.hdr_len += link.len() as u16;
        }
        Input { header, packet: [link, input.packet.clone()].concat() }
    }

    /// Returns the packet in a frame. A frame with another header than that of [`Road::wrap`] is returned whole.
    pub(crate) fn unwrap(&self, frame: &[u8]) -> Vec<u8> {
        let link_len = self.header_of(&[]).len();
        let (link, packet) = frame.split_at_checked(link_len).unwrap_or_default();
        if link == self.header_of(packet) { packet.to_vec() } else { frame.to_vec() }
    }

    /// Payload of the longest datagram, bytes: 65,535 minus the headers; IPv6 does not count its own
    /// (RFC 8200 §3).
    pub(crate) fn longest_datagram(&self) -> usize {
        if self.loopback.is_ipv4() { 65_507 } else { 65_527 }
    }
}

/// The addresses and the interface of a forwarder, in the calling thread's network namespace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wiring {
    /// Destination of the packets of the interface, one datagram each.
    pub(crate) peer: SocketAddr,
    /// MTU of the interface, and the address that the forwarder listens on.
    pub(crate) road: Road,
}

/// A running forwarder; it ends when it is dropped.
pub(crate) trait Forwarder {
    /// Its interface, which is up, in the calling thread's namespace.
    fn interface(&self) -> &str;

    /// Address on which it receives datagrams.
    fn listens_on(&self) -> SocketAddr;
}

/// A factory of forwarders of one kind.
pub(crate) trait Launcher: Sync {
    /// The kind's name, for messages.
    fn name(&self) -> String;

    /// Returns whether it completes checksums of packets that the kernel split off, see `compare::with_one_zero`.
    fn completes_what_the_kernel_cut(&self) -> bool {
        false
    }

    /// Returns whether it has several queues or source ports. IPv6 packets other than TCP are then distributed by their flow
    /// label, and GSO batches by the flow of their first packet.
    fn has_queues(&self) -> bool {
        false
    }

    /// Starts one; panics with the reason if it cannot.
    fn launch(&self, wiring: &Wiring) -> Box<dyn Forwarder>;
}
