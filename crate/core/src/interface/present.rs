//! The addresses and routes of an interface.

use crate::error::{Error, ErrorCode, Result};
use crate::netlink::address::Address;
use crate::netlink::names::{Protocol, RouteType, Table};
use crate::netlink::route::Route;
use crate::netlink::{Connection, Datagram};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// `IP6_RT_PRIO_USER` (net/ip6_route.h): the metric of an IPv6 route that was added without one. IPv4
/// routes have no metric then.
const METRIC_V6: u32 = 1_024;

/// Returns whether one of the addresses is `wanted`, with its prefix and without a peer.
///
/// # Errors
///
/// [`ErrorCode::Exists`] if the interface has that IPv6 address with another prefix: the kernel accepts
/// each IPv6 address of an interface only once.
pub(super) fn has_address(present: &[Address], wanted: IpNet, interface: &str) -> Result<bool> {
    let same = || present.iter().filter(|one| one.address == wanted.addr());
    if same().any(|one| one.prefix_length == wanted.prefix_len() && one.peer.is_none()) {
        return Ok(true);
    }
    match same().next().filter(|one| one.address.is_ipv6()) {
        None => Ok(false),
        Some(other) => {
            let reason = format!("{interface} has it with the prefix /{}", other.prefix_length);
            Err(Error::new(ErrorCode::Exists, "add the address", wanted.to_string(), reason)
                .with_advice("use that prefix, or delete the address first"))
        }
    }
}

/// Returns whether one of the routes equals a new route to `network` through the interface: in the main
/// table, unicast, without a gateway, with the default metric. The protocol is not compared.
pub(super) fn has_route(present: &[Route], network: IpNet) -> bool {
    present.iter().any(|route| is_plain(route, network))
}

/// Returns the same for a route that this project added: its protocol is `static`.
pub(super) fn has_own_route(present: &[Route], network: IpNet) -> bool {
    let is_own = |route: &Route| route.protocol == Protocol(libc::RTPROT_STATIC);
    present.iter().any(|route| is_own(route) && is_plain(route, network))
}

fn is_plain(route: &Route, network: IpNet) -> bool {
    let metric = network.addr().is_ipv6().then_some(METRIC_V6);
    route.destination == network.trunc()
        && route.kind == RouteType(libc::RTN_UNICAST)
        && route.table == Table(u32::from(libc::RT_TABLE_MAIN))
        && route.metric == metric
        && route.tos == 0
        && route.from.is_none()
        && route.gateway.is_none()
        && route.next_hops.is_empty()
}

/// Returns the addresses of the interface of that index, in the calling thread's network namespace.
pub(super) async fn addresses(index: u32) -> Result<Vec<Address>> {
    Connection::open()?.addresses_of(index).await
}

/// Returns the routes of the main table through the interface of that index, in the calling thread's
/// network namespace.
pub(super) async fn routes(index: u32) -> Result<Vec<Route>> {
    Connection::open()?.routes_through(index).await
}

/// Returns whether the kernel receives packets to `address`, an address of the interface of that index.
pub(super) async fn has_local_route(connection: &Connection, address: IpNet, index: u32) -> bool {
    let destination = match address.addr() {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, 1, 0, index).into(),
        ip => SocketAddr::new(ip, 1),
    };
    let datagram = Datagram {
        destination,
        source: None,
        source_port: None,
        mark: 0,
        device: None,
        user: None,
    };
    connection.route_to(&datagram).await.is_ok_and(|route| route.is_local)
}
