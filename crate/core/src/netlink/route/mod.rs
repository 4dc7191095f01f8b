//! Routes: `ip route`.

mod change;
mod delete;
mod get;
mod list;
mod metrics;
mod read;
mod spec;
mod state;

pub use get::{RouteMatch, RouteQuery};
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
    /// What does with packets to this network what is said below.
    pub destination: IpNet,
    /// Only packets from this network; of IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<IpNet>,
    /// What is done with a packet.
    #[serde(rename = "type")]
    pub kind: RouteType,
    /// The table that it is in.
    pub table: Table,
    /// Who made it.
    pub protocol: Protocol,
    /// How far away the destination is.
    pub scope: Scope,
    /// Only packets with this type of service; 0: any.
    #[serde(skip_serializing_if = "is_zero")]
    pub tos: u8,
    /// The next hop, perhaps of the other family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Index of the link that packets leave by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_index: Option<u32>,
    /// Index of the link that they came in by; of a look-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_if_index: Option<u32>,
    /// Source address for packets that this machine begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_source: Option<IpAddr>,
    /// The lowest of several routes to a network is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// Properties of the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<RouteMetrics>,
    /// Several next hops.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next_hops: Vec<NextHop>,
    /// The number of a next-hop object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop_id: Option<u32>,
    /// Among several routers; of IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference: Option<Preference>,
    /// When it ends, from now on; of IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_seconds: Option<u32>,
    /// Names of `RTNH_F_*` that are set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    /// The gateway is on the link, whatever the addresses say.
    pub on_link: bool,
    /// Attributes that are not interpreted here: an encapsulation (`RTA_ENCAP`), for example.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_attributes: Vec<OtherAttribute>,
}

/// One of several next hops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextHop {
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Index of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_index: Option<u32>,
    /// Its part of the packets, 1 to 256, relative to the others.
    pub weight: u32,
    /// Names of `RTNH_F_*` that are set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    /// The gateway is on the link, whatever the addresses say.
    pub on_link: bool,
    /// Attributes that are not interpreted here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_attributes: Vec<OtherAttribute>,
}

impl Route {
    /// Whether packets leave by the link of that index, perhaps only some of them. A route by a next-hop
    /// object does not name its links if `net.ipv4.nexthop_compat_mode` is 0; a kernel with such objects
    /// filters by link itself.
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

/// Its name in a list of flags.
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

/// A table as the header has it: 8 bits; an attribute has those beyond.
fn short(table: Table) -> u8 {
    u8::try_from(table.0).unwrap_or(libc::RT_TABLE_UNSPEC)
}
