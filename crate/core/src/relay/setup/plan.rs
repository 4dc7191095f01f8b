//! The plan: decisions that follow from a relay's configuration alone. All later steps use the plan.

use super::flow_sharing::{Distribution, Steering};
use super::mtu;
use crate::device::{MAX_QUEUES, Mode};
use crate::error::{Error, ErrorCode, Result};
use crate::interface;
use crate::relay::config::{
    AUTO_QUEUES, AUTO_SOURCE_PORTS, MAX_SOURCE_PORTS, MssClamp, PeerConfig, RelayConfig,
};
use crate::relay::traffic_class::Dscp;
use crate::udp::{PathMtuDiscovery, is_loopback};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;

/// The largest DSCP (RFC 2474, 3).
const MAX_DSCP: u8 = 63;

/// The maximum number of queues that a relay chooses automatically.
const MOST_AUTO_QUEUES: usize = 8;

/// The decisions of a start.
#[derive(Debug)]
pub(in crate::relay) struct Plan {
    pub(in crate::relay) config: RelayConfig,
    /// Whether every peer has a loopback address, so that all datagrams stay on this machine.
    is_all_loopback: bool,
    /// Whether the socket of the first peer has the family IPv4.
    pub(super) is_ipv4: bool,
    /// Whether peers have both address families, so that each queue also has a socket of the other one.
    pub(super) needs_both: bool,
    /// Whether each queue has a socket of the other family too, if that family is available.
    pub(super) wants_both: bool,
    /// The number of queues, each with a thread and its sockets. An existing device, or a kernel that cannot
    /// distribute packets, may reduce it to one.
    pub(in crate::relay) queues: usize,
    /// Whether the number of queues was not requested. Then fewer may be used without a report.
    pub(super) has_auto_queues: bool,
    /// The number of ports that datagrams are sent from, the receiving port included.
    pub(super) source_ports: usize,
    /// Largest payload of a datagram to any of the peers, and of a GSO batch, bytes.
    pub(in crate::relay) max_payload: usize,
}

impl Plan {
    /// Decides what to set up. Returns `InvalidArgument` if the options contradict each other or the kernel's limits.
    pub(in crate::relay) fn of(config: RelayConfig) -> Result<Self> {
        check(&config)?;
        let is_all_loopback = config.endpoints().all(|endpoint| is_loopback(endpoint.ip()));
        let is_ipv4 = config.peer.is_ipv4();
        let needs_both = config.endpoints().any(|peer| peer.is_ipv4() != is_ipv4);
        // An address to receive on is of one family.
        let wants_both = config.both_families && config.listen.is_none();
        let has_auto_queues = config.queues == AUTO_QUEUES;
        let source_ports = source_ports(&config, is_all_loopback);
        let plan = Self {
            is_all_loopback,
            is_ipv4,
            needs_both,
            wants_both,
            queues: match config.queues {
                AUTO_QUEUES if is_all_loopback => auto_queues(),
                AUTO_QUEUES => queues_for(source_ports, auto_queues()),
                queues => queues,
            },
            has_auto_queues,
            source_ports,
            max_payload: mtu::max_payload(&config),
            config,
        };
        plan.config.mtu.map_or(Ok(()), |mtu| mtu::check(mtu, &plan))?;
        Ok(plan)
    }

    /// Returns whether the interface carries IPv6: an address or a route of it is.
    pub(in crate::relay) fn has_v6(&self) -> bool {
        let mut networks = self.config.addresses.iter().chain(&self.config.routes);
        networks.any(|network| network.addr().is_ipv6())
    }

    /// Returns the address to receive on, for a socket of this family.
    pub(super) fn listen_address(&self, is_ipv4: bool) -> IpAddr {
        self.config.listen.unwrap_or_else(|| match (is_ipv4, self.is_all_loopback) {
            (true, true) => Ipv4Addr::LOCALHOST.into(),
            (true, false) => Ipv4Addr::UNSPECIFIED.into(),
            (false, true) => Ipv6Addr::LOCALHOST.into(),
            (false, false) => Ipv6Addr::UNSPECIFIED.into(),
        })
    }

    /// Returns whether datagrams may be fragmented. A path on loopback never gets narrower, but packets can be longer
    /// than its MTU, so there the kernel may always fragment them.
    pub(super) fn path_mtu_discovery(&self) -> PathMtuDiscovery {
        match self.config.path_mtu {
            PathMtuDiscovery::Discover if self.is_all_loopback => PathMtuDiscovery::Off,
            discovery => discovery,
        }
    }

    /// Returns whether the MSS of a SYN is lowered. Automatically it is not on loopback, where no path gets narrower.
    pub(in crate::relay) fn mss_clamp(&self) -> MssClamp {
        match self.config.mss_clamp {
            MssClamp::Auto if self.is_all_loopback => MssClamp::Off,
            clamp => clamp,
        }
    }

    /// Returns the property that chooses the queue of a datagram.
    ///
    /// The kernel passes a whole GSO batch to a single queue. On this machine the batches are as the peer formed
    /// them, and a relay's batches carry one flow. From a network the kernel forms batches of any consecutive datagrams
    /// of one source, so there the source must decide. A relay sends each flow from one port, so both keep the order
    /// of a flow. Several peers often have the same port.
    pub(super) fn steering(&self) -> Steering {
        match (self.is_all_loopback, self.config.peers.is_empty()) {
            (true, _) => Steering::Flow,
            (false, true) => Steering::SourcePort,
            (false, false) => Steering::Source,
        }
    }

    /// Returns how packets and datagrams are distributed over several queues.
    pub(in crate::relay) fn distribution(&self) -> Distribution {
        Distribution { steering: self.steering(), layer: self.config.wire().layer() }
    }
}

fn check(config: &RelayConfig) -> Result<()> {
    let refuse = |operation: &'static str, subject: String, reason: &str| {
        Err(Error::new(ErrorCode::InvalidArgument, operation, subject, reason))
    };
    if config.mode == Mode::Tap {
        check_frames(&config.peers, &config.allowed_prefixes)?;
    } else if config.addresses.is_empty() {
        return refuse("start the relay", String::new(), "the interface needs an address");
    }
    if let Dscp::Fixed(dscp) = config.dscp
        && dscp > MAX_DSCP
    {
        let reason = format!("a DSCP has 6 bits, so it is at most {MAX_DSCP}");
        return refuse("use the DSCP", dscp.to_string(), &reason);
    }
    interface::check_repeats(&config.addresses, &config.routes)?;
    if config.queues > MAX_QUEUES {
        let reason = format!("a device has at most {MAX_QUEUES} queues");
        return refuse("open queues of the interface", config.queues.to_string(), &reason);
    }
    if config.source_ports > MAX_SOURCE_PORTS {
        let reason = format!("a relay has at most {MAX_SOURCE_PORTS} source ports");
        return refuse("send from several ports", config.source_ports.to_string(), &reason);
    }
    Ok(())
}

/// Refuses the new peers of a running relay in the mode tap, which needs one, as [`check_frames`] does.
pub(in crate::relay) fn check_frame_peers(peers: &[PeerConfig]) -> Result<()> {
    if peers.is_empty() {
        let (operation, reason) = ("carry Ethernet frames", "the mode tap needs a peer");
        return Err(Error::new(ErrorCode::InvalidArgument, operation, "", reason));
    }
    check_frames(peers, &[])
}

/// Refuses peers that need IP packets. A frame has no destination that the prefixes of several peers could contain.
fn check_frames(peers: &[PeerConfig], allowed: &[IpNet]) -> Result<()> {
    let refuse = |subject: String, reason: &str| {
        let operation = "carry Ethernet frames to the peers";
        Err(Error::new(ErrorCode::InvalidArgument, operation, subject, reason)
            .with_advice("use the mode tun, or one relay in the mode tap per peer"))
    };
    if peers.len() > 1 {
        let reason = "frames have one peer, since prefixes do not contain them";
        return refuse(String::new(), reason);
    }
    match peers.iter().flat_map(|peer| &peer.allowed_prefixes).chain(allowed).next() {
        Some(prefix) => refuse(prefix.to_string(), "prefixes do not contain frames"),
        None => Ok(()),
    }
}

/// Returns the number of source ports. Several are useless on loopback, where queues receive by inner flow.
fn source_ports(config: &RelayConfig, is_all_loopback: bool) -> usize {
    match (config.source_ports, config.queues) {
        (AUTO_SOURCE_PORTS, _) if is_all_loopback => 1,
        (AUTO_SOURCE_PORTS, AUTO_QUEUES) => auto_queues(),
        (AUTO_SOURCE_PORTS, queues) => queues.min(MAX_SOURCE_PORTS),
        (ports, _) => ports,
    }
}

/// Returns the number of queues for source ports, at most `most`. A peer that is a relay distributes the datagrams of a
/// port to one queue, like this one. If each queue has the same number of ports, one queue handles both directions of a
/// flow, so the largest divisor is preferred, except for 1.
fn queues_for(source_ports: usize, most: usize) -> usize {
    let most = most.min(source_ports);
    (2..=most).rev().find(|queues| source_ports.is_multiple_of(*queues)).unwrap_or(most)
}

/// Returns the number of queues that use all CPUs. While one queue waits for the other end, another one runs. A small
/// number of queues shares the caches better than a large one.
fn auto_queues() -> usize {
    thread::available_parallelism().map_or(1, |cpus| (cpus.get() + 1).min(MOST_AUTO_QUEUES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::config::PeerConfig;

    fn config(peers: &[&str]) -> RelayConfig {
        let peers =
            peers.iter().map(|endpoint| PeerConfig::new(endpoint.parse().unwrap(), Vec::new()));
        RelayConfig::with_peers("10.9.0.1/24".parse().unwrap(), peers.collect(), 0).unwrap()
    }

    #[test]
    fn the_peers_decide_families_listen_addresses_queues_and_steering() {
        let auto = auto_queues();
        for (peers, v4, v6, needs_both, queues, steering) in [
            (&["127.0.0.2:1"][..], "127.0.0.1", "::1", false, auto, Steering::Flow),
            (&["192.0.2.1:1"], "0.0.0.0", "::", false, 1, Steering::Source),
            (&["127.0.0.2:1", "192.0.2.1:1"], "0.0.0.0", "::", false, 1, Steering::Source),
            (&["127.0.0.2:1", "[::1]:1"], "127.0.0.1", "::1", true, auto, Steering::Flow),
            (&["[2001:db8::1]:1", "192.0.2.1:1"], "0.0.0.0", "::", true, 1, Steering::Source),
        ] {
            let plan = Plan::of(config(peers)).unwrap();
            let listen = [true, false].map(|is_ipv4| plan.listen_address(is_ipv4).to_string());
            assert_eq!(listen, [v4, v6], "{peers:?}");
            assert_eq!(plan.is_ipv4, peers[0].starts_with('1'), "{peers:?}");
            assert_eq!((plan.needs_both, plan.queues), (needs_both, queues), "{peers:?}");
            assert_eq!((plan.steering(), plan.source_ports), (steering, 1), "{peers:?}");
            assert!(plan.has_auto_queues);
        }
    }

    #[test]
    fn frames_need_no_address() {
        let mut config = config(&["192.0.2.1:1"]);
        (config.mode, config.mtu) = (Mode::Tap, Some(65_493));
        config.addresses.clear();
        assert!(Plan::of(config).is_ok());
    }

    #[test]
    fn options_of_the_caller_are_kept() {
        let listen = "192.0.2.9".parse().unwrap();
        let mut config = config(&["192.0.2.1:1"]);
        (config.listen, config.queues, config.offload.gro) = (Some(listen), 3, false);
        let plan = Plan::of(config).unwrap();
        assert_eq!((plan.listen_address(true), plan.queues), (listen, 3));
        assert!(!plan.config.offload.gro && !plan.has_auto_queues);
    }

    #[test]
    fn source_ports_and_queues_follow_each_other_to_a_distant_peer_only() {
        let auto = auto_queues();
        for (peer, ports, queues, expected) in [
            ("192.0.2.1:1", 1, AUTO_QUEUES, (1, 1)),
            ("192.0.2.1:1", 1, 4, (1, 4)),
            ("192.0.2.1:1", 2, AUTO_QUEUES, (2, 2.min(auto))),
            ("192.0.2.1:1", 8, AUTO_QUEUES, (8, queues_for(8, auto))),
            ("192.0.2.1:1", AUTO_SOURCE_PORTS, AUTO_QUEUES, (auto, auto)),
            ("192.0.2.1:1", AUTO_SOURCE_PORTS, 1, (1, 1)),
            ("192.0.2.1:1", AUTO_SOURCE_PORTS, 5, (5, 5)),
            ("192.0.2.1:1", AUTO_SOURCE_PORTS, MAX_QUEUES, (MAX_SOURCE_PORTS, MAX_QUEUES)),
            ("127.0.0.1:1", AUTO_SOURCE_PORTS, AUTO_QUEUES, (1, auto)),
            ("127.0.0.1:1", AUTO_SOURCE_PORTS, 5, (1, 5)),
            ("127.0.0.1:1", 4, AUTO_QUEUES, (4, auto)),
        ] {
            let mut config = config(&[peer]);
            (config.source_ports, config.queues) = (ports, queues);
            let plan = Plan::of(config).unwrap();
            assert_eq!((plan.source_ports, plan.queues), expected, "{peer} {ports} {queues}");
        }
    }

    #[test]
    fn the_queues_are_the_largest_divisor_of_the_source_ports() {
        for (ports, most, expected) in [
            (1, 3, 1),
            (2, 3, 2),
            (3, 3, 3),
            (4, 3, 2),
            (6, 4, 3),
            (8, 8, 8),
            (64, 5, 4),
            (5, 3, 3),
            (7, 8, 7),
            (4, 1, 1),
        ] {
            assert_eq!(queues_for(ports, most), expected, "{ports} ports, at most {most} queues");
        }
    }

    #[test]
    fn what_the_kernel_cannot_have_is_refused() {
        let refused = |change: fn(&mut RelayConfig)| {
            let mut config = config(&["192.0.2.1:1"]);
            change(&mut config);
            let error = Plan::of(config).map(drop).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        };
        refused(|config| config.addresses.clear());
        refused(|config| {
            config.mode = Mode::Tap;
            config.peers[0].allowed_prefixes.push("10.0.0.0/8".parse().unwrap());
        });
        refused(|config| {
            config.mode = Mode::Tap;
            config.allowed_prefixes.push("10.0.0.0/8".parse().unwrap());
        });
        refused(|config| {
            config.mode = Mode::Tap;
            config.peers.push(PeerConfig::new("192.0.2.2:1".parse().unwrap(), Vec::new()));
        });
        refused(|config| (config.mode, config.mtu) = (Mode::Tap, Some(65_494)));
        refused(|config| config.queues = MAX_QUEUES + 1);
        refused(|config| config.source_ports = MAX_SOURCE_PORTS + 1);
        refused(|config| config.mtu = Some(65_508));
        refused(|config| config.dscp = Dscp::Fixed(64));
        refused(|config| config.addresses.push(config.addresses[0]));
    }
}
