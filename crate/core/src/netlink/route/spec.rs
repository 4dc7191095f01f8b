//! What is given of a route.

use super::RouteMetrics;
use crate::netlink::link::LinkRef;
use crate::netlink::names::{Preference, Protocol, RouteType, Scope, Table};
use crate::netlink::other::OtherAttribute;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;

/// A route to add, or the properties that identify the route to delete. Omitted properties default as in
/// `ip route`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteSpec {
    /// The network that it leads to.
    pub destination: IpNet,
    /// Only packets from this network; of IPv6.
    pub from: Option<IpNet>,
    /// Default: unicast.
    #[serde(rename = "type")]
    pub kind: Option<RouteType>,
    /// Default: main; local for addresses of this machine.
    pub table: Option<Table>,
    /// Default: boot.
    pub protocol: Option<Protocol>,
    /// Default: what the type and the gateway make of it.
    pub scope: Option<Scope>,
    /// Type of service.
    pub tos: Option<u8>,
    /// The next hop, perhaps of the other family.
    pub gateway: Option<IpAddr>,
    /// The link that packets leave by.
    pub link: Option<LinkRef>,
    /// Source address for packets that this machine begins.
    pub preferred_source: Option<IpAddr>,
    /// The lowest of several routes to a network is taken.
    pub metric: Option<u32>,
    /// Properties of the way.
    pub metrics: Option<RouteMetrics>,
    /// Several next hops.
    #[serde(default)]
    pub next_hops: Vec<NextHopSpec>,
    /// The number of a next-hop object, which takes the place of a gateway, a link and next hops.
    pub next_hop_id: Option<u32>,
    /// Among several routers; of IPv6.
    pub preference: Option<Preference>,
    /// When it ends; of IPv6.
    pub expires_seconds: Option<u32>,
    /// The gateway is on the link, whatever the addresses say. Default: false; for a delete, either.
    pub on_link: Option<bool>,
    /// `RTNH_F_PERVASIVE`
    #[serde(default)]
    pub pervasive: bool,
    /// Attributes that are not interpreted here, as they were listed.
    #[serde(default)]
    pub other_attributes: Vec<OtherAttribute>,
}

/// One of several next hops.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NextHopSpec {
    /// Its address.
    pub gateway: Option<IpAddr>,
    /// The link.
    pub link: Option<LinkRef>,
    /// Its part of the packets, 1 to 256, relative to the others. Default: 1.
    pub weight: Option<u32>,
    /// The gateway is on the link, whatever the addresses say. Default: false; for a delete, either.
    pub on_link: Option<bool>,
    /// `RTNH_F_PERVASIVE`
    #[serde(default)]
    pub pervasive: bool,
    /// Attributes that are not interpreted here, as they were listed.
    #[serde(default)]
    pub other_attributes: Vec<OtherAttribute>,
}

impl RouteSpec {
    /// The links that it names.
    pub(in crate::netlink) fn links(&self) -> impl Iterator<Item = &LinkRef> {
        let hops = self.next_hops.iter().filter_map(|hop| hop.link.as_ref());
        self.link.iter().chain(hops)
    }

    /// The table that it is in, or is to be in.
    pub(in crate::netlink) fn table(&self) -> Table {
        let is_of_this_machine = matches!(
            self.kind,
            Some(RouteType(libc::RTN_LOCAL | libc::RTN_BROADCAST | libc::RTN_ANYCAST))
        );
        let default = if is_of_this_machine { libc::RT_TABLE_LOCAL } else { libc::RT_TABLE_MAIN };
        // The kernel takes table 0 for the main one (`fib_new_table`, net/ipv4; `fib6_new_table`, net/ipv6).
        let is_none = |table: &Table| table.0 == u32::from(libc::RT_TABLE_UNSPEC);
        let main = Table(u32::from(libc::RT_TABLE_MAIN));
        self.table
            .map_or(Table(u32::from(default)), |table| if is_none(&table) { main } else { table })
    }
}
