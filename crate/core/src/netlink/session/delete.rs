//! Deletes whose requests the kernel treats as patterns: of routes, rules, and addresses with a peer.
//!
//! The kernel removes the first object that matches, which may not be the intended one. Therefore the
//! table is listed, and an object is deleted only if no other object has all given properties.

use super::{Object, Operation, Table};
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::address::{self, Address, AddressFilter, AddressSpec};
use crate::netlink::connection::Request;
use crate::netlink::indices::Indices;
use crate::netlink::link::LinkRef;
use crate::netlink::route::{self, Route, RouteFilter, RouteSpec};
use crate::netlink::rule::{self, Rule, RuleFilter};

impl Operation {
    /// Returns the table that contains the object to delete, if it must be listed first.
    pub(super) fn table(&self) -> Option<Table> {
        let family = |is_ipv4| Some(if is_ipv4 { 4 } else { 6 });
        Some(match self {
            Self::DeleteRoute { spec } | Self::FindRoute { spec } => Table::Routes(RouteFilter {
                family: family(spec.destination.addr().is_ipv4()),
                table: Some(spec.table()),
                ..RouteFilter::default()
            }),
            Self::DeleteRule { spec } => Table::Rules(RuleFilter { family: Some(spec.family) }),
            Self::DeleteAddress { link, spec } if spec.peer.is_some() => {
                Table::Addresses(AddressFilter {
                    family: family(spec.address.addr().is_ipv4()),
                    link: Some(link.clone()),
                })
            }
            _ => return None,
        })
    }

    /// Refuses a delete that could match several objects in the kernel: without a link (index 0), or
    /// without properties.
    pub(super) fn check(&self) -> Result<()> {
        let named = match self {
            // As a master, index 0 means no master.
            Self::SetLink { link, .. } => vec![link],
            Self::DeleteRule { spec } => return rule::check(spec),
            _ => self.links(),
        };
        if !named.contains(&&LinkRef::Index(0)) {
            return Ok(());
        }
        let reason = "the index of an interface is never 0";
        let error = Error::new(ErrorCode::InvalidArgument, "look up", "interface 0", reason);
        Err(error.with_advice("give the name of an interface, or its index"))
    }

    /// Compares the table with the route of a [`Operation::FindRoute`].
    pub(super) fn find_route(
        &self,
        objects: &[Object],
        indices: &Indices,
    ) -> Result<Option<Object>> {
        let Self::FindRoute { spec } = self else { return Ok(None) };
        let routes = objects.iter().filter_map(|object| match object {
            Object::Route(route) => Some(&**route),
            _ => None,
        });
        let state = route::state(spec, routes, indices)?;
        Ok(Some(Object::RouteState(Box::new(state))))
    }

    /// Builds the request that deletes the only object with all given properties. Also returns the place
    /// of that object in `objects`, the objects of [`Operation::table`].
    pub(super) fn delete_request(
        &self,
        objects: &[Object],
        indices: &Indices,
    ) -> Result<(usize, Request)> {
        match self {
            Self::DeleteRoute { spec } => delete_route(spec, objects, indices),
            Self::DeleteRule { spec } => delete_rule(spec, objects),
            Self::DeleteAddress { link, spec } => delete_address(link, spec, objects, indices),
            _ => Err(Error::new(ErrorCode::System, "delete", "", "it needs no table")),
        }
    }
}

fn delete_address(
    link: &LinkRef,
    spec: &AddressSpec,
    objects: &[Object],
    indices: &Indices,
) -> Result<(usize, Request)> {
    let fits = |address: &Address| {
        address.address == spec.address.addr()
            && address.prefix_length == spec.address.prefix_len()
            && address.peer == spec.peer
            && (spec.label.is_none() || spec.label == address.label)
    };
    let subject = format!("{} of {link}", spec.address);
    let mut places = objects.iter();
    let place = places.position(|object| matches!(object, Object::Address(one) if fits(one)));
    let place = place.ok_or_else(|| {
        let reason = "the interface has no such address with that prefix length and peer";
        not_found("delete the address", &subject, reason)
            .with_code(ErrorCode::AddressNotAvailable)
            .with_advice("list the addresses")
    })?;
    let index = indices.of(link)?;
    Ok((place, address::request(address::Action::Delete, index, spec, subject)))
}

fn delete_route(
    spec: &RouteSpec,
    objects: &[Object],
    indices: &Indices,
) -> Result<(usize, Request)> {
    const OPERATION: &str = "delete the route";
    let routes = objects.iter().enumerate().filter_map(|(place, object)| match object {
        Object::Route(route) if route.destination == spec.destination => Some((place, &**route)),
        _ => None,
    });
    let routes: Vec<(usize, &Route)> = routes.collect();
    let found = route::find(spec, &routes, indices)?;
    let (place, full) = one(found, OPERATION, &spec.destination.to_string(), "route")?;
    let first = route::find(&full.as_compared(), &routes, indices)?;
    if first.first().is_some_and(|(first, _)| *first != place) {
        return Err(hidden(OPERATION, &spec.destination.to_string(), "route"));
    }
    Ok((place, route::request(route::Action::Delete, &full, indices)?))
}

fn delete_rule(spec: &Rule, objects: &[Object]) -> Result<(usize, Request)> {
    const OPERATION: &str = "delete the rule";
    let subject = spec.to_string();
    let rules = || {
        objects.iter().enumerate().filter_map(|(place, object)| match object {
            Object::Rule(rule) => Some((place, &**rule)),
            _ => None,
        })
    };
    let found = rules().filter(|(_, rule)| rule::has_all(rule, spec)).collect();
    let (place, full) = one(found, OPERATION, &subject, "rule")?;
    let compared = full.as_compared();
    let first = rules().find(|(_, rule)| rule::has_all(rule, &compared));
    if first.is_some_and(|(first, rule)| first != place && rule != full) {
        return Err(hidden(OPERATION, &subject, "rule"));
    }
    Ok((place, rule::request(rule::Action::Delete, full)))
}

/// Returns the only object, or the first of several equal ones.
fn one<T: PartialEq>(
    found: Vec<(usize, T)>,
    operation: &'static str,
    subject: &str,
    what: &str,
) -> Result<(usize, T)> {
    let count = found.len();
    let mut found = found.into_iter();
    let Some(first) = found.next() else {
        let reason = format!("no {what} has all of these properties");
        return Err(not_found(operation, subject, &reason).with_advice(format!("list the {what}s")));
    };
    if found.all(|(_, other)| other == first.1) {
        return Ok(first);
    }
    let reason = format!("{count} {what}s have all of these properties");
    Err(Error::new(ErrorCode::InvalidArgument, operation, subject, reason)
        .with_advice(format!("list the {what}s, and give properties that only one of them has")))
}

fn not_found(operation: &'static str, subject: &str, reason: &str) -> Error {
    Error::new(ErrorCode::NotFound, operation, subject, reason)
}

/// Returns the error for an object that the kernel cannot distinguish from a preceding one.
fn hidden(operation: &'static str, subject: &str, what: &str) -> Error {
    let reason = format!("the kernel would delete another {what} that differs only in its flags");
    Error::new(ErrorCode::InvalidArgument, operation, subject, reason)
        .with_advice(format!("delete the {what} before it first"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::names::Table;

    fn rule(priority: u32, invert: bool) -> Rule {
        let (priority, table) = (Some(priority), Some(Table(7)));
        Rule { family: 4, priority, table, invert, ..Rule::default() }
    }

    fn deleted(spec: &Rule, rules: &[Rule]) -> Result<usize, ErrorCode> {
        let objects: Vec<Object> =
            rules.iter().map(|rule| Object::Rule(Box::new(rule.clone()))).collect();
        delete_rule(spec, &objects).map(|(place, _)| place).map_err(|error| error.code())
    }

    // Without NLM_F_EXCL the kernel adds a rule that differs from another only in its flags.
    #[test]
    fn a_rule_is_kept_that_the_kernel_cannot_tell_from_the_one_before_it() {
        let (plain, inverted) = (rule(5, false), rule(5, true));
        let refused = Err(ErrorCode::InvalidArgument);
        assert_eq!(deleted(&inverted, &[plain.clone(), inverted.clone()]), refused);
        assert_eq!(deleted(&inverted, &[inverted.clone(), plain.clone()]), Ok(0));
        assert_eq!(deleted(&plain, &[plain.clone(), inverted.clone()]), refused);
        assert_eq!(deleted(&inverted, &[rule(4, false), inverted.clone()]), Ok(1));
    }

    #[test]
    fn one_of_several_equal_rules_is_deleted() {
        assert_eq!(deleted(&rule(5, true), &[rule(5, true), rule(5, true)]), Ok(0));
        assert_eq!(deleted(&rule(5, false), &[]), Err(ErrorCode::NotFound));
    }
}
