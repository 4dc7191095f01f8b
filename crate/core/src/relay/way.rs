//! The way to the peer: how long its datagrams may be, and what must not be led into the tunnel.

use super::config::RelayConfig;
use super::{mtu, peers};
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::{Connection, LinkRef};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The route that datagrams to the peer take, as it was before the tunnel was set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    peer: IpAddr,
    /// The peer is off this machine.
    is_remote: bool,
    /// MTU of the route; `None`: the peer is on this machine, or there is no route yet.
    path_mtu: Option<u32>,
    /// Prefix length of the route; `None`: there is no route yet.
    prefix_length: Option<u8>,
}

impl Way {
    /// Asks the kernel in the network namespace of `connection`.
    ///
    /// No route yet is no error: a machine may start its tunnel before its network.
    pub(super) async fn find(connection: &Connection, peer: SocketAddr) -> Result<Self> {
        let mut way =
            Self { peer: peer.ip(), is_remote: false, path_mtu: None, prefix_length: None };
        if peers::is_loopback(way.peer) {
            return Ok(way);
        }
        way.is_remote = true;
        match connection.route_to(peer).await {
            Ok(route) if route.is_local => way.is_remote = false,
            Ok(route) => {
                way.prefix_length = Some(route.prefix_length);
                way.path_mtu = match (route.mtu, route.interface_index) {
                    (Some(mtu), _) => Some(mtu),
                    (None, Some(index)) => Some(connection.link(&LinkRef::Index(index)).await?.mtu),
                    (None, None) => None,
                };
            }
            Err(error) if error.code() == ErrorCode::Unreachable => {}
            Err(error) => return Err(error),
        }
        Ok(way)
    }

    /// The MTU for the interface when none was asked for, bytes.
    pub(super) fn inner_mtu(&self, peer: SocketAddr) -> u32 {
        if !self.is_remote {
            return mtu::DEFAULT;
        }
        mtu::inside(self.path_mtu.unwrap_or(mtu::DEFAULT), peer)
    }

    /// Refuses an address or route that would lead the datagrams to the peer into the tunnel.
    ///
    /// The kernel takes the longest prefix; of two alike it would take ours, or refuse it.
    pub(super) fn refuse_loops(&self, config: &RelayConfig) -> Result<()> {
        if !self.is_remote {
            return Ok(());
        }
        let swallows = |net: &&IpNet| {
            net.contains(&self.peer)
                && self.prefix_length.is_none_or(|length| net.prefix_len() >= length)
        };
        let refuse = |operation: &'static str, net: &IpNet| {
            let reason = format!("it would lead the datagrams to {} into the tunnel", self.peer);
            Err(Error::new(ErrorCode::RouteLoop, operation, net.to_string(), reason).with_advice(
                "use a network without the peer, put the interface into another namespace \
                 (--netns), or first give the peer a longer route of its own",
            ))
        };
        if let Some(net) = config.routes.iter().find(swallows) {
            return refuse("add the route", net);
        }
        config.addresses.iter().find(swallows).map_or(Ok(()), |net| refuse("set the address", net))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(peer: &str, prefix_length: Option<u8>) -> Way {
        Way { peer: peer.parse().unwrap(), is_remote: true, path_mtu: Some(1_500), prefix_length }
    }

    fn config(address: &str, route: Option<&str>) -> RelayConfig {
        let peer = "192.0.2.7:5".parse().unwrap();
        let mut config = RelayConfig::new(address.parse().unwrap(), peer, 0);
        config.routes.extend(route.map(|route| route.parse::<IpNet>().unwrap()));
        config
    }

    #[test]
    fn a_route_longer_than_the_peers_own_is_refused() {
        let on_link = way("192.0.2.7", Some(24));
        let by_default = way("192.0.2.7", Some(0));
        assert!(on_link.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).is_ok());
        assert!(on_link.refuse_loops(&config("10.9.0.1/24", Some("192.0.2.0/25"))).is_err());
        assert!(on_link.refuse_loops(&config("10.9.0.1/24", Some("192.0.2.0/24"))).is_err());
        let error = by_default.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RouteLoop);
        assert!(by_default.refuse_loops(&config("10.9.0.1/24", Some("198.51.100.0/24"))).is_ok());
    }

    #[test]
    fn an_address_whose_network_holds_the_peer_is_refused() {
        assert!(way("192.0.2.7", Some(0)).refuse_loops(&config("192.0.2.1/24", None)).is_err());
        assert!(way("192.0.2.7", None).refuse_loops(&config("192.0.2.1/24", None)).is_err());
        let here = Way { is_remote: false, ..way("192.0.2.7", None) };
        assert!(here.refuse_loops(&config("192.0.2.1/24", None)).is_ok());
    }

    #[test]
    fn without_a_route_ethernet_is_assumed() {
        let peer = "192.0.2.7:5".parse().unwrap();
        assert_eq!(Way { path_mtu: None, ..way("192.0.2.7", None) }.inner_mtu(peer), 1_472);
        let here = Way { is_remote: false, ..way("192.0.2.7", None) };
        assert_eq!(here.inner_mtu(peer), 1_500);
    }
}
