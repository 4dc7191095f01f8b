//! The underlay's route to a peer: how long its datagrams may be, and which networks must not be routed into
//! the tunnel.

use super::mtu;
use super::policy::{Datagrams, MAIN};
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::{Connection, Link, LinkRef, RouteMatch};
use crate::relay::config::RelayConfig;
use crate::udp::is_loopback;
use ipnet::IpNet;
use std::net::SocketAddr;

/// The route that datagrams to a peer take, as it was before the tunnel was set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderlayRoute {
    peer: SocketAddr,
    /// The peer is not on this machine.
    is_remote: bool,
    /// MTU of the route; `None`: the peer is on this machine, or there is no route yet.
    path_mtu: Option<u32>,
    /// Prefix length of the route; `None`: there is no route yet in the table of the relay's routes.
    prefix_length: Option<u8>,
    /// The routes of the relay cannot lead its datagrams elsewhere: the socket is bound to an interface, or rules look
    /// up their route in another table first.
    is_apart: bool,
}

/// The routes to all peers.
#[derive(Debug)]
pub(super) struct UnderlayRoutes(Vec<UnderlayRoute>);

impl UnderlayRoutes {
    /// Looks up the routes in the network namespace of `connection`.
    pub(super) async fn find(connection: &Connection, config: &RelayConfig) -> Result<Self> {
        let mut routes = Vec::new();
        let device = match &config.bind_device {
            Some(name) => {
                Some(connection.link(&LinkRef::Name(name.clone())).await.map_err(unbound)?)
            }
            None => None,
        };
        for peer in config.endpoints() {
            let datagrams = Datagrams {
                peer,
                mark: config.fwmark,
                device: device.as_ref().map(|device| device.name.as_str()),
            };
            routes.push(UnderlayRoute::find(connection, &datagrams, device.as_ref()).await?);
        }
        Ok(Self(routes))
    }

    /// Returns the MTU for the interface if none was asked for, bytes: the one that suits every peer.
    pub(super) fn inner_mtu(&self) -> u32 {
        self.0.iter().map(UnderlayRoute::inner_mtu).min().unwrap_or(mtu::DEFAULT)
    }

    /// Returns the inner MTU that the paths leave, as far as they are known, bytes; `None` if none is.
    pub(super) fn known_mtu(&self) -> Option<u32> {
        let known = self.0.iter().filter(|route| route.path_mtu.is_some());
        known.map(UnderlayRoute::inner_mtu).min()
    }

    /// Returns the MTU of the route to each peer, as far as they are known, bytes.
    pub(super) fn path_mtus(&self) -> Vec<(SocketAddr, u32)> {
        self.0.iter().filter_map(|route| Some((route.peer, route.path_mtu?))).collect()
    }

    /// Returns the peer whose datagrams come back to the socket at `local`.
    pub(super) fn peer_at(&self, local: SocketAddr) -> Option<SocketAddr> {
        let is_own = |route: &&UnderlayRoute| {
            let ip = local.ip();
            !route.is_remote
                && route.peer.port() == local.port()
                && route.peer.is_ipv4() == local.is_ipv4()
                && (ip.is_unspecified() || ip == route.peer.ip())
        };
        self.0.iter().find(is_own).map(|route| route.peer)
    }

    /// Refuses an address or route that would lead the datagrams to a peer into the tunnel, and sockets that are bound
    /// to the interface itself.
    pub(super) fn refuse_loops(&self, config: &RelayConfig) -> Result<()> {
        if let Some(device) = &config.bind_device
            && config.name.as_ref() == Some(device)
        {
            let reason = "it is the interface of the tunnel itself";
            let operation = "bind the UDP socket to the interface";
            return Err(Error::new(ErrorCode::RouteLoop, operation, device, reason)
                .with_advice("give the interface that leads to the peer"));
        }
        self.0.iter().try_for_each(|route| route.refuse_loops(config))
    }
}

impl UnderlayRoute {
    /// Looks up the route to `peer`. `InvalidArgument` if it is the broadcast address of a network.
    ///
    /// A missing route is not an error, nor is one that forbids the destination (blackhole, prohibit,
    /// unreachable): a machine may start its tunnel before its network.
    async fn find(
        connection: &Connection,
        datagrams: &Datagrams<'_>,
        device: Option<&Link>,
    ) -> Result<Self> {
        let peer = datagrams.peer;
        let mut found = Self {
            peer,
            is_remote: false,
            path_mtu: None,
            prefix_length: None,
            is_apart: device.is_some(),
        };
        let index = device.map(|device| device.if_index);
        let route = match connection.route_to(peer, datagrams.mark, index).await {
            Ok(route) if route.is_broadcast => return Err(broadcast(peer)),
            route => route,
        };
        if is_loopback(peer.ip()) {
            return Ok(found);
        }
        found.is_remote = true;
        match route {
            Ok(route) if route.is_local => found.is_remote = false,
            Ok(route) => {
                found.is_apart |= is_apart(datagrams, &route).await?;
                // In a table that comes after that of the relay's routes, the length of the prefix does not help.
                found.prefix_length = (route.table == MAIN).then_some(route.prefix_length);
                found.path_mtu = match (route.mtu, route.interface_index) {
                    (Some(mtu), _) => Some(mtu),
                    (None, Some(index)) => Some(connection.link(&LinkRef::Index(index)).await?.mtu),
                    (None, None) => None,
                };
            }
            Err(error) if error.code() == ErrorCode::Unreachable => {
                // Without a route, a destination is taken to be on the link that the socket is bound to.
                found.path_mtu = device.map(|device| device.mtu);
            }
            Err(error) => return Err(error),
        }
        Ok(found)
    }

    fn inner_mtu(&self) -> u32 {
        if !self.is_remote {
            return mtu::DEFAULT;
        }
        mtu::inside(self.path_mtu.unwrap_or(mtu::DEFAULT), self.peer)
    }

    /// The kernel takes the longest prefix; of two equal ones it would take ours, or refuse it. A
    /// default route is added as two halves, whose prefix has one bit.
    fn refuse_loops(&self, config: &RelayConfig) -> Result<()> {
        if !self.is_remote {
            return Ok(());
        }
        let peer = self.peer.ip();
        let swallows = |net: &&IpNet| {
            // The address itself would be in the table `local`, which comes first.
            net.contains(&peer)
                && (!self.is_apart || net.addr() == peer)
                && self.prefix_length.is_none_or(|length| net.prefix_len().max(1) >= length)
        };
        let refuse = |operation: &'static str, net: &IpNet| {
            let reason = format!("it would lead the datagrams to {peer} into the tunnel");
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

/// Returns whether the kernel finds the route of the datagrams before it looks into the table of the relay's routes.
async fn is_apart(datagrams: &Datagrams<'_>, route: &RouteMatch) -> Result<bool> {
    if route.table == MAIN {
        return Ok(false);
    }
    let rules = Connection::open()?.rules_of(datagrams.peer.ip()).await?;
    Ok(datagrams.precede_main(&rules, route.table, route.prefix_length))
}

fn unbound(error: Error) -> Error {
    match error.code() {
        ErrorCode::NotFound => error.with_advice(
            "--bind-device (bindDevice) must name an interface in the namespace of the socket: \"ip link\" lists them",
        ),
        _ => error,
    }
}

fn broadcast(peer: SocketAddr) -> Error {
    let reason =
        "it is the broadcast address of a network of this machine, not the address of one host";
    Error::new(ErrorCode::InvalidArgument, "send to", peer.ip().to_string(), reason)
        .with_advice("give the peer's own address")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(peer: &str, prefix_length: Option<u8>) -> UnderlayRoute {
        let peer = SocketAddr::new(peer.parse().unwrap(), 5);
        let path_mtu = Some(1_500);
        UnderlayRoute { peer, is_remote: true, path_mtu, prefix_length, is_apart: false }
    }

    fn config(address: &str, route: Option<&str>) -> RelayConfig {
        let peer = "192.0.2.7:5".parse().unwrap();
        let mut config = RelayConfig::new(address.parse().unwrap(), peer, 0);
        config.routes.extend(route.map(|route| route.parse::<IpNet>().unwrap()));
        config
    }

    #[test]
    fn a_route_longer_than_the_peers_own_is_refused() {
        let on_link = route("192.0.2.7", Some(24));
        let by_default = route("192.0.2.7", Some(0));
        assert!(on_link.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).is_ok());
        assert!(on_link.refuse_loops(&config("10.9.0.1/24", Some("192.0.2.0/25"))).is_err());
        assert!(on_link.refuse_loops(&config("10.9.0.1/24", Some("192.0.2.0/24"))).is_err());
        let error = by_default.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RouteLoop);
        let by_half = route("192.0.2.7", Some(1));
        assert!(by_half.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).is_err());
        let by_quarter = route("192.0.2.7", Some(2));
        assert!(by_quarter.refuse_loops(&config("10.9.0.1/24", Some("0.0.0.0/0"))).is_ok());
        assert!(by_default.refuse_loops(&config("10.9.0.1/24", Some("198.51.100.0/24"))).is_ok());
    }

    #[test]
    fn an_address_whose_network_holds_the_peer_is_refused() {
        assert!(route("192.0.2.7", Some(0)).refuse_loops(&config("192.0.2.1/24", None)).is_err());
        assert!(route("192.0.2.7", None).refuse_loops(&config("192.0.2.1/24", None)).is_err());
        let here = UnderlayRoute { is_remote: false, ..route("192.0.2.7", None) };
        assert!(here.refuse_loops(&config("192.0.2.1/24", None)).is_ok());
    }

    #[test]
    fn without_a_route_ethernet_is_assumed() {
        assert_eq!(UnderlayRoute { path_mtu: None, ..route("192.0.2.7", None) }.inner_mtu(), 1_472);
        let here = UnderlayRoute { is_remote: false, ..route("192.0.2.7", None) };
        assert_eq!(here.inner_mtu(), 1_500);
    }

    #[test]
    fn of_several_peers_each_counts() {
        let (near, far) = (route("192.0.2.7", Some(24)), route("2001:db8::7", None));
        let routes = UnderlayRoutes(vec![near, UnderlayRoute { path_mtu: Some(1_400), ..far }]);
        assert_eq!(routes.inner_mtu(), 1_352);
        assert!(routes.refuse_loops(&config("10.9.0.1/24", None)).is_ok());
        let error = routes.refuse_loops(&config("2001:db8::1/64", None)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RouteLoop);
    }
}
