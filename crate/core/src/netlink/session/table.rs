//! Whole tables.
//!
//! The filter of a table is applied twice. The kernel applies it to send fewer objects. Kernels before
//! 4.20, and sandboxes that refuse `NETLINK_GET_STRICT_CHK`, ignore some of its parts and send all
//! objects. Therefore each object is compared with the filter again when it is read.

use super::Object;
use crate::netlink::address::{self, AddressFilter};
use crate::netlink::codec::MessageView;
use crate::netlink::connection::Request;
use crate::netlink::dump::Read;
use crate::netlink::link::{self, LinkFilter, LinkRef};
use crate::netlink::neighbor::{self, NeighborFilter};
use crate::netlink::route::{self, RouteFilter};
use crate::netlink::rule::{self, RuleFilter};
use serde::Deserialize;

/// A table and the filter of its objects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "table", content = "filter", rename_all = "camelCase")]
#[allow(missing_docs, reason = "each is explained at its type")]
pub enum Table {
    Links(LinkFilter),
    Addresses(AddressFilter),
    Routes(RouteFilter),
    Rules(RuleFilter),
    Neighbors(NeighborFilter),
}

impl Table {
    /// Returns the link that must be looked up for the filter.
    pub(super) fn link(&self) -> Option<&LinkRef> {
        match self {
            Self::Links(filter) => filter.master.as_ref(),
            Self::Addresses(filter) => filter.link.as_ref(),
            Self::Routes(filter) => filter.link.as_ref(),
            Self::Rules(_) => None,
            Self::Neighbors(filter) => filter.link.as_ref(),
        }
    }

    /// Builds the request for the table; `link` is the index of [`Table::link`].
    pub(super) fn request(&self, link: Option<u32>) -> Request {
        match self {
            Self::Links(filter) => link::list_request(filter.kind.as_deref(), link),
            Self::Addresses(filter) => address::list_request(filter.family, link),
            Self::Routes(filter) => route::list_request(filter, link),
            Self::Rules(filter) => rule::list_request(filter.family),
            Self::Neighbors(filter) => neighbor::list_request(filter, link),
        }
    }

    /// Returns a reader of the table's objects, which skips objects that the filter excludes. `link` is
    /// the index of [`Table::link`].
    pub(super) fn reader(self, link: Option<u32>) -> Read<Object> {
        macro_rules! reader {
            ($module:ident, $object:ident, $filter:ident) => {
                Box::new(move |message: MessageView<'_>| {
                    let object = $module::read(message)?;
                    let object = object.filter(|object| $filter.includes(object, link));
                    Ok(object.map(|object| Object::$object(object.into())))
                })
            };
        }
        match self {
            Self::Links(filter) => reader!(link, Link, filter),
            Self::Addresses(filter) => reader!(address, Address, filter),
            Self::Routes(filter) => reader!(route, Route, filter),
            Self::Rules(filter) => reader!(rule, Rule, filter),
            Self::Neighbors(filter) => reader!(neighbor, Neighbor, filter),
        }
    }
}
