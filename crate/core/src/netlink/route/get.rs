//! Looks up the route to a destination.

use super::{Head, read};
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::codec::{Message, MessageView, rta};
use crate::netlink::connection::{Connection, Request};
use crate::netlink::context::Context;
use crate::netlink::family;
use crate::netlink::indices::Indices;
use crate::netlink::link::LinkRef;
use serde::Deserialize;
use std::net::IpAddr;

/// `RTM_F_LOOKUP_TABLE` requests the table of the route. `RTM_F_FIB_MATCH` (Linux ≥ 4.13) requests the
/// route as it is in its table instead of the path of a packet (linux/rtnetlink.h).
const LOOKUP_TABLE: u32 = 0x1000;
const FIB_MATCH: u32 = 0x2000;

/// A packet whose route is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteQuery {
    /// Destination address.
    pub destination: IpAddr,
    /// Source address.
    pub from: Option<IpAddr>,
    /// The link that the packet leaves by.
    pub link: Option<LinkRef>,
    /// The link that the packet arrived by.
    pub input_link: Option<LinkRef>,
    /// Firewall mark.
    pub mark: Option<u32>,
    /// Return the route as it is in its table.
    #[serde(default)]
    pub fib_match: bool,
}

/// Builds the request for the route of a packet: `ip route get DESTINATION`.
pub(in crate::netlink) fn get_request(query: &RouteQuery, indices: &Indices) -> Result<Request> {
    let host_length = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
    let head = Head {
        family: family::of(query.destination),
        destination_length: host_length(query.destination),
        source_length: query.from.map_or(0, host_length),
        // IPv6 reports the table without this flag, and rejects the flag.
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

/// Explains why the kernel did not find a route: a route or rule forbids the destination, or packets
/// cannot have the source. With a source, repeats the look-up without it to distinguish the two.
pub(in crate::netlink) async fn explain(
    connection: &Connection,
    error: Error,
    query: &RouteQuery,
    indices: &Indices,
) -> Error {
    let errno = error.errno().unwrap_or_default();
    if error.kernel_text().is_some() || !DECISIONS.contains(&errno) {
        return error;
    }
    if query.from.is_none() && query.input_link.is_none() {
        return decided(error, errno);
    }
    let plain = RouteQuery { from: None, input_link: None, ..query.clone() };
    match (errno_of(connection, &plain, indices).await, query.from) {
        (Some(errno), _) if DECISIONS.contains(&errno) => decided(error, errno),
        (_, None) => error.with_advice("packets there cannot arrive by that input link"),
        // The rule may only apply to packets from this source.
        (_, Some(from)) if query.input_link.is_none() && is_local(connection, from).await => {
            decided(error, errno)
        }
        (_, Some(from)) => error.with_advice(format!(
            "packets from {from} cannot take this route: the source must be an address of this machine, \
             or of a host behind the input link"
        )),
    }
}

/// The errnos that the kernel returns for the type of the route or rule that decided (`fib_props`,
/// net/ipv4/fib_semantics.c; `ip6_rt_type_to_error`, net/ipv6/route.c), or if there was none.
const DECISIONS: [i32; 4] = [libc::EINVAL, libc::EACCES, libc::EHOSTUNREACH, libc::ENETUNREACH];

fn decided(error: Error, errno: i32) -> Error {
    let kind = match errno {
        libc::EINVAL => "blackhole",
        libc::EACCES => "prohibit",
        libc::EHOSTUNREACH => "unreachable",
        _ => {
            return error.with_code(ErrorCode::Unreachable).with_advice(
                "no route leads there, or a throw route or a rule of the type unreachable excludes it: add a \
                 route, or list the rules by `ip rule`",
            );
        }
    };
    error.with_code(ErrorCode::Unreachable).with_advice(format!(
        "a route or rule of the type {kind} forbids this destination: list them by `ip route show table \
         all` and `ip rule`, then delete it or add a more specific route"
    ))
}

async fn errno_of(connection: &Connection, query: &RouteQuery, indices: &Indices) -> Option<i32> {
    let request = get_request(query, indices).ok()?;
    connection.exchange(request).await.err()?.errno()
}

/// Returns whether this machine has an address.
async fn is_local(connection: &Connection, address: IpAddr) -> bool {
    let query = RouteQuery {
        destination: address,
        from: None,
        link: None,
        input_link: None,
        mark: None,
        fib_match: false,
    };
    let Ok(request) = get_request(&query, &Indices::default()) else { return false };
    let Ok(Some(payload)) = connection.exchange(request).await else { return false };
    let message =
        MessageView { kind: libc::RTM_NEWROUTE, flags: 0, sequence: 0, payload: &payload };
    matches!(read(message), Ok(Some(route)) if route.kind.0 == libc::RTN_LOCAL)
}
