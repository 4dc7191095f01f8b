//! Looks up the route that datagrams of a UDP socket take.

use super::{Route, RouteQuery, explain, get_request, next_hops, read};
use crate::error::{ErrorCode, Result};
use crate::netlink::codec::{MessageView, rta};
use crate::netlink::connection::Connection;
use crate::netlink::indices::Indices;
use crate::netlink::link::LinkRef;
use crate::netlink::names::RouteType;
use std::net::{IpAddr, SocketAddr};

/// A UDP datagram whose route is looked up. Rules of policy routing may select by each of its properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Destination address and port.
    pub destination: SocketAddr,
    /// Address that the socket is bound to; `None`: any.
    pub source: Option<IpAddr>,
    /// Port that the socket is bound to; `None`: not known.
    pub source_port: Option<u16>,
    /// Firewall mark of the socket; 0: none.
    pub mark: u32,
    /// Index of the interface that the socket is bound to; `None`: it is not bound to one.
    pub device: Option<u32>,
    /// User id that the socket was created with; `None`: that of the caller.
    pub user: Option<u32>,
}

/// The route to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMatch {
    /// The destination is this machine itself.
    pub is_local: bool,
    /// The destination is the broadcast address of a network.
    pub is_broadcast: bool,
    /// Length of the route's prefix.
    pub prefix_length: u8,
    /// The table that contains the route.
    pub table: u32,
    /// Indices of the interfaces of all next hops. Empty for a route without an interface.
    pub interfaces: Vec<u32>,
    /// MTU that is set on the route, bytes.
    pub mtu: Option<u32>,
}

impl RouteMatch {
    /// Returns whether this is a route of the main table.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.table == u32::from(libc::RT_TABLE_MAIN)
    }
}

/// Returns the name of a route type, if routes of this type forbid their destination.
fn forbidding(kind: RouteType) -> Option<&'static str> {
    match kind.0 {
        libc::RTN_UNICAST
        | libc::RTN_LOCAL
        | libc::RTN_BROADCAST
        | libc::RTN_MULTICAST
        | libc::RTN_ANYCAST => None,
        _ => Some(kind.name().unwrap_or("unknown")),
    }
}

impl Connection {
    /// Returns the route of a datagram: `ip route get fibmatch DESTINATION ipproto udp …`.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Unreachable`] if there is no route.
    pub async fn route_to(&self, datagram: &Datagram) -> Result<RouteMatch> {
        let Datagram { destination, source, source_port, mark, device, user } = *datagram;
        let scope = match destination {
            SocketAddr::V6(destination) => Some(destination.scope_id()).filter(|scope| *scope != 0),
            SocketAddr::V4(_) => None,
        };
        let query = RouteQuery {
            destination: destination.ip(),
            from: source.filter(|source| !source.is_unspecified()),
            link: scope.or(device).map(LinkRef::Index),
            input_link: None,
            mark: Some(mark).filter(|mark| *mark != 0),
            fib_match: true,
        };
        let mut request = get_request(&query, &Indices::default())?;
        request.message.put(rta::IP_PROTO, &(libc::IPPROTO_UDP as u8));
        request.message.put(rta::DPORT, &destination.port().to_be());
        request.message.put_some(rta::SPORT, source_port.map(u16::to_be));
        request.message.put_some(rta::UID, user);
        let context = request.context.clone();
        let reply = match self.exchange(request).await {
            Ok(reply) => reply.unwrap_or_default(),
            Err(error) => return Err(explain(self, error, &query, &Indices::default()).await),
        };
        let message =
            MessageView { kind: libc::RTM_NEWROUTE, flags: 0, sequence: 0, payload: &reply };
        let route = read(message).map_err(|malformed| context.malformed(&malformed.to_string()))?;
        let route = route.ok_or_else(|| context.malformed("the reply is not a route"))?;
        if let Some(name) = forbidding(route.kind) {
            let reason = format!("the route is of the type {name}, which forbids the destination");
            return Err(context.malformed(&reason).with_code(ErrorCode::Unreachable));
        }
        Ok(RouteMatch {
            is_local: route.kind.0 == libc::RTN_LOCAL,
            is_broadcast: route.kind.0 == libc::RTN_BROADCAST,
            prefix_length: route.destination.prefix_len(),
            table: route.table.0,
            interfaces: self.interfaces_of(&route).await?,
            mtu: route.metrics.and_then(|metrics| metrics.mtu),
        })
    }

    /// Returns the indices of the interfaces of all next hops of a route.
    async fn interfaces_of(&self, route: &Route) -> Result<Vec<u32>> {
        let hops = route.next_hops.iter().filter_map(|hop| hop.if_index);
        let listed: Vec<u32> = route.if_index.into_iter().chain(hops).collect();
        match route.next_hop_id {
            // With `net.ipv4.nexthop_compat_mode=0` the kernel does not list the next hops of an object.
            Some(id) if listed.is_empty() => next_hops::interfaces(self, id).await,
            _ => Ok(listed),
        }
    }
}
