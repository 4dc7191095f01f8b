//! Reads routes from the kernel's messages.

use super::{HEAD_BYTES, NextHop, ON_LINK, PERVASIVE, PERVASIVE_NAME, Route, RouteMetrics};
use crate::netlink::codec::{Attributes, Flagged, Malformed, MessageView, head, rta, value};
use crate::netlink::family;
use crate::netlink::names::{Preference, Protocol, RouteType, Scope, Table};
use crate::netlink::other::OtherAttribute;
use std::net::IpAddr;

/// `RTNH_F_*` (linux/rtnetlink.h) and their names, without `RTNH_F_ONLINK`.
const FLAGS: [(u32, &str); 6] = [
    (1, "dead"),
    (PERVASIVE, PERVASIVE_NAME),
    (8, "offload"),
    (16, "linkDown"),
    (32, "unresolved"),
    (64, "trap"),
];

/// Bytes of `struct rtnexthop` (linux/rtnetlink.h).
const NEXT_HOP_BYTES: usize = 8;

/// The kernel's unit for times is 1/100 s: `USER_HZ`.
const USER_HZ: u32 = 100;

/// Reads the route of a message. Returns nothing for families other than IP, for example multicast
/// routing.
pub(in crate::netlink) fn read(message: MessageView<'_>) -> Result<Option<Route>, Malformed> {
    let is_route = matches!(message.kind, libc::RTM_NEWROUTE | libc::RTM_DELROUTE);
    let field = |offset| head::<u8>(message.payload, offset).ok_or(Malformed::Short);
    let Some(family) = family::version(field(0)?).filter(|_| is_route) else { return Ok(None) };
    let mut found = Found::default();
    for attribute in Attributes::behind(message.payload, HEAD_BYTES)?.flagged() {
        found.take(attribute?)?;
    }
    let (destination_length, source_length) = (field(1)?, field(2)?);
    let network = |address, length| {
        family::network(address, length, family).ok_or(Malformed::AttributeLength)
    };
    let flags = head::<u32>(message.payload, 8).ok_or(Malformed::Short)?;
    Ok(Some(Route {
        family,
        destination: network(found.destination, destination_length)?,
        from: match source_length {
            0 => None,
            length => Some(network(found.source, length)?),
        },
        kind: RouteType(field(7)?),
        table: Table(found.table.unwrap_or(u32::from(field(4)?))),
        protocol: Protocol(field(5)?),
        scope: Scope(field(6)?),
        tos: field(3)?,
        gateway: found.gateway,
        if_index: found.if_index,
        input_if_index: found.input_if_index,
        preferred_source: found.preferred_source,
        metric: found.metric,
        metrics: found.metrics,
        next_hops: found.next_hops,
        next_hop_id: found.next_hop_id,
        preference: found.preference,
        expires_seconds: found.expires_seconds,
        flags: names(flags),
        on_link: flags & ON_LINK != 0,
        other_attributes: found.other_attributes,
    }))
}

fn names(flags: u32) -> Vec<&'static str> {
    FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name).collect()
}

#[derive(Default)]
struct Found {
    destination: Option<IpAddr>,
    source: Option<IpAddr>,
    gateway: Option<IpAddr>,
    if_index: Option<u32>,
    input_if_index: Option<u32>,
    preferred_source: Option<IpAddr>,
    metric: Option<u32>,
    metrics: Option<RouteMetrics>,
    next_hops: Vec<NextHop>,
    next_hop_id: Option<u32>,
    preference: Option<Preference>,
    expires_seconds: Option<u32>,
    table: Option<u32>,
    other_attributes: Vec<OtherAttribute>,
}

impl Found {
    fn take(&mut self, attribute: Flagged<'_>) -> Result<(), Malformed> {
        let Flagged { kind, payload, .. } = attribute;
        match kind {
            rta::DST => self.destination = value(payload),
            rta::SRC => self.source = value(payload),
            rta::GATEWAY | rta::VIA => self.gateway = gateway(kind, payload),
            rta::OIF => self.if_index = value(payload),
            rta::IIF => self.input_if_index = value(payload),
            rta::PREFSRC => self.preferred_source = value(payload),
            rta::PRIORITY => self.metric = value(payload),
            rta::METRICS => self.metrics = RouteMetrics::read(payload),
            rta::MULTIPATH => self.next_hops = next_hops(payload)?,
            rta::NH_ID => self.next_hop_id = value(payload),
            rta::PREF => self.preference = value(payload).map(Preference),
            // `struct rta_cacheinfo`: the third number is the time until expiry, 0 for never.
            rta::CACHEINFO => {
                let ticks = head::<i32>(payload, 8).and_then(|ticks| u32::try_from(ticks).ok());
                self.expires_seconds =
                    ticks.filter(|ticks| *ticks > 0).map(|ticks| ticks / USER_HZ);
            }
            rta::TABLE => self.table = value(payload),
            // Attributes of look-ups, which describe a packet and not a route.
            rta::MARK | rta::UID | rta::IP_PROTO | rta::SPORT | rta::DPORT | rta::PAD => {}
            _ => self.other_attributes.push(attribute.into()),
        }
        Ok(())
    }
}

/// Reads a gateway. `RTA_GATEWAY` is an address; in `RTA_VIA` the family precedes it (`struct rtvia`).
fn gateway(kind: u16, payload: &[u8]) -> Option<IpAddr> {
    if kind == rta::VIA { value(payload.get(2..)?) } else { value(payload) }
}

/// Reads consecutive next hops, each a `struct rtnexthop` followed by attributes.
fn next_hops(mut bytes: &[u8]) -> Result<Vec<NextHop>, Malformed> {
    let mut hops = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(head::<u16>(bytes, 0).ok_or(Malformed::AttributeLength)?);
        let attributes = bytes.get(NEXT_HOP_BYTES..length).ok_or(Malformed::AttributeLength)?;
        let field = |offset| head::<u8>(bytes, offset).unwrap_or_default();
        let flags = u32::from(field(2));
        let mut hop = NextHop {
            gateway: None,
            if_index: head::<u32>(bytes, 4).filter(|index| *index != 0),
            weight: u32::from(field(3)).saturating_add(1),
            flags: names(flags),
            on_link: flags & ON_LINK != 0,
            other_attributes: Vec::new(),
        };
        for attribute in Attributes::within(attributes).flagged() {
            let attribute = attribute?;
            match attribute.kind {
                kind @ (rta::GATEWAY | rta::VIA) => hop.gateway = gateway(kind, attribute.payload),
                _ => hop.other_attributes.push(attribute.into()),
            }
        }
        hops.push(hop);
        // Skips at least NEXT_HOP_BYTES, so the loop ends.
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(hops)
}
