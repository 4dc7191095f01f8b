//! The route that a destination has.

use super::{Head, Route, read};
use crate::error::{ErrorCode, Result};
use crate::netlink::codec::{Message, MessageView, rta};
use crate::netlink::connection::{Connection, Request};
use crate::netlink::context::Context;
use crate::netlink::family;
use crate::netlink::indices::Indices;
use crate::netlink::link::LinkRef;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};

/// `RTM_F_LOOKUP_TABLE`, `RTM_F_FIB_MATCH` (linux/rtnetlink.h): tell the table that the route is in;
/// answer the route as it stands there (Linux ≥ 4.13) rather than what becomes of a packet.
const LOOKUP_TABLE: u32 = 0x1000;
const FIB_MATCH: u32 = 0x2000;

/// A packet whose way is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteQuery {
    /// Where it goes.
    pub destination: IpAddr,
    /// Where it comes from.
    pub from: Option<IpAddr>,
    /// The link that it leaves by.
    pub link: Option<LinkRef>,
    /// The link that it came in by.
    pub input_link: Option<LinkRef>,
    /// Its firewall mark.
    pub mark: Option<u32>,
    /// Answer the route as it stands in its table.
    #[serde(default)]
    pub fib_match: bool,
}

/// Asks for the way of a packet: `ip route get DESTINATION`.
pub(in crate::netlink) fn get_request(query: &RouteQuery, indices: &Indices) -> Result<Request> {
    let host_length = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
    let head = Head {
        family: family::of(query.destination),
        destination_length: host_length(query.destination),
        source_length: query.from.map_or(0, host_length),
        // IPv6 tells the table anyway, and refuses to be asked for it.
        flags: if query.destination.is_ipv4() { LOOKUP_TABLE } else { 0 }
            | if query.fib_match { FIB_MATCH } else { 0 },
        ..Head::default()
    };
    let index = |link: &Option<LinkRef>| link.as_ref().map(|link| indices.of(link)).transpose();
    let mut message = Message::new(libc::RTM_GETROUTE, libc::NLM_F_ACK, &head.bytes());
    message.put(rta::DST, &query.destination);
    message.put_some(rta::SRC, query.from);
    message.put_some(rta::OIF, index(&query.link)?);
    message.put_some(rta::IIF, index(&query.input_link)?);
    message.put_some(rta::MARK, query.mark);
    let subject = query.destination.to_string();
    Ok(Request::new(message, Context::new("look up the route to", subject, "RTM_GETROUTE")))
}

/// The route that a destination has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteMatch {
    /// The destination is this machine itself.
    pub is_local: bool,
    /// The destination is every host of a network: its broadcast address.
    pub is_broadcast: bool,
    /// Length of the route's prefix.
    pub prefix_length: u8,
    /// Index of the interface it leads through; `None` for a route without one.
    pub interface_index: Option<u32>,
    /// MTU that is set on the route, bytes.
    pub mtu: Option<u32>,
}

impl Connection {
    /// The route to `destination`: `ip route get fibmatch DESTINATION`.
    ///
    /// [`ErrorCode::Unreachable`] if there is none.
    pub async fn route_to(&self, destination: SocketAddr) -> Result<RouteMatch> {
        let scope = match destination {
            SocketAddr::V6(destination) => Some(destination.scope_id()).filter(|scope| *scope != 0),
            SocketAddr::V4(_) => None,
        };
        let query = RouteQuery {
            destination: destination.ip(),
            from: None,
            link: scope.map(LinkRef::Index),
            input_link: None,
            mark: None,
            fib_match: true,
        };
        let request = get_request(&query, &Indices::default())?;
        let context = request.context.clone();
        let reply = self.exchange(request).await?.unwrap_or_default();
        let message =
            MessageView { kind: libc::RTM_NEWROUTE, flags: 0, sequence: 0, payload: &reply };
        let route = read(message).map_err(|malformed| context.malformed(&malformed.to_string()))?;
        let Route { kind, destination, if_index, metrics, .. } =
            route.ok_or_else(|| context.malformed("the reply is no route"))?;
        match kind.0 {
            libc::RTN_UNICAST
            | libc::RTN_LOCAL
            | libc::RTN_BROADCAST
            | libc::RTN_MULTICAST
            | libc::RTN_ANYCAST => {}
            _ => {
                return Err(context
                    .malformed("the route forbids it")
                    .with_code(ErrorCode::Unreachable));
            }
        }
        Ok(RouteMatch {
            is_local: kind.0 == libc::RTN_LOCAL,
            is_broadcast: kind.0 == libc::RTN_BROADCAST,
            prefix_length: destination.prefix_len(),
            interface_index: if_index,
            mtu: metrics.and_then(|metrics| metrics.mtu),
        })
    }
}
