//! Lists rules.

use super::{HEAD_BYTES, Rule};
use crate::netlink::codec::Message;
use crate::netlink::connection::Request;
use crate::netlink::context::Context;
use crate::netlink::family;
use serde::Deserialize;

/// The rules to list; an absent property matches every rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RuleFilter {
    /// 4 or 6.
    pub family: Option<u8>,
}

impl RuleFilter {
    /// Returns whether the filter includes a rule. Rules do not belong to a link.
    pub(in crate::netlink) fn includes(&self, rule: &Rule, _: Option<u32>) -> bool {
        self.family.is_none_or(|family| rule.family == family)
    }
}

/// Builds the request for all rules, or those of a family: `ip rule show`.
pub(in crate::netlink) fn list_request(version: Option<u8>) -> Request {
    let mut head = [0; HEAD_BYTES];
    if let Some(family) = head.first_mut() {
        *family = family::number(version);
    }
    let message = Message::new(libc::RTM_GETRULE, libc::NLM_F_DUMP, &head);
    Request::new(message, Context::new("list", "the rules", "RTM_GETRULE"))
}
