//! Adding and deleting rules.

use super::{HEAD_BYTES, INVERT, Rule};
use crate::netlink::codec::{Message, fra};
use crate::netlink::connection::Request;
use crate::netlink::context::Context;
use crate::netlink::family;
use crate::netlink::names::{Protocol, RuleAction, Table};
use crate::netlink::other;
use std::fmt;

/// `FR_ACT_*` (linux/fib_rules.h).
const TO_TABLE: RuleAction = RuleAction(1);
const GOTO: RuleAction = RuleAction(2);

/// A change of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netlink) enum Action {
    /// `ip rule add`
    Add,
    /// `ip rule delete`
    Delete,
}

/// Builds the request that adds a rule, or deletes the first rule that has all given properties.
pub(in crate::netlink) fn request(action: Action, rule: &Rule) -> Request {
    let (kind, flags, operation, name) = match action {
        Action::Add => {
            let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
            (libc::RTM_NEWRULE, flags, "add the rule", "RTM_NEWRULE")
        }
        Action::Delete => (libc::RTM_DELRULE, 0, "delete the rule", "RTM_DELRULE"),
    };
    let mut message = Message::new(kind, flags | libc::NLM_F_ACK, &head(action, rule));
    message.put_some(fra::SRC, rule.from.map(|from| from.addr()));
    message.put_some(fra::DST, rule.to.map(|to| to.addr()));
    message.put_some(fra::PRIORITY, rule.priority);
    message.put_some(fra::TABLE, table(action, rule).map(|table| table.0));
    message.put_some(fra::GOTO, rule.goto);
    for (attribute, name) in [(fra::IIFNAME, &rule.input_link), (fra::OIFNAME, &rule.output_link)] {
        if let Some(name) = name {
            message.put(attribute, name.as_str());
        }
    }
    message.put_some(fra::FWMARK, rule.mark);
    message.put_some(fra::FWMASK, rule.mark_mask);
    message.put_some(fra::IP_PROTO, rule.ip_protocol.map(|protocol| protocol.0));
    for (attribute, ports) in
        [(fra::SPORT_RANGE, rule.source_ports), (fra::DPORT_RANGE, rule.destination_ports)]
    {
        if let Some(ports) = ports {
            message.put(attribute, [ports.start, ports.end].map(u16::to_ne_bytes).as_flattened());
        }
    }
    if let Some(ids) = rule.user_ids {
        message.put(fra::UID_RANGE, [ids.start, ids.end].map(u32::to_ne_bytes).as_flattened());
    }
    message.put_some(fra::L3MDEV, rule.l3mdev.then_some(1_u8));
    message.put_some(fra::SUPPRESS_PREFIXLEN, rule.suppress_prefix_length);
    message.put_some(fra::SUPPRESS_IFGROUP, rule.suppress_if_group);
    let protocol = match action {
        Action::Add => Some(rule.protocol.unwrap_or(Protocol(libc::RTPROT_BOOT))),
        Action::Delete => rule.protocol,
    };
    message.put_some(fra::PROTOCOL, protocol.map(|protocol| protocol.0));
    other::put(&mut message, &rule.other_attributes);
    Request::new(message, Context::new(operation, rule.to_string(), name))
}

/// Returns the rule's table. The default is the main table.
fn table(action: Action, rule: &Rule) -> Option<Table> {
    let is_to_be_made = action == Action::Add && rule.goto.is_none() && !rule.l3mdev;
    let has_table = rule.action.is_none_or(|action| action == TO_TABLE);
    let main = Table(u32::from(libc::RT_TABLE_MAIN));
    rule.table.or_else(|| (is_to_be_made && has_table).then_some(main))
}

fn head(action: Action, rule: &Rule) -> [u8; HEAD_BYTES] {
    let default = match action {
        _ if rule.goto.is_some() => GOTO,
        Action::Add => TO_TABLE,
        Action::Delete => RuleAction(0),
    };
    let table = table(action, rule).map_or(0, |table| u8::try_from(table.0).unwrap_or(0));
    let length = |network: Option<ipnet::IpNet>| network.map_or(0, |network| network.prefix_len());
    let [a, b, c, d] =
        (if rule.invert { INVERT } else { 0 } | rule.other_flags.unwrap_or(0)).to_ne_bytes();
    let (to, from) = (length(rule.to), length(rule.from));
    let action = rule.action.unwrap_or(default).0;
    let family = family::number(Some(rule.family));
    [family, to, from, rule.tos.unwrap_or(0), table, 0, 0, action, a, b, c, d]
}

/// Formats the identifying properties of the rule.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IPv{}", self.family)?;
        let Self { priority, from, to, .. } = self;
        priority.map_or(Ok(()), |priority| write!(f, " priority {priority}"))?;
        from.map_or(Ok(()), |from| write!(f, " from {from}"))?;
        to.map_or(Ok(()), |to| write!(f, " to {to}"))
    }
}
