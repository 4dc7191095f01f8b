//! The options for starting a relay, and the properties of a running one.

use super::peer_config::canonical_network;
use super::traffic_class::{ClassPolicy, Dscp, Ecn};
use super::wire::Wire;
use crate::device::{DEFAULT_CLONE_DEVICE, Mode};
use crate::error::{Error, ErrorCode, Result};
use crate::udp::{PathMtuDiscovery, canonical};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use super::peer_config::{FollowPort, PeerConfig};

/// The number of queues that means automatic.
pub(super) const AUTO_QUEUES: usize = 0;

/// The number of source ports that means automatic.
pub(super) const AUTO_SOURCE_PORTS: usize = 0;

/// The maximum number of source ports of a relay. Each is a descriptor, of each address family that peers have.
pub const MAX_SOURCE_PORTS: usize = 64;

/// How long the kernel remembers a path MTU (`mtu_expires` of ip-sysctl).
const PATH_MTU_LIFETIME: Duration = Duration::from_secs(600);

/// Whose datagrams are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// Datagrams from the peer's address, from any port.
    #[default]
    Peer,
    /// Those from anybody.
    Any,
}

/// Options of [`super::Relay::start`].
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Whether datagrams carry IP packets or Ethernet frames. Both ends must have the same mode.
    pub mode: Mode,
    /// Addresses of the interface with their prefixes; at least one, except in the mode `Tap`.
    pub addresses: Vec<IpNet>,
    /// Routes through the interface.
    pub routes: Vec<IpNet>,
    /// Name of the interface or a template such as `vpn%d`; `None`: the kernel chooses.
    pub name: Option<String>,
    /// Largest packet of the interface, bytes; `None`: 1500, or for a peer off this machine what
    /// its route carries without fragments.
    pub mtu: Option<u32>,
    /// Packets that may wait in the interface; `None`: as it is, 500 for a new one.
    pub tx_queue_length: Option<u32>,
    /// Where datagrams go. With several peers, the endpoint of the first.
    pub peer: SocketAddr,
    /// Name or index of the interface that `peer` is on, if it is link-local. The relay follows the interface by
    /// its name. The endpoints of `peers` have its index, and the relay follows the interface by the name that it has
    /// at the start.
    pub peer_zone: Option<String>,
    /// Several peers, each with the inner networks that are routed to it; empty: `peer` gets every packet.
    pub peers: Vec<PeerConfig>,
    /// Whether the relay has sockets of both address families even if all endpoints are of one, so that the family of
    /// an endpoint can change at run time. If the other family is not available, the relay starts without it.
    pub both_families: bool,
    /// The inner networks of the single peer: only packets to them are sent to it, and only packets from them are
    /// accepted. Empty: all packets. Several peers have networks of their own.
    pub allowed_prefixes: Vec<IpNet>,
    /// Time between two keepalives to the single peer, at least 10 ms; `None`: none is sent. Several peers have times of
    /// their own.
    pub keepalive: Option<Duration>,
    /// Where datagrams come from; `None`: loopback for a loopback peer, otherwise the wildcard address.
    pub listen: Option<IpAddr>,
    /// The port to receive on; 0: the kernel chooses.
    pub receive_port: u16,
    /// Whose datagrams are accepted; with several peers theirs alone.
    pub accept: Accept,
    /// Network namespace of the interface (`NAME`, a path, or a process id); `None`: the caller's.
    pub netns: Option<String>,
    /// User to become once everything is set up, as `NAME[:GROUP]`.
    pub user: Option<String>,
    /// Path of the TUN driver's clone device.
    pub clone_device: PathBuf,
    /// Size asked for each of the socket's buffers, bytes.
    pub socket_buffer_bytes: usize,
    /// Firewall mark of the datagrams (`SO_MARK`), for policy routing and firewalls; 0: none.
    pub fwmark: u32,
    /// The interface that the sockets are bound to (`SO_BINDTODEVICE`), in the caller's namespace; `None`: the routes
    /// decide.
    pub bind_device: Option<String>,
    /// DSCP of the datagrams.
    pub dscp: Dscp,
    /// ECN of the datagrams.
    pub ecn: Ecn,
    /// Whether datagrams may be fragmented on their path.
    pub path_mtu: PathMtuDiscovery,
    /// How long a path MTU is valid that a router reported.
    pub path_mtu_lifetime: Duration,
    /// Whether the maximum segment size that a TCP SYN announces is lowered.
    pub mss_clamp: MssClamp,
    /// Which shortcuts the relay may take.
    pub offload: OffloadConfig,
    /// Number of ports that datagrams are sent from, 1 to 64. Each carries a share of the inner flows. The first is
    /// the receiving port; the kernel chooses the others. 0: automatic, which is 1 if all peers have loopback
    /// addresses, otherwise the number of queues, or if that is automatic too, available CPUs + 1, at most 8.
    pub source_ports: usize,
    /// Queues of the interface, each with a thread and a socket of its own, 1 to 256; 0: automatic, which is available
    /// CPUs + 1, at most 8. If a peer is not on this machine, it is also at most the number of source ports, and if
    /// possible a divisor of it.
    pub queues: usize,
}

/// Whether the maximum segment size (MSS) that a TCP SYN announces is lowered. It is the only change that the relay
/// makes to the content of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MssClamp {
    /// To what fits into the MTU of the interface, or into the path MTU of the peer if that is smaller.
    #[default]
    Auto,
    /// Never.
    Off,
    /// To this many bytes.
    Bytes(u16),
}

/// Which of the kernel's shortcuts may be used, or are in use; what comes out is the same without
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffloadConfig {
    /// Take TCP super-packets whole from the interface (`TUN_F_TSO4`, `TUN_F_TSO6`).
    pub tso: bool,
    /// Take UDP super-packets whole from the interface (`TUN_F_USO4`, `TUN_F_USO6`).
    pub uso: bool,
    /// Send GSO batches of datagrams by one call (`UDP_SEGMENT`).
    pub gso: bool,
    /// Receive GSO batches of datagrams by one call (`UDP_GRO`).
    pub gro: bool,
    /// Join what was received into super-packets for the interface: TCP, and UDP where the kernel
    /// has USO.
    pub coalesce: bool,
}

impl OffloadConfig {
    /// Everything the kernel has.
    pub const ALL: Self = Self { tso: true, uso: true, gso: true, gro: true, coalesce: true };
    /// One packet, one datagram, no help from the kernel.
    pub const NONE: Self = Self { tso: false, uso: false, gso: false, gro: false, coalesce: false };

    /// Whether the device needs a vnet header.
    pub(super) fn needs_vnet_header(&self) -> bool {
        self.tso || self.uso || self.coalesce
    }
}

impl RelayConfig {
    /// Defaults of the program for one address and two UDP ends.
    #[must_use]
    pub fn new(address: IpNet, peer: SocketAddr, receive_port: u16) -> Self {
        Self {
            mode: Mode::default(),
            addresses: vec![address],
            routes: Vec::new(),
            name: None,
            mtu: None,
            tx_queue_length: None,
            peer,
            peer_zone: None,
            peers: Vec::new(),
            both_families: false,
            allowed_prefixes: Vec::new(),
            keepalive: None,
            listen: None,
            receive_port,
            accept: Accept::default(),
            netns: None,
            user: None,
            clone_device: DEFAULT_CLONE_DEVICE.into(),
            socket_buffer_bytes: 4 << 20,
            fwmark: 0,
            bind_device: None,
            dscp: Dscp::default(),
            ecn: Ecn::default(),
            path_mtu: PathMtuDiscovery::default(),
            path_mtu_lifetime: PATH_MTU_LIFETIME,
            mss_clamp: MssClamp::default(),
            offload: OffloadConfig::ALL,
            source_ports: 1,
            queues: AUTO_QUEUES,
        }
    }

    /// Creates the defaults for several peers; `InvalidArgument` if there are none.
    pub fn with_peers(address: IpNet, peers: Vec<PeerConfig>, receive_port: u16) -> Result<Self> {
        let Some(first) = peers.first() else {
            let reason = "the relay needs a peer";
            return Err(Error::new(ErrorCode::InvalidArgument, "start the relay", "", reason));
        };
        let peer = first.endpoint;
        Ok(Self { peers, ..Self::new(address, peer, receive_port) })
    }

    /// Returns the endpoints of all peers with their alternatives, at least one. The first is `peer`.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = SocketAddr> {
        let single = self.peers.is_empty().then_some(self.peer);
        single.into_iter().chain(self.peers.iter().flat_map(PeerConfig::endpoints))
    }

    /// Returns how the traffic class of datagrams is chosen.
    pub(super) fn class_policy(&self) -> ClassPolicy {
        ClassPolicy { dscp: self.dscp, ecn: self.ecn }
    }

    /// Returns the format of datagrams.
    pub(super) fn wire(&self) -> Wire {
        Wire::of(self.mode)
    }

    /// Replaces IPv4-mapped IPv6 addresses by the IPv4 addresses that they stand for.
    pub(super) fn canonicalize(&mut self) {
        self.peer = canonical(self.peer);
        self.listen = self.listen.map(|address| address.to_canonical());
        self.peers = self.peers.iter().map(PeerConfig::canonical).collect();
        self.allowed_prefixes.iter_mut().for_each(|prefix| *prefix = canonical_network(*prefix));
    }
}

/// The properties that the kernel assigned to a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayInfo {
    /// Whether datagrams carry IP packets or Ethernet frames.
    pub mode: Mode,
    /// The interface's name.
    pub interface_name: String,
    /// The interface's index in its namespace.
    pub interface_index: u32,
    /// The interface's MTU, bytes.
    pub mtu: u32,
    /// The interface's addresses, those of the configuration.
    pub addresses: Vec<IpNet>,
    /// Where datagrams are received.
    pub local: SocketAddr,
    /// Where datagrams are sent.
    pub peer: SocketAddr,
    /// Receive buffer that the kernel granted, bytes as it counts them.
    pub receive_buffer_bytes: usize,
    /// Send buffer that the kernel granted, bytes as it counts them.
    pub send_buffer_bytes: usize,
    /// Queues, each with a thread of its own.
    pub queues: usize,
    /// Number of ports that datagrams are sent from, the receiving port included.
    pub source_ports: usize,
}

/// Something that happened and is not an error: an offload that the kernel refused, or a configuration or peer that is
/// probably not what is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// A stable name, such as `gso-off`.
    pub kind: &'static str,
    /// The errno of the call that the kernel refused, if there was one.
    pub errno: Option<i32>,
    /// The foreign address, of `foreign-source`.
    pub address: Option<IpAddr>,
    /// One sentence for a person.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_become_those_of_ipv4() {
        let prefixes = ["::ffff:10.0.0.0/104", "::ffff:0:0/95", "10.1.0.0/16", "fd00::/8"];
        let prefixes = prefixes.map(|prefix| prefix.parse().unwrap()).to_vec();
        let peer = PeerConfig::new("[::ffff:192.0.2.2]:5".parse().unwrap(), prefixes);
        let address = "10.9.0.1/24".parse().unwrap();
        let mut config = RelayConfig::with_peers(address, vec![peer], 0).unwrap();
        config.listen = Some("::ffff:0.0.0.0".parse().unwrap());
        config.canonicalize();
        let prefixes = config.peers[0].allowed_prefixes.iter().map(ToString::to_string);
        assert_eq!(
            prefixes.collect::<Vec<_>>(),
            ["10.0.0.0/8", "::ffff:0.0.0.0/95", "10.1.0.0/16", "fd00::/8"]
        );
        assert_eq!(config.peer, "192.0.2.2:5".parse().unwrap());
        assert_eq!(config.peers[0].endpoint, config.peer);
        assert_eq!(config.listen, Some("0.0.0.0".parse().unwrap()));
    }
}
