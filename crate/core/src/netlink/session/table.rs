//! Whole tables.

use super::Object;
use crate::error::Result;
use crate::netlink::address::{self, AddressFilter};
use crate::netlink::codec::{Malformed, MessageView};
use crate::netlink::connection::Request;
use crate::netlink::indices::Indices;
use crate::netlink::link::{self, LinkFilter, LinkRef};
use crate::netlink::neighbor::{self, NeighborFilter};
use crate::netlink::route::{self, RouteFilter};
use crate::netlink::rule::{self, RuleFilter};
use serde::Deserialize;

/// Which table, and what of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "table", content = "filter", rename_all = "camelCase")]
#[allow(missing_docs, reason = "each is explained at its type")]
pub enum Table {
    Links(LinkFilter),
    Addresses(AddressFilter),
    Routes(RouteFilter),
    Rules(RuleFilter),
    Neighbors(NeighborFilter),
}

type Reader = fn(MessageView<'_>) -> Result<Option<Object>, Malformed>;

impl Table {
    /// The link that must be looked up for it.
    pub(super) fn link(&self) -> Option<&LinkRef> {
        match self {
            Self::Links(filter) => filter.master.as_ref(),
            Self::Addresses(filter) => filter.link.as_ref(),
            Self::Routes(filter) => filter.link.as_ref(),
            Self::Rules(_) => None,
            Self::Neighbors(filter) => filter.link.as_ref(),
        }
    }

    pub(super) fn request(&self, indices: &Indices) -> Result<Request> {
        let index = self.link().map(|link| indices.of(link)).transpose()?;
        Ok(match self {
            Self::Links(filter) => link::list_request(filter.kind.as_deref(), index),
            Self::Addresses(filter) => address::list_request(filter.family, index),
            Self::Routes(filter) => route::list_request(filter, index),
            Self::Rules(filter) => rule::list_request(filter.family),
            Self::Neighbors(filter) => neighbor::list_request(filter, index),
        })
    }

    pub(super) fn reader(&self) -> Reader {
        match self {
            Self::Links(_) => |message| Ok(link::read(message)?.map(|it| Object::Link(it.into()))),
            Self::Addresses(_) => {
                |message| Ok(address::read(message)?.map(|it| Object::Address(it.into())))
            }
            Self::Routes(_) => {
                |message| Ok(route::read(message)?.map(|it| Object::Route(it.into())))
            }
            Self::Rules(_) => |message| Ok(rule::read(message)?.map(|it| Object::Rule(it.into()))),
            Self::Neighbors(_) => {
                |message| Ok(neighbor::read(message)?.map(|it| Object::Neighbor(it.into())))
            }
        }
    }
}
