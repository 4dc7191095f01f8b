//! One operation on one object.

use crate::error::{Error, ErrorCode, Result};
use crate::netlink::address::{self, Address, AddressSpec};
use crate::netlink::codec::MessageView;
use crate::netlink::connection::Request;
use crate::netlink::indices::Indices;
use crate::netlink::link::{self, AltNames, Link, LinkChange, LinkRef, LinkSpec};
use crate::netlink::neighbor::{self, Neighbor, NeighborSpec};
use crate::netlink::route::{self, Route, RouteQuery, RouteSpec, RouteState};
use crate::netlink::rule::{self, Rule};
use serde::{Deserialize, Serialize};

/// An operation.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the name of each is that of a function, which is explained there")]
pub enum Operation {
    GetLink { link: LinkRef },
    AddLink { spec: Box<LinkSpec> },
    SetLink { link: LinkRef, change: Box<LinkChange> },
    DeleteLink { link: LinkRef },
    AddAltNames { link: LinkRef, names: Vec<String> },
    DeleteAltNames { link: LinkRef, names: Vec<String> },
    AddAddress { link: LinkRef, spec: Box<AddressSpec> },
    ReplaceAddress { link: LinkRef, spec: Box<AddressSpec> },
    DeleteAddress { link: LinkRef, spec: Box<AddressSpec> },
    AddRoute { spec: Box<RouteSpec> },
    ReplaceRoute { spec: Box<RouteSpec> },
    AppendRoute { spec: Box<RouteSpec> },
    DeleteRoute { spec: Box<RouteSpec> },
    FindRoute { spec: Box<RouteSpec> },
    GetRoute { query: RouteQuery },
    AddRule { spec: Box<Rule> },
    DeleteRule { spec: Box<Rule> },
    AddNeighbor { link: LinkRef, spec: NeighborSpec },
    ReplaceNeighbor { link: LinkRef, spec: NeighborSpec },
    DeleteNeighbor { link: LinkRef, spec: NeighborSpec },
}

/// An object of the kernel's tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "each is explained at its type")]
pub enum Object {
    Link(Box<Link>),
    Address(Box<Address>),
    Route(Box<Route>),
    Rule(Box<Rule>),
    Neighbor(Box<Neighbor>),
    RouteState(Box<RouteState>),
}

impl Operation {
    /// Returns the links that must be looked up for the operation.
    pub(super) fn links(&self) -> Vec<&LinkRef> {
        match self {
            Self::GetLink { .. } | Self::AddRule { .. } | Self::DeleteRule { .. } => Vec::new(),
            Self::AddLink { spec } => spec.lower.iter().collect(),
            Self::SetLink { link, change } => {
                let mut links = vec![link];
                links.extend(&change.master);
                links
            }
            Self::DeleteLink { link }
            | Self::AddAltNames { link, .. }
            | Self::DeleteAltNames { link, .. }
            | Self::AddAddress { link, .. }
            | Self::ReplaceAddress { link, .. }
            | Self::DeleteAddress { link, .. }
            | Self::AddNeighbor { link, .. }
            | Self::ReplaceNeighbor { link, .. }
            | Self::DeleteNeighbor { link, .. } => vec![link],
            Self::AddRoute { spec }
            | Self::ReplaceRoute { spec }
            | Self::AppendRoute { spec }
            | Self::DeleteRoute { spec }
            | Self::FindRoute { spec } => spec.links().collect(),
            Self::GetRoute { query } => query.link.iter().chain(&query.input_link).collect(),
        }
    }

    /// Returns whether a name may belong to another link after the operation.
    pub(super) fn changes_names(&self) -> bool {
        match self {
            Self::SetLink { change, .. } => change.name.is_some() || change.netns.is_some(),
            Self::AddLink { .. }
            | Self::DeleteLink { .. }
            | Self::AddAltNames { .. }
            | Self::DeleteAltNames { .. } => true,
            _ => false,
        }
    }

    /// Builds the requests, once the indices of all its links are known.
    pub(super) fn requests(&self, indices: &Indices) -> Result<Vec<Request>> {
        use address::Action as OfAddress;
        use neighbor::Action as OfNeighbor;
        use route::Action as OfRoute;
        let of_neighbor = |action, link: &LinkRef, spec: &NeighborSpec| {
            let subject = format!("{} on {link}", spec.address);
            Ok(vec![neighbor::request(action, indices.of(link)?, spec, subject)])
        };
        let of_address = |action, link: &LinkRef, spec: &AddressSpec| {
            let subject = format!("{} of {link}", spec.address);
            Ok(vec![address::request(action, indices.of(link)?, spec, subject)])
        };
        let of_route =
            |action, spec: &RouteSpec| route::request(action, spec, indices).map(|one| vec![one]);
        let alt_names = |link: &LinkRef, action, names: &[String]| {
            Ok(vec![link::alternative_names_request(indices.of(link)?, link, action, names)])
        };
        match self {
            Self::GetLink { link } => Ok(vec![link::get_request(link)]),
            Self::AddLink { spec } => link::add_request(spec, indices).map(|one| vec![one]),
            Self::SetLink { link, change } => link::change_requests(link, change, indices),
            Self::DeleteLink { link } => Ok(vec![link::delete_request(indices.of(link)?, link)]),
            Self::AddAltNames { link, names } => alt_names(link, AltNames::Add, names),
            Self::DeleteAltNames { link, names } => alt_names(link, AltNames::Delete, names),
            Self::AddAddress { link, spec } => of_address(OfAddress::Add, link, spec),
            Self::ReplaceAddress { link, spec } => of_address(OfAddress::Replace, link, spec),
            Self::DeleteAddress { link, spec } => of_address(OfAddress::Delete, link, spec),
            Self::AddRoute { spec } => of_route(OfRoute::Add, spec),
            Self::ReplaceRoute { spec } => of_route(OfRoute::Replace, spec),
            Self::AppendRoute { spec } => of_route(OfRoute::Append, spec),
            Self::DeleteRoute { spec } => of_route(OfRoute::Delete, spec),
            // The route is found in the list of its table.
            Self::FindRoute { .. } => Ok(Vec::new()),
            Self::GetRoute { query } => route::get_request(query, indices).map(|one| vec![one]),
            Self::AddRule { spec } => Ok(vec![rule::request(rule::Action::Add, spec)]),
            Self::DeleteRule { spec } => Ok(vec![rule::request(rule::Action::Delete, spec)]),
            Self::AddNeighbor { link, spec } => of_neighbor(OfNeighbor::Add, link, spec),
            Self::ReplaceNeighbor { link, spec } => of_neighbor(OfNeighbor::Replace, link, spec),
            Self::DeleteNeighbor { link, spec } => of_neighbor(OfNeighbor::Delete, link, spec),
        }
    }

    /// Adds advice to an error of the operation, if there is any.
    pub(super) fn advise(&self, error: Error) -> Error {
        match (self, error.code()) {
            (Self::GetLink { .. }, ErrorCode::NotFound) => {
                error.with_advice("no interface has that name or index here")
            }
            // `rtnl_newlink` (net/core/rtnetlink.c) uses this text only for the kind, not for an
            // unsupported option.
            (Self::AddLink { spec }, ErrorCode::Unsupported)
                if error.kernel_text() == Some("Unknown device type") =>
            {
                error.with_advice(format!(
                    "this kernel has no links of kind {}: load its module, if there is one",
                    spec.kind.name()
                ))
            }
            _ => error,
        }
    }

    /// Reads the object in the kernel's reply.
    pub(super) fn read(&self, reply: Option<Vec<u8>>) -> Result<Option<Object>> {
        let (what, kind) = match self {
            Self::GetLink { .. } => ("look up the link", libc::RTM_NEWLINK),
            Self::GetRoute { .. } => ("look up the route", libc::RTM_NEWROUTE),
            _ => return Ok(None),
        };
        let malformed = |reason: &str| Error::new(ErrorCode::System, what, "", reason);
        let payload = reply.ok_or_else(|| malformed("the kernel sent no reply"))?;
        let message = MessageView { kind, flags: 0, sequence: 0, payload: &payload };
        let object = match self {
            Self::GetLink { .. } => {
                link::read(message).map(|link| link.map(|link| Object::Link(Box::new(link))))
            }
            _ => {
                route::read(message).map(|route| route.map(|route| Object::Route(Box::new(route))))
            }
        };
        object.map_err(|reason| malformed(&reason.to_string()))
    }
}
