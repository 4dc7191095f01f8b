//! Adding, replacing, appending and removing routes.

use super::delete::DEFAULT_METRIC6;
use super::{Head, ON_LINK, PERVASIVE, RouteSpec, short};
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::codec::{Message, rta};
use crate::netlink::connection::{Connection, Request};
use crate::netlink::context::Context;
use crate::netlink::family;
use crate::netlink::indices::Indices;
use crate::netlink::link::LinkRef;
use crate::netlink::names::{Protocol, RouteType};
use crate::netlink::other;
use ipnet::IpNet;
use std::net::IpAddr;

impl RouteSpec {
    /// Returns the scope as iproute2's `iproute_modify` does. IPv4 derives from the scope whether there
    /// is a gateway.
    fn scope(&self, action: Action) -> u8 {
        if let Some(scope) = self.scope {
            return scope.0;
        }
        if self.destination.addr().is_ipv6() {
            return libc::RT_SCOPE_UNIVERSE;
        }
        match self.kind.map_or(libc::RTN_UNICAST, |kind| kind.0) {
            libc::RTN_LOCAL | libc::RTN_NAT => libc::RT_SCOPE_HOST,
            libc::RTN_BROADCAST | libc::RTN_MULTICAST | libc::RTN_ANYCAST => libc::RT_SCOPE_LINK,
            _ if action == Action::Delete => libc::RT_SCOPE_NOWHERE,
            libc::RTN_UNICAST
                if self.gateway.is_none()
                    && self.next_hops.is_empty()
                    && self.next_hop_id.is_none() =>
            {
                libc::RT_SCOPE_LINK
            }
            _ => libc::RT_SCOPE_UNIVERSE,
        }
    }

    fn head(&self, action: Action) -> Head {
        let (kind, protocol) = match action {
            // The kernel ignores unspecified values.
            Action::Delete => (libc::RTN_UNSPEC, libc::RTPROT_UNSPEC),
            _ => (libc::RTN_UNICAST, libc::RTPROT_BOOT),
        };
        Head {
            family: family::of(self.destination.addr()),
            destination_length: self.destination.prefix_len(),
            source_length: self.from.map_or(0, |from| from.prefix_len()),
            tos: self.tos.unwrap_or(0),
            table: short(self.table()),
            protocol: self.protocol.map_or(protocol, |protocol| protocol.0),
            scope: self.scope(action),
            kind: self.kind.map_or(kind, |kind| kind.0),
            flags: flags(self.on_link == Some(true), self.pervasive),
        }
    }

    /// Refuses a next-hop object together with next hops: the kernel would ignore one of the two.
    fn check_next_hops(&self, operation: &'static str) -> Result<()> {
        let has_hops = self.gateway.is_some() || self.link.is_some() || !self.next_hops.is_empty();
        if self.next_hop_id.is_none() || !has_hops {
            return Ok(());
        }
        let reason = "a next-hop object and a gateway, link or next hops exclude one another";
        let error =
            Error::new(ErrorCode::InvalidArgument, operation, self.destination.to_string(), reason);
        Err(error.with_advice(
            "leave out the gateway, link and next hops to keep the object, or leave out the object",
        ))
    }

    fn put_next_hops(&self, message: &mut Message, indices: &Indices) -> Result<()> {
        let mut hops = Vec::new();
        for hop in &self.next_hops {
            hops.push((hop, hop.link.as_ref().map(|link| indices.of(link)).transpose()?));
        }
        let is_ipv4 = self.destination.addr().is_ipv4();
        message.nest(rta::MULTIPATH, |message| {
            for (hop, index) in hops {
                message.counted(|message| {
                    let flags = flags(hop.on_link == Some(true), hop.pervasive) as u8;
                    let weight = hop.weight.unwrap_or(1).clamp(1, 256).saturating_sub(1) as u8;
                    // `struct rtnexthop`: length, flags, hops, index.
                    message.raw(&[0, 0, flags, weight]);
                    message.raw(&index.unwrap_or(0).to_ne_bytes());
                    put_gateway(message, hop.gateway, is_ipv4);
                    other::put(message, &hop.other_attributes);
                });
            }
        });
        Ok(())
    }
}

/// Returns the `RTNH_F_*` of a next hop.
fn flags(on_link: bool, pervasive: bool) -> u32 {
    (if on_link { ON_LINK } else { 0 }) | (if pervasive { PERVASIVE } else { 0 })
}

/// Appends a gateway, which may be of the other family than the destination (Linux ≥ 5.2 for IPv4 via
/// IPv6).
fn put_gateway(message: &mut Message, gateway: Option<IpAddr>, is_ipv4: bool) {
    let Some(gateway) = gateway else { return };
    if gateway.is_ipv4() == is_ipv4 {
        message.put(rta::GATEWAY, &gateway);
        return;
    }
    let mut via = u16::from(family::of(gateway)).to_ne_bytes().to_vec();
    match gateway {
        IpAddr::V4(address) => via.extend(address.octets()),
        IpAddr::V6(address) => via.extend(address.octets()),
    }
    message.put(rta::VIA, via.as_slice());
}

/// A change of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netlink) enum Action {
    /// `ip route add`
    Add,
    /// `ip route replace`
    Replace,
    /// `ip route append`
    Append,
    /// `ip route delete`
    Delete,
}

impl Action {
    fn request(self) -> (u16, i32, &'static str, &'static str) {
        const NEW: &str = "RTM_NEWROUTE";
        match self {
            Self::Add => {
                let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
                (libc::RTM_NEWROUTE, flags, "add the route", NEW)
            }
            Self::Replace => {
                let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
                (libc::RTM_NEWROUTE, flags, "replace the route", NEW)
            }
            Self::Append => {
                let flags = libc::NLM_F_CREATE | libc::NLM_F_APPEND;
                (libc::RTM_NEWROUTE, flags, "append the route", NEW)
            }
            Self::Delete => (libc::RTM_DELROUTE, 0, "delete the route", "RTM_DELROUTE"),
        }
    }
}

/// Builds the request that changes a route.
pub(in crate::netlink) fn request(
    action: Action,
    spec: &RouteSpec,
    indices: &Indices,
) -> Result<Request> {
    let (kind, flags, operation, name) = action.request();
    if spec.destination.trunc() != spec.destination {
        let subject = spec.destination.to_string();
        let reason = format!("it has host bits; the network is {}", spec.destination.trunc());
        return Err(Error::new(ErrorCode::InvalidArgument, operation, subject, reason));
    }
    spec.check_next_hops(operation)?;
    let mut message = Message::new(kind, flags | libc::NLM_F_ACK, &spec.head(action).bytes());
    if spec.destination.prefix_len() > 0 {
        message.put(rta::DST, &spec.destination.addr());
    }
    message.put_some(rta::SRC, spec.from.map(|from| from.addr()));
    let table = spec.table();
    message.put_some(rta::TABLE, (short(table) == 0).then_some(table.0));
    put_gateway(&mut message, spec.gateway, spec.destination.addr().is_ipv4());
    let index = spec.link.as_ref().map(|link| indices.of(link)).transpose()?;
    message.put_some(rta::OIF, index);
    message.put_some(rta::PREFSRC, spec.preferred_source);
    message.put_some(rta::PRIORITY, spec.metric);
    message.put_some(rta::PREF, spec.preference.map(|preference| preference.0));
    message.put_some(rta::EXPIRES, spec.expires_seconds);
    if let Some(metrics) = &spec.metrics {
        metrics.put(&mut message);
    }
    if !spec.next_hops.is_empty() {
        spec.put_next_hops(&mut message, indices)?;
    }
    message.put_some(rta::NH_ID, spec.next_hop_id);
    other::put(&mut message, &spec.other_attributes);
    let context = Context::new(operation, spec.destination.to_string(), name);
    Ok(Request::new(message, context))
}

impl Connection {
    /// Adds a route through a link: `ip route add NETWORK dev DEVICE proto static`.
    pub async fn add_route(&self, index: u32, network: IpNet) -> Result<()> {
        self.change(request(Action::Add, &through(index, network), &Indices::default())?).await
    }

    /// Deletes a route through a link: `ip route delete NETWORK dev DEVICE proto static`.
    pub async fn delete_route(&self, index: u32, network: IpNet) -> Result<()> {
        let mut spec = through(index, network);
        // For IPv4 the kernel deletes the route with the lowest metric first, which is 0.
        spec.metric = network.addr().is_ipv6().then_some(DEFAULT_METRIC6);
        self.change(request(Action::Delete, &spec, &Indices::default())?).await
    }
}

/// Returns a route of the main table whose next hop is the link itself.
fn through(index: u32, network: IpNet) -> RouteSpec {
    RouteSpec {
        destination: network.trunc(),
        from: None,
        kind: Some(RouteType(libc::RTN_UNICAST)),
        table: None,
        protocol: Some(Protocol(libc::RTPROT_STATIC)),
        scope: None,
        tos: None,
        gateway: None,
        link: Some(LinkRef::Index(index)),
        preferred_source: None,
        // The default of an IPv6 route (`IP6_RT_PRIO_USER`, net/ip6_route.h). It is stated explicitly,
        // because otherwise a delete could remove a route with another metric. An IPv4 route without a
        // metric is the first to be deleted.
        metric: network.addr().is_ipv6().then_some(1_024),
        metrics: None,
        next_hops: Vec::new(),
        next_hop_id: None,
        preference: None,
        expires_seconds: None,
        on_link: None,
        pervasive: false,
        other_attributes: Vec::new(),
    }
}
