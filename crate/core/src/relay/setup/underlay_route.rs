//! The underlay's route to a peer: how long its datagrams may be, and which networks must not be routed into
//! the tunnel (`route_loop`).

mod route_loop;

use super::mtu;
use super::source_ports::Sockets;
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::{Connection, Datagram, Link, LinkRef, RouteMatch};
use crate::relay::config::RelayConfig;
use crate::relay::wire::Wire;
use crate::udp::{UdpEndpoint, is_loopback};
use std::net::SocketAddr;

/// The route that datagrams to a peer take, as it was before the tunnel was set up.
#[derive(Clone, Debug)]
pub(super) struct UnderlayRoute {
    /// A datagram to the peer.
    datagram: Datagram,
    /// The peer is not on this machine.
    is_remote: bool,
    /// MTU of the route; `None`: the peer is on this machine, or there is no route yet.
    path_mtu: Option<u32>,
    /// Prefix length of the route in the main table; `None`: there is no route yet, it is in another table, or the socket
    /// is bound to an interface.
    prefix_length: Option<u8>,
    /// Indices of the interfaces of its next hops.
    interfaces: Vec<u32>,
}

/// The routes to all peers.
#[derive(Debug)]
pub(super) struct UnderlayRoutes {
    routes: Vec<UnderlayRoute>,
    /// The format of datagrams.
    wire: Wire,
}

impl UnderlayRoutes {
    /// Looks up the routes in the network namespace of `connection`, for datagrams of `sockets`.
    pub(super) async fn find(
        connection: &Connection,
        config: &RelayConfig,
        sockets: &[Sockets],
    ) -> Result<Self> {
        let locals: Vec<_> =
            sockets.iter().flat_map(|queue| &queue.receiving).map(UdpEndpoint::local).collect();
        let mut routes = Vec::new();
        let device = match &config.bind_device {
            Some(name) => Some(connection.link(&LinkRef::Name(name.clone())).await?),
            None => None,
        };
        for peer in config.endpoints() {
            let local = locals.iter().find(|local| local.is_ipv4() == peer.is_ipv4()).copied();
            let index = device.as_ref().map(|device| device.if_index);
            let datagram = datagram(peer, local, config.fwmark, index);
            routes.push(UnderlayRoute::find(connection, datagram, device.as_ref()).await?);
        }
        Ok(Self { routes, wire: config.wire() })
    }

    /// Returns a datagram to the first peer.
    pub(super) fn datagram(&self) -> Option<Datagram> {
        self.routes.first().map(|route| route.datagram)
    }

    /// Returns the MTU for the interface if none was asked for, bytes: the one that suits every peer.
    pub(super) fn inner_mtu(&self) -> u32 {
        self.routes.iter().map(|route| route.inner_mtu(self.wire)).min().unwrap_or(mtu::DEFAULT)
    }

    /// Returns the inner MTU that the paths leave, as far as they are known, bytes; `None` if none is.
    pub(super) fn known_mtu(&self) -> Option<u32> {
        let known = self.routes.iter().filter(|route| route.path_mtu.is_some());
        known.map(|route| route.inner_mtu(self.wire)).min()
    }

    /// Returns the MTU of the route to each peer, as far as they are known, bytes.
    pub(super) fn path_mtus(&self) -> Vec<(SocketAddr, u32)> {
        self.routes.iter().filter_map(|route| Some((route.peer(), route.path_mtu?))).collect()
    }

    /// Returns the peers whose known path leaves less than `mtu` bytes inside, and how many it leaves.
    pub(super) fn narrower_than(&self, mtu: u32) -> impl Iterator<Item = (SocketAddr, u32)> {
        let known = self.routes.iter().filter(|route| route.path_mtu.is_some());
        known
            .map(|route| (route.peer(), route.inner_mtu(self.wire)))
            .filter(move |(_, inner)| *inner < mtu)
    }

    /// Returns the peer whose datagrams come back to the socket at `local`.
    pub(super) fn peer_at(&self, local: SocketAddr) -> Option<SocketAddr> {
        let is_own = |peer: &SocketAddr| {
            let ip = local.ip();
            peer.port() == local.port()
                && peer.is_ipv4() == local.is_ipv4()
                && (ip.is_unspecified() || ip == peer.ip())
        };
        self.routes.iter().filter(|route| !route.is_remote).map(UnderlayRoute::peer).find(is_own)
    }
}

impl UnderlayRoute {
    /// Looks up the route of `datagram`, whose socket is bound to the interface `device` if there is one.
    /// `InvalidArgument` if the peer is the broadcast address of a network.
    ///
    /// A missing route is not an error, nor is one that forbids the destination (blackhole, prohibit,
    /// unreachable): a machine may start its tunnel before its network.
    async fn find(
        connection: &Connection,
        datagram: Datagram,
        device: Option<&Link>,
    ) -> Result<Self> {
        let peer = datagram.destination;
        let mut found = Self {
            datagram,
            is_remote: false,
            path_mtu: None,
            prefix_length: None,
            interfaces: Vec::new(),
        };
        let route = match connection.route_to(&datagram).await {
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
                found.prefix_length =
                    (route.is_main() && device.is_none()).then_some(route.prefix_length);
                found.path_mtu = path_mtu(connection, &route, peer).await?;
                found.interfaces = route.interfaces;
            }
            Err(error) if error.code() == ErrorCode::Unreachable => {
                // Without a route, a destination is taken to be on the link that the socket is bound to.
                found.path_mtu = device.map(|device| device.mtu);
            }
            Err(error) => return Err(error),
        }
        Ok(found)
    }

    fn peer(&self) -> SocketAddr {
        self.datagram.destination
    }

    fn inner_mtu(&self, wire: Wire) -> u32 {
        if !self.is_remote {
            return mtu::DEFAULT;
        }
        let longest = mtu::inside(self.path_mtu.unwrap_or(mtu::DEFAULT), self.peer());
        mtu::of_interface(longest, wire)
    }
}

/// Returns a datagram to `peer` from the socket at `local` with this firewall mark, which is bound to the interface with
/// the index `device`.
pub(super) fn datagram(
    peer: SocketAddr,
    local: Option<SocketAddr>,
    mark: u32,
    device: Option<u32>,
) -> Datagram {
    Datagram {
        destination: peer,
        source: local.map(|local| local.ip()),
        source_port: local.map(|local| local.port()),
        mark,
        device,
        user: None,
    }
}

/// Returns the MTU of the path, as far as this machine knows it, bytes: the smallest MTU of the route and of the
/// interfaces of its next hops. `None` for a route without an interface and an MTU.
async fn path_mtu(
    connection: &Connection,
    route: &RouteMatch,
    peer: SocketAddr,
) -> Result<Option<u32>> {
    let mut least = route.mtu;
    for index in &route.interfaces {
        let link = match connection.link(&LinkRef::Index(*index)).await {
            Ok(link) => link,
            // It was deleted, with its next hops.
            Err(error) if error.code() == ErrorCode::NotFound => continue,
            Err(error) => return Err(error),
        };
        let ipv6_mtu = link.ipv6_mtu.filter(|_| peer.is_ipv6());
        least = [least, Some(link.mtu), ipv6_mtu].into_iter().flatten().min();
    }
    Ok(least)
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
    use ipnet::IpNet;

    pub(super) fn route(peer: &str, prefix_length: Option<u8>) -> UnderlayRoute {
        let peer = SocketAddr::new(peer.parse().unwrap(), 5);
        let path_mtu = Some(1_500);
        let interfaces = Vec::new();
        let datagram = datagram(peer, None, 0, None);
        UnderlayRoute { datagram, is_remote: true, path_mtu, prefix_length, interfaces }
    }

    pub(super) fn config(address: &str, route: Option<&str>) -> RelayConfig {
        let peer = "192.0.2.7:5".parse().unwrap();
        let mut config = RelayConfig::new(address.parse().unwrap(), peer, 0);
        config.routes.extend(route.map(|route| route.parse::<IpNet>().unwrap()));
        config
    }

    #[test]
    fn without_a_route_ethernet_is_assumed() {
        let remote = UnderlayRoute { path_mtu: None, ..route("192.0.2.7", None) };
        let here = UnderlayRoute { is_remote: false, ..remote.clone() };
        for (wire, expected) in [(Wire::Plain, 1_472), (Wire::Frames, 1_458)] {
            assert_eq!((remote.inner_mtu(wire), here.inner_mtu(wire)), (expected, 1_500));
        }
    }

    #[test]
    fn of_several_peers_each_counts() {
        let (near, far) = (route("192.0.2.7", Some(24)), route("2001:db8::7", Some(0)));
        let routes = vec![near, UnderlayRoute { path_mtu: Some(1_400), ..far }];
        let routes = UnderlayRoutes { routes, wire: Wire::Plain };
        assert_eq!(routes.inner_mtu(), 1_352);
        assert!(routes.refuse_loops(&config("10.9.0.1/24", None)).is_ok());
        let error = routes.refuse_loops(&config("2001:db8::1/64", None)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RouteLoop);
    }
}
