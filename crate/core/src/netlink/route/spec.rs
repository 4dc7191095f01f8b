//! The properties of a route in a request.

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
    /// The destination network.
    pub destination: IpNet,
    /// Only for packets from this network. IPv6 only.
    pub from: Option<IpNet>,
    /// Default: unicast.
    #[serde(rename = "type")]
    pub kind: Option<RouteType>,
    /// Default: main; local for addresses of this machine.
    pub table: Option<Table>,
    /// Default: boot.
    pub protocol: Option<Protocol>,
    /// Default: derived from the type and the gateway.
    pub scope: Option<Scope>,
    /// Type of service.
    pub tos: Option<u8>,
    /// The next hop; it may be of the other family.
    pub gateway: Option<IpAddr>,
    /// The link that packets leave by.
    pub link: Option<LinkRef>,
    /// Source address for packets that this machine sends.
    pub preferred_source: Option<IpAddr>,
    /// Of several routes to a network, the kernel uses the one with the lowest metric.
    pub metric: Option<u32>,
    /// Metrics of the path.
    pub metrics: Option<RouteMetrics>,
    /// Several next hops.
    #[serde(default)]
    pub next_hops: Vec<NextHopSpec>,
    /// The number of a next-hop object, which replaces a gateway, a link and next hops.
    pub next_hop_id: Option<u32>,
    /// Preference among several routers. IPv6 only.
    pub preference: Option<Preference>,
    /// Time until the route expires. IPv6 only.
    pub expires_seconds: Option<u32>,
    /// The gateway is on the link, regardless of its address. Default: false; a delete matches both.
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
    /// The address of the next hop.
    pub gateway: Option<IpAddr>,
    /// The link that packets leave by.
    pub link: Option<LinkRef>,
    /// Its share of the packets, 1 to 256, relative to the other next hops. Default: 1.
    pub weight: Option<u32>,
    /// The gateway is on the link, regardless of its address. Default: false; a delete matches both.
    pub on_link: Option<bool>,
    /// `RTNH_F_PERVASIVE`
    #[serde(default)]
    pub pervasive: bool,
    /// Attributes that are not interpreted here, as they were listed.
    #[serde(default)]
    pub other_attributes: Vec<OtherAttribute>,
}

impl RouteSpec {
    /// Returns the links that the route refers to.
    pub(in crate::netlink) fn links(&self) -> impl Iterator<Item = &LinkRef> {
        let hops = self.next_hops.iter().filter_map(|hop| hop.link.as_ref());
        self.link.iter().chain(hops)
    }

    /// Returns the table of the route.
    pub(in crate::netlink) fn table(&self) -> Table {
        let is_of_this_machine = matches!(
            self.kind,
            Some(RouteType(libc::RTN_LOCAL | libc::RTN_BROADCAST | libc::RTN_ANYCAST))
        );
        let default = if is_of_this_machine { libc::RT_TABLE_LOCAL } else { libc::RT_TABLE_MAIN };
        // The kernel takes table 0 for the main one (`fib_new_table`, net/ipv4; `fib6_new_table`,
        // net/ipv6).
        let is_none = |table: &Table| table.0 == u32::from(libc::RT_TABLE_UNSPEC);
        let main = Table(u32::from(libc::RT_TABLE_MAIN));
        self.table
            .map_or(Table(u32::from(default)), |table| if is_none(&table) { main } else { table })
    }
}
