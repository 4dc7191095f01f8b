//! Finds the rule that a delete refers to.
//!
//! The kernel treats a delete as a pattern and removes the first rule that matches (`rule_find`,
//! net/core/fib_rules.c). A delete without any property removes the first rule of all, which is that of
//! the `local` table. Therefore the rules are listed and compared here, and the request contains all
//! properties of the rule that was found.

use super::Rule;
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::other;
use ipnet::IpNet;

/// Refuses a delete without a property: it would match every rule.
pub(in crate::netlink) fn check(spec: &Rule) -> Result<()> {
    let refused = |reason| {
        Error::new(ErrorCode::InvalidArgument, "delete the rule", spec.to_string(), reason)
    };
    if !matches!(spec.family, 4 | 6) {
        return Err(refused("the family is not 4 or 6"));
    }
    if *spec == (Rule { family: spec.family, ..Rule::default() }) {
        let error = refused("no property is given, so every rule would fit");
        return Err(error.with_advice("give the priority and what else identifies one rule"));
    }
    Ok(())
}

impl Rule {
    /// Returns the properties that the kernel compares: all except the flags.
    pub(in crate::netlink) fn as_compared(&self) -> Self {
        Self { invert: false, other_flags: None, ..self.clone() }
    }
}

/// Returns whether a rule has all given properties. A number that the kernel does not list is 0.
pub(in crate::netlink) fn has_all(rule: &Rule, spec: &Rule) -> bool {
    fn same<T: PartialEq + Default + Copy>(found: Option<T>, given: Option<T>) -> bool {
        given.is_none_or(|given| found.unwrap_or_default() == given)
    }
    fn equal<T: PartialEq>(found: &Option<T>, given: &Option<T>) -> bool {
        given.is_none() || found == given
    }
    let network = |found: Option<IpNet>, given: Option<IpNet>| {
        given.is_none() || found == given.filter(|given| given.prefix_len() > 0)
    };
    rule.family == spec.family
        && same(rule.priority, spec.priority)
        && equal(&rule.action, &spec.action)
        && same(rule.table, spec.table)
        && equal(&rule.goto, &spec.goto)
        && (rule.invert || !spec.invert)
        && network(rule.from, spec.from)
        && network(rule.to, spec.to)
        && same(rule.tos, spec.tos)
        && equal(&rule.input_link, &spec.input_link)
        && equal(&rule.output_link, &spec.output_link)
        && same(rule.mark, spec.mark)
        && same(rule.mark_mask, spec.mark_mask)
        && same(rule.ip_protocol, spec.ip_protocol)
        && equal(&rule.source_ports, &spec.source_ports)
        && equal(&rule.destination_ports, &spec.destination_ports)
        && equal(&rule.user_ids, &spec.user_ids)
        && (rule.l3mdev || !spec.l3mdev)
        && equal(&rule.suppress_prefix_length, &spec.suppress_prefix_length)
        && equal(&rule.suppress_if_group, &spec.suppress_if_group)
        && same(rule.protocol, spec.protocol)
        && same(rule.other_flags, spec.other_flags)
        && other::has_all(&rule.other_attributes, &spec.other_attributes)
}
