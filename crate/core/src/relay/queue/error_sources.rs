//! The addresses that ICMP errors into the interface come from.

use ipnet::IpNet;
use std::net::IpAddr;

/// Addresses of the tunnel that are used as the source of ICMP errors.
///
/// The interface would refuse packets from an address of this machine, so the source is another host of the
/// interface's network.
#[derive(Debug, Default)]
pub(super) struct ErrorSources {
    networks: Vec<IpNet>,
}

impl ErrorSources {
    /// Creates the set from the interface's addresses with their prefixes.
    pub(super) fn new(networks: &[IpNet]) -> Self {
        Self { networks: networks.to_vec() }
    }

    /// Returns whether an address is the broadcast or network address of one of the tunnel's IPv4 networks. No error is sent
    /// about a packet to it (RFC 1122, 3.2.2).
    pub(super) fn is_broadcast(&self, destination: IpAddr) -> bool {
        self.networks.iter().any(|network| match network {
            IpNet::V4(network) if network.prefix_len() < 31 => {
                destination == network.broadcast() || destination == network.network()
            }
            _ => false,
        })
    }

    /// Returns the source of an error about a packet to `destination`: the destination itself if it is in one of the
    /// tunnel's networks, otherwise another host of such a network. `None`: the tunnel has no network of that family.
    pub(super) fn source(&self, destination: IpAddr) -> Option<IpAddr> {
        if self.networks.iter().any(|network| network.contains(&destination)) {
            return Some(destination);
        }
        let same = |network: &&IpNet| network.addr().is_ipv4() == destination.is_ipv4();
        let is_own = |host: &IpAddr| self.networks.iter().any(|network| network.addr() == *host);
        self.networks.iter().filter(same).find_map(|network| {
            // All addresses of the interface, and the anycast address, may be before it.
            let mut hosts = network.hosts().take(self.networks.len() + 2);
            hosts.find(|host| !is_own(host) && !is_anycast(network, host))
        })
    }
}

/// Returns whether an address is the subnet-router anycast address of an IPv6 network (RFC 4291, 2.6.1).
fn is_anycast(network: &IpNet, host: &IpAddr) -> bool {
    host.is_ipv6() && *host == network.network() && network.prefix_len() < 127
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_address_is_that_of_an_ipv4_network() {
        let networks = ["10.9.0.1/24", "192.0.2.1/32", "198.51.100.0/31", "fd09::2/64"];
        let sources = ErrorSources::new(&networks.map(|network| network.parse().unwrap()));
        let is_broadcast = |address: &str| sources.is_broadcast(address.parse().unwrap());
        assert!(is_broadcast("10.9.0.255") && is_broadcast("10.9.0.0"));
        for host in ["10.9.0.7", "10.9.1.255", "192.0.2.1", "198.51.100.0", "fd09::", "fd09::1"] {
            assert!(!is_broadcast(host), "{host}");
        }
    }

    #[test]
    fn errors_come_from_an_address_of_the_tunnel_that_is_not_ours() {
        let networks = ["10.9.0.1/24", "fd09::2/64", "192.0.2.1/32"];
        let sources = ErrorSources::new(&networks.map(|network| network.parse().unwrap()));
        let source = |address: &str| sources.source(address.parse().unwrap());
        for (destination, expected) in [
            ("10.9.0.7", "10.9.0.7"),
            ("198.51.100.1", "10.9.0.2"),
            ("fd09::9", "fd09::9"),
            ("2001:db8::1", "fd09::1"),
        ] {
            assert_eq!(source(destination), Some(expected.parse().unwrap()), "{destination}");
        }
        let alone = ErrorSources::new(&["192.0.2.1/32".parse().unwrap()]);
        assert_eq!(alone.source("198.51.100.1".parse().unwrap()), None);
        let several = ["10.9.0.1/24", "10.9.0.2/24", "fd09::1/64", "fd09::2/64"];
        let several = ErrorSources::new(&several.map(|network| network.parse().unwrap()));
        for (destination, expected) in [("198.51.100.1", "10.9.0.3"), ("2001:db8::1", "fd09::3")] {
            let source = several.source(destination.parse().unwrap());
            assert_eq!(source, Some(expected.parse().unwrap()), "{destination}");
        }
        let pair = ErrorSources::new(&["192.0.2.1/31".parse().unwrap()]);
        let source = pair.source("198.51.100.1".parse().unwrap());
        assert_eq!(source, Some("192.0.2.0".parse().unwrap()));
    }
}
