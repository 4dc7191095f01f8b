//! Routes: `ip route`.

mod change;
mod datagram;
mod delete;
mod get;
mod list;
mod metrics;
mod next_hops;
mod read;
mod spec;
mod state;

pub use datagram::{Datagram, RouteMatch};
pub use get::RouteQuery;
pub use list::RouteFilter;
pub use metrics::RouteMetrics;
pub use spec::{NextHopSpec, RouteSpec};
pub use state::RouteState;

pub(super) use change::{Action, request};
pub(super) use delete::find;
pub(super) use get::{explain, get_request};
pub(super) use list::list_request;
pub(super) use read::read;
pub(super) use state::state;

use super::names::{Preference, Protocol, RouteType, Scope, Table};
use super::other::OtherAttribute;
use ipnet::IpNet;
use serde::Serialize;
use std::net::IpAddr;

/// A route, as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// 4 or 6.
    pub family: u8,
    /// The destination network.
    pub destination: IpNet,
    /// Only for packets from this network. IPv6 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<IpNet>,
    /// The action for a packet.
    #[serde(rename = "type")]
    pub kind: RouteType,
    /// The table that contains the route.
    pub table: Table,
    /// The origin of the route.
    pub protocol: Protocol,
    /// The distance to the destination.
    pub scope: Scope,
    /// Only for packets with this type of service; 0: any.
    #[serde(skip_serializing_if = "is_zero")]
    pub tos: u8,
    /// The next hop; it may be of the other family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Index of the link that packets leave by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_index: Option<u32>,
    /// Index of the link that the packets arrived by. Look-ups only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_if_index: Option<u32>,
    /// Source address for packets that this machine sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_source: Option<IpAddr>,
    /// Of several routes to a network, the kernel uses the one with the lowest metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// Metrics of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<RouteMetrics>,
    /// Several next hops.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next_hops: Vec<NextHop>,
    /// The number of a next-hop object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop_id: Option<u32>,
    /// Preference among several routers. IPv6 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference: Option<Preference>,
    /// Time until the route expires. IPv6 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_seconds: Option<u32>,
    /// The names of the `RTNH_F_*` that are set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    /// The gateway is on the link, regardless of its address.
    pub on_link: bool,
    /// Attributes that are not interpreted here, for example an encapsulation (`RTA_ENCAP`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_attributes: Vec<OtherAttribute>,
}

/// One of several next hops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextHop {
    /// The address of the next hop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Index of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_index: Option<u32>,
    /// Its share of the packets, 1 to 256, relative to the other next hops.
    pub weight: u32,
    /// The names of the `RTNH_F_*` that are set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    /// The gateway is on the link, regardless of its address.
    pub on_link: bool,
    /// Attributes that are not interpreted here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_attributes: Vec<OtherAttribute>,
}

impl Route {
    /// Returns whether packets leave by the link of that index, even if only some of them do. A route
    /// with a next-hop object does not list its links if `net.ipv4.nexthop_compat_mode` is 0. A kernel
    /// with such objects filters by link itself.
    fn leaves_by(&self, link: u32) -> bool {
        let is_hidden = self.next_hop_id.is_some() && self.if_index.is_none();
        let mut hops = self.next_hops.iter();
        self.if_index == Some(link)
            || hops.any(|hop| hop.if_index == Some(link))
            || (is_hidden && self.next_hops.is_empty())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// `struct rtmsg` (linux/rtnetlink.h).
const HEAD_BYTES: usize = 12;

/// `RTNH_F_ONLINK` (linux/rtnetlink.h).
const ON_LINK: u32 = 4;

/// `RTNH_F_PERVASIVE` (linux/rtnetlink.h): the only other flag of a next hop that a request sets.
const PERVASIVE: u32 = 2;

/// The name of this flag in a list of flags.
const PERVASIVE_NAME: &str = "pervasive";

/// The fields of `struct rtmsg` that requests set.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    family: u8,
    destination_length: u8,
    source_length: u8,
    tos: u8,
    table: u8,
    protocol: u8,
    scope: u8,
    kind: u8,
    flags: u32,
}

impl Head {
    fn bytes(self) -> [u8; HEAD_BYTES] {
        let [a, b, c, d] = self.flags.to_ne_bytes();
        let lengths = [self.family, self.destination_length, self.source_length, self.tos];
        let [family, destination, source, tos] = lengths;
        let Self { table, protocol, scope, kind, .. } = self;
        [family, destination, source, tos, table, protocol, scope, kind, a, b, c, d]
    }
}

/// Returns the table number for the header, which has 8 bits. Higher numbers are in an attribute.
fn short(table: Table) -> u8 {
    u8::try_from(table.0).unwrap_or(libc::RT_TABLE_UNSPEC)
}
