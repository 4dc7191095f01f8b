//! Finds the route that a delete refers to.
//!
//! The kernel treats a delete as a pattern and removes the first route that matches (`fib_table_delete`,
//! net/ipv4/fib_trie.c; `ip6_route_del`, net/ipv6/route.c). Therefore the routes are listed and compared
//! here, and the request contains all properties of the route that was found.

use super::{NextHop, NextHopSpec, Route, RouteSpec};
use crate::error::Result;
use crate::netlink::indices::Indices;
use crate::netlink::link::LinkRef;
use crate::netlink::other;

/// The metric of an IPv6 route that was added without one: `IP6_RT_PRIO_USER` (net/ip6_route.h).
pub(super) const DEFAULT_METRIC6: u32 = 1024;

/// Finds the routes to one destination that have all given properties. Returns the place of each route,
/// and the request that deletes only that route. For IPv6 one next hop of a multipath route is a separate
/// route, if the gateway or link is given.
pub(in crate::netlink) fn find(
    spec: &RouteSpec,
    routes: &[(usize, &Route)],
    indices: &Indices,
) -> Result<Vec<(usize, RouteSpec)>> {
    let link = spec.link.as_ref().map(|link| indices.of(link)).transpose()?;
    let mut found = Vec::new();
    for (place, route) in routes {
        if !has_properties(route, spec) || !has_next_hops(route, spec, indices)? {
            continue;
        }
        let is_of_hop = spec.gateway.is_some() || link.is_some();
        let full = of_route(route);
        if route.family == 6 && is_of_hop && !route.next_hops.is_empty() {
            let hops = route.next_hops.iter();
            let hops = hops.filter(|hop| leads_by(spec, link, hop.gateway, hop.if_index));
            found.extend(hops.map(|hop| (*place, of_hop(full.clone(), hop))));
        } else if leads_by(spec, link, route.gateway, route.if_index) {
            found.push((*place, full));
        }
    }
    Ok(found)
}

fn leads_by(
    spec: &RouteSpec,
    link: Option<u32>,
    gateway: Option<std::net::IpAddr>,
    if_index: Option<u32>,
) -> bool {
    (spec.gateway.is_none() || spec.gateway == gateway) && (link.is_none() || link == if_index)
}

/// Returns whether a route has the `on_link` of a specification. Next hops have one of their own.
fn has_on_link(route: &Route, spec: &RouteSpec) -> bool {
    let has_hops = !spec.next_hops.is_empty() || !route.next_hops.is_empty();
    match spec.on_link {
        Some(true) => route.on_link || !spec.next_hops.is_empty(),
        Some(false) => !route.on_link || has_hops,
        None => true,
    }
}

/// Returns whether a route has the given properties, except for the next hops. Properties that do not
/// distinguish routes are not compared: the remaining lifetime, and for IPv6 the scope.
fn has_properties(route: &Route, spec: &RouteSpec) -> bool {
    let is_ipv4 = route.family == 4;
    let metric = |metric: u32| if metric == 0 && !is_ipv4 { DEFAULT_METRIC6 } else { metric };
    let from = spec.from.filter(|from| from.prefix_len() > 0);
    (spec.from.is_none() || from == route.from)
        && spec.kind.is_none_or(|kind| kind == route.kind)
        && spec.table() == route.table
        && spec.protocol.is_none_or(|protocol| protocol == route.protocol)
        && spec.scope.is_none_or(|scope| scope == route.scope || !is_ipv4)
        && spec.tos.is_none_or(|tos| tos == route.tos)
        && spec.metric.is_none_or(|wanted| metric(wanted) == route.metric.unwrap_or(0))
        && (spec.preferred_source.is_none() || spec.preferred_source == route.preferred_source)
        && spec.preference.is_none_or(|one| route.preference.unwrap_or_default() == one)
        && (spec.next_hop_id.is_none() || spec.next_hop_id == route.next_hop_id)
        && has_on_link(route, spec)
        && spec
            .metrics
            .as_ref()
            .is_none_or(|wanted| route.metrics.clone().unwrap_or_default().has_all(wanted))
        && other::has_all(&route.other_attributes, &spec.other_attributes)
}

/// Returns whether a route has exactly the given next hops.
fn has_next_hops(route: &Route, spec: &RouteSpec, indices: &Indices) -> Result<bool> {
    if spec.next_hops.is_empty() {
        return Ok(true);
    }
    for wanted in &spec.next_hops {
        let link = wanted.link.as_ref().map(|link| indices.of(link)).transpose()?;
        let is_there = route.next_hops.iter().any(|hop| {
            (wanted.gateway.is_none() || wanted.gateway == hop.gateway)
                && (link.is_none() || link == hop.if_index)
                && wanted.weight.is_none_or(|weight| weight == hop.weight)
                && other::has_all(&hop.other_attributes, &wanted.other_attributes)
        });
        if !is_there {
            return Ok(false);
        }
    }
    Ok(spec.next_hops.len() == route.next_hops.len())
}

impl RouteSpec {
    /// Returns the properties that the kernel compares. It does not compare weights and flags; for IPv6
    /// it compares only the destination, next hops, metric and protocol.
    pub(in crate::netlink) fn as_compared(&self) -> Self {
        let mut spec = Self { on_link: None, ..self.clone() };
        for hop in &mut spec.next_hops {
            hop.weight = None;
        }
        if spec.destination.addr().is_ipv6() {
            spec.kind = None;
            spec.preferred_source = None;
            spec.metrics = None;
        }
        spec
    }
}

/// Returns all properties of a next hop.
fn next_hop(hop: &NextHop) -> NextHopSpec {
    NextHopSpec {
        gateway: hop.gateway,
        link: hop.if_index.map(LinkRef::Index),
        weight: Some(hop.weight),
        on_link: Some(hop.on_link),
        pervasive: false,
        other_attributes: hop.other_attributes.clone(),
    }
}

/// Returns all properties of a route.
fn of_route(route: &Route) -> RouteSpec {
    let is_by_object = route.next_hop_id.is_some();
    RouteSpec {
        destination: route.destination,
        from: route.from,
        kind: Some(route.kind),
        table: Some(route.table),
        protocol: Some(route.protocol),
        scope: Some(route.scope),
        tos: Some(route.tos),
        gateway: route.gateway.filter(|_| !is_by_object),
        link: route.if_index.filter(|_| !is_by_object).map(LinkRef::Index),
        preferred_source: route.preferred_source,
        metric: route.metric,
        metrics: route.metrics.clone(),
        next_hops: route.next_hops.iter().filter(|_| !is_by_object).map(next_hop).collect(),
        next_hop_id: route.next_hop_id,
        preference: None,
        expires_seconds: None,
        on_link: Some(route.on_link),
        pervasive: false,
        other_attributes: route.other_attributes.clone(),
    }
}

/// Returns the same for one next hop of an IPv6 route.
fn of_hop(route: RouteSpec, hop: &NextHop) -> RouteSpec {
    let NextHopSpec { gateway, link, on_link, other_attributes, .. } = next_hop(hop);
    RouteSpec { gateway, link, on_link, next_hops: Vec::new(), other_attributes, ..route }
}
