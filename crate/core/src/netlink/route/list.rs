//! Lists routes.

use super::{Head, Route, short};
use crate::netlink::codec::{Message, rta};
use crate::netlink::connection::Request;
use crate::netlink::context::Context;
use crate::netlink::family;
use crate::netlink::link::LinkRef;
use crate::netlink::names::{Protocol, RouteType, Table};
use serde::Deserialize;

/// Which routes to list; an absent property matches every route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RouteFilter {
    /// 4 or 6.
    pub family: Option<u8>,
    /// Routes of this table.
    pub table: Option<Table>,
    /// Routes of this origin.
    pub protocol: Option<Protocol>,
    /// Routes of this type.
    #[serde(rename = "type")]
    pub kind: Option<RouteType>,
    /// Routes whose packets leave by this link.
    pub link: Option<LinkRef>,
}

impl RouteFilter {
    /// Returns whether the filter includes a route; `link` is the index of the filter's link.
    pub(in crate::netlink) fn includes(&self, route: &Route, link: Option<u32>) -> bool {
        self.family.is_none_or(|family| route.family == family)
            && self.table.is_none_or(|table| route.table == table)
            && self.protocol.is_none_or(|protocol| route.protocol == protocol)
            && self.kind.is_none_or(|kind| route.kind == kind)
            && link.is_none_or(|link| route.leaves_by(link))
    }
}

/// Builds the request for the routes that match the filter: `ip route show`.
pub(in crate::netlink) fn list_request(filter: &RouteFilter, index: Option<u32>) -> Request {
    let head = Head {
        family: family::number(filter.family),
        table: filter.table.map_or(0, short),
        protocol: filter.protocol.map_or(0, |protocol| protocol.0),
        kind: filter.kind.map_or(0, |kind| kind.0),
        ..Head::default()
    };
    let mut message = Message::new(libc::RTM_GETROUTE, libc::NLM_F_DUMP, &head.bytes());
    message.put_some(rta::TABLE, filter.table.map(|table| table.0));
    message.put_some(rta::OIF, index);
    Request::new(message, Context::new("list", "the routes", "RTM_GETROUTE"))
}
