//! Reads rules from the kernel's messages.

use super::{HEAD_BYTES, INVERT, Range, Rule, STATE};
use crate::netlink::codec::{Attributes, Flagged, Malformed, MessageView, fra, head, text, value};
use crate::netlink::family;
use crate::netlink::names::{IpProtocol, Protocol, RuleAction, Table};
use std::net::IpAddr;

/// Reads the rule of a message. Returns nothing for families other than IP.
pub(in crate::netlink) fn read(message: MessageView<'_>) -> Result<Option<Rule>, Malformed> {
    let is_rule = matches!(message.kind, libc::RTM_NEWRULE | libc::RTM_DELRULE);
    let field = |offset| head::<u8>(message.payload, offset).ok_or(Malformed::Short);
    let Some(version) = family::version(field(0)?).filter(|_| is_rule) else { return Ok(None) };
    let flags = head::<u32>(message.payload, 8).ok_or(Malformed::Short)?;
    let mut rule = Rule {
        family: version,
        priority: Some(0),
        action: Some(RuleAction(field(7)?)),
        table: Some(Table(u32::from(field(4)?))),
        invert: flags & INVERT != 0,
        other_flags: Some(flags & !INVERT & !STATE).filter(|flags| *flags != 0),
        tos: Some(field(3)?).filter(|tos| *tos != 0),
        ..Rule::default()
    };
    let (mut from, mut to) = (None, None);
    for attribute in Attributes::behind(message.payload, HEAD_BYTES)?.flagged() {
        let attribute = attribute?;
        match attribute.kind {
            fra::SRC => from = value::<IpAddr>(attribute.payload),
            fra::DST => to = value::<IpAddr>(attribute.payload),
            _ => take(&mut rule, attribute),
        }
    }
    let network = |address: Option<IpAddr>, length| match (address, length) {
        (None, 0) => Ok(None),
        _ => family::network(address, length, version).map(Some).ok_or(Malformed::AttributeLength),
    };
    rule.from = network(from, field(2)?)?;
    rule.to = network(to, field(1)?)?;
    // A rule that does not look up a route does not have a table.
    rule.table = rule.table.filter(|table| table.0 != 0);
    Ok(Some(rule))
}

fn take(rule: &mut Rule, attribute: Flagged<'_>) {
    let payload = attribute.payload;
    let number = || value::<u32>(payload);
    // -1 means no limit.
    let limit = || number().filter(|number| *number != u32::MAX);
    match attribute.kind {
        fra::PRIORITY => rule.priority = number(),
        fra::TABLE => rule.table = number().map(Table),
        fra::GOTO => rule.goto = number(),
        fra::IIFNAME => rule.input_link = Some(text(payload)),
        fra::OIFNAME => rule.output_link = Some(text(payload)),
        fra::FWMARK => rule.mark = number(),
        fra::FWMASK => rule.mark_mask = number(),
        fra::IP_PROTO => rule.ip_protocol = value(payload).map(IpProtocol),
        fra::SPORT_RANGE => rule.source_ports = ports(payload),
        fra::DPORT_RANGE => rule.destination_ports = ports(payload),
        fra::UID_RANGE => {
            let ends = head(payload, 0).zip(head(payload, 4));
            rule.user_ids = ends.map(|(start, end)| Range { start, end });
        }
        fra::L3MDEV => rule.l3mdev = value::<u8>(payload) == Some(1),
        fra::SUPPRESS_PREFIXLEN => rule.suppress_prefix_length = limit(),
        fra::SUPPRESS_IFGROUP => rule.suppress_if_group = limit(),
        fra::PROTOCOL => rule.protocol = value(payload).map(Protocol),
        fra::PAD => {}
        _ => rule.other_attributes.push(attribute.into()),
    }
}

/// Reads a `struct fib_rule_port_range` (linux/fib_rules.h), in the kernel's byte order.
fn ports(payload: &[u8]) -> Option<Range<u16>> {
    head(payload, 0).zip(head(payload, 2)).map(|(start, end)| Range { start, end })
}
