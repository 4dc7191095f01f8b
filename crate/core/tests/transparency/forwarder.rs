//! Forwarders, which connect a TUN interface with UDP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Properties of both sides of a forwarder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Road {
    /// MTU of the interface, bytes.
    pub(crate) mtu: u32,
    /// Address of both UDP ends.
    pub(crate) loopback: IpAddr,
}

impl Road {
    /// An ordinary interface.
    pub(crate) const ORDINARY: Self =
        Self { mtu: 1_500, loopback: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    /// The longest packets that fit into datagrams, over IPv4 and over IPv6.
    pub(crate) const LARGEST: [Self; 2] = [
        Self { mtu: 65_507, loopback: IpAddr::V4(Ipv4Addr::LOCALHOST) },
        Self { mtu: 65_527, loopback: IpAddr::V6(Ipv6Addr::LOCALHOST) },
    ];

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
