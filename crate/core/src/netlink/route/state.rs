//! Compares a table with a wanted route.

use super::delete::DEFAULT_METRIC6;
use super::{NextHop, NextHopSpec, PERVASIVE_NAME, Route, RouteSpec};
use crate::error::Result;
use crate::netlink::indices::Indices;
use crate::netlink::other;
use serde::Serialize;
use std::net::IpAddr;

/// The result of comparing a table with a wanted route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteState {
    /// The key by which the kernel identifies the wanted route. A table has one route per key, except for
    /// appended routes.
    pub key: String,
    /// The route that has all wanted properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same: Option<Box<Route>>,
    /// A route of the same key that lacks some wanted properties. The wanted route can only replace it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Box<Route>>,
}

/// Finds a wanted route among the routes of its table and family. Properties that are not given are not
/// compared, except for the gateway and next hops: without them the route leads through the link itself.
pub(in crate::netlink) fn state<'a>(
    spec: &RouteSpec,
    routes: impl Iterator<Item = &'a Route>,
    indices: &Indices,
) -> Result<RouteState> {
    let wanted = Wanted::new(spec, indices)?;
    let key = key_of_spec(spec);
    let (mut same, mut conflict) = (None, None);
    for route in routes {
        let has_key = key_of(route) == key;
        if wanted.is(route) {
            // Of several routes, this is the one that the wanted route would become.
            if same.is_none() || has_key {
                same = Some(Box::new(route.clone()));
            }
        } else if has_key && conflict.is_none() {
            conflict = Some(Box::new(route.clone()));
        }
    }
    let conflict = if same.is_some() { None } else { conflict };
    Ok(RouteState { key, same, conflict })
}

/// Returns the properties that the kernel compares when it adds a route (`fib_table_insert`,
/// net/ipv4/fib_trie.c; `fib6_add_rt2node`, net/ipv6/ip6_fib.c).
fn key_of(route: &Route) -> String {
    let from = route.from.map(|from| from.to_string()).unwrap_or_default();
    let metric = route.metric.unwrap_or(0);
    format!(
        "{} from {from} table {} tos {} metric {metric}",
        route.destination, route.table.0, route.tos
    )
}

fn key_of_spec(spec: &RouteSpec) -> String {
    let from = spec.from.filter(|from| from.prefix_len() > 0);
    let from = from.map(|from| from.trunc().to_string()).unwrap_or_default();
    let metric = metric(spec.metric.unwrap_or(0), spec.destination.addr().is_ipv4());
    let (table, tos) = (spec.table().0, spec.tos.unwrap_or(0));
    format!("{} from {from} table {table} tos {tos} metric {metric}", spec.destination)
}

/// Returns the metric that the kernel assigns to a route.
fn metric(metric: u32, is_ipv4: bool) -> u32 {
    if metric == 0 && !is_ipv4 { DEFAULT_METRIC6 } else { metric }
}

/// A wanted route, with the indices of its links.
struct Wanted<'a> {
    spec: &'a RouteSpec,
    /// The next hops; nothing if they are not compared.
    hops: Option<Vec<WantedHop>>,
}

/// A wanted next hop.
struct WantedHop {
    spec: NextHopSpec,
    link: Option<u32>,
}

impl<'a> Wanted<'a> {
    fn new(spec: &'a RouteSpec, indices: &Indices) -> Result<Self> {
        let leads_nowhere = spec.kind.is_some_and(|kind| {
            matches!(
                kind.0,
                libc::RTN_BLACKHOLE | libc::RTN_UNREACHABLE | libc::RTN_PROHIBIT | libc::RTN_THROW
            )
        });
        if leads_nowhere || spec.next_hop_id.is_some() {
            return Ok(Self { spec, hops: None });
        }
        let single = NextHopSpec {
            gateway: spec.gateway,
            link: spec.link.clone(),
            weight: None,
            on_link: spec.on_link,
            pervasive: spec.pervasive,
            other_attributes: Vec::new(),
        };
        let hops = if spec.next_hops.is_empty() { vec![single] } else { spec.next_hops.clone() };
        let hops: Result<Vec<WantedHop>> = hops
            .into_iter()
            .map(|spec| {
                let link = spec.link.as_ref().map(|link| indices.of(link)).transpose()?;
                Ok(WantedHop { spec, link })
            })
            .collect();
        Ok(Self { spec, hops: Some(hops?) })
    }

    /// Returns whether a route has all wanted properties.
    fn is(&self, route: &Route) -> bool {
        let spec = self.spec;
        let is_ipv4 = route.family == 4;
        let from = spec.from.filter(|from| from.prefix_len() > 0).map(|from| from.trunc());
        let source = spec.preferred_source.map(|source| Some(source).filter(is_specified));
        spec.destination == route.destination
            && spec.table() == route.table
            && (spec.from.is_none() || from == route.from)
            && spec.kind.is_none_or(|kind| kind == route.kind)
            && spec.protocol.is_none_or(|protocol| protocol == route.protocol)
            && spec.scope.is_none_or(|scope| scope == route.scope || !is_ipv4)
            && spec.tos.is_none_or(|tos| tos == route.tos)
            && spec.metric.is_none_or(|one| metric(one, is_ipv4) == route.metric.unwrap_or(0))
            && source.is_none_or(|source| source == route.preferred_source)
            && spec.next_hop_id.is_none_or(|id| Some(id) == route.next_hop_id)
            && has_metrics(route, spec)
            && has_lifetime(route, spec)
            && other::has_all(&route.other_attributes, &spec.other_attributes)
            && self.hops.as_ref().is_none_or(|hops| leads_by(hops, &hops_of(route)))
    }
}

fn is_specified(address: &IpAddr) -> bool {
    !address.is_unspecified()
}

fn has_metrics(route: &Route, spec: &RouteSpec) -> bool {
    let Some(wanted) = &spec.metrics else { return true };
    route.metrics.clone().unwrap_or_default().has_all(wanted)
}

/// Compares properties that only IPv6 routes have. The remaining lifetime decreases, so any lifetime that
/// is not longer than the wanted one matches.
fn has_lifetime(route: &Route, spec: &RouteSpec) -> bool {
    route.family == 4
        || (spec.preference.is_none_or(|one| route.preference.unwrap_or_default() == one)
            && spec
                .expires_seconds
                .is_none_or(|most| route.expires_seconds.is_some_and(|left| left <= most)))
}

/// Returns the next hops of a route. The kernel lists a single next hop as properties of the route.
fn hops_of(route: &Route) -> Vec<NextHop> {
    if !route.next_hops.is_empty() {
        return route.next_hops.clone();
    }
    vec![NextHop {
        gateway: route.gateway,
        if_index: route.if_index,
        weight: 1,
        flags: route.flags.clone(),
        on_link: route.on_link,
        other_attributes: route.other_attributes.clone(),
    }]
}

/// Returns whether there is a different next hop for each wanted one, and no additional one.
fn leads_by(wanted: &[WantedHop], hops: &[NextHop]) -> bool {
    if wanted.len() != hops.len() {
        return false;
    }
    let is_one = hops.len() == 1;
    let mut left: Vec<&NextHop> = hops.iter().collect();
    // Wanted hops with a link come first, because a wanted hop without a link can match any of the
    // others.
    let (given, any): (Vec<_>, Vec<_>) = wanted.iter().partition(|hop| hop.link.is_some());
    given.into_iter().chain(any).all(|wanted| {
        let place = left.iter().position(|hop| wanted.is(hop, is_one));
        place.map(|place| left.swap_remove(place)).is_some()
    })
}

impl WantedHop {
    /// Returns whether a next hop has the wanted properties. The weight of a single next hop has no
    /// meaning.
    fn is(&self, hop: &NextHop, is_one: bool) -> bool {
        let spec = &self.spec;
        spec.gateway.filter(is_specified) == hop.gateway
            && (self.link.is_none() || self.link == hop.if_index)
            && (is_one || spec.weight.unwrap_or(1) == hop.weight)
            && spec.on_link.is_none_or(|on_link| on_link == hop.on_link)
            && (!spec.pervasive || hop.flags.contains(&PERVASIVE_NAME))
            && other::has_all(&hop.other_attributes, &spec.other_attributes)
    }
}
