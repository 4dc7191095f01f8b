//! Lists neighbors.

use super::{Neighbor, PROXY, head};
use crate::netlink::codec::{Message, nda};
use crate::netlink::connection::Request;
use crate::netlink::context::Context;
use crate::netlink::family;
use crate::netlink::link::LinkRef;
use serde::Deserialize;

/// The neighbors to list; an absent property matches every neighbor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NeighborFilter {
    /// 4 or 6.
    pub family: Option<u8>,
    /// Neighbors on this link.
    pub link: Option<LinkRef>,
    /// Lists the neighbors that this machine replies for, instead of those that it knows.
    pub proxy: bool,
}

impl NeighborFilter {
    /// Returns whether the filter includes a neighbor; `link` is the index of the filter's link.
    pub(in crate::netlink) fn includes(&self, neighbor: &Neighbor, link: Option<u32>) -> bool {
        self.family.is_none_or(|family| neighbor.family == family)
            && link.is_none_or(|link| neighbor.if_index == link)
            && neighbor.proxy == self.proxy
    }
}

/// Builds the request for the neighbors that match the filter: `ip neighbour show`.
pub(in crate::netlink) fn list_request(filter: &NeighborFilter, index: Option<u32>) -> Request {
    let flags = if filter.proxy { PROXY } else { 0 };
    let head = head(family::number(filter.family), 0, 0, flags);
    let mut message = Message::new(libc::RTM_GETNEIGH, libc::NLM_F_DUMP, &head);
    message.put_some(nda::IFINDEX, index);
    Request::new(message, Context::new("list", "the neighbors", "RTM_GETNEIGH"))
}
