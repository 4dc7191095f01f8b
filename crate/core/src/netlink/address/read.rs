//! Reads addresses from the kernel's messages.

use super::{Address, AddressFlags, HEAD_BYTES, Lifetime};
use crate::netlink::codec::{Attributes, Flagged, Malformed, MessageView, head, ifa, text, value};
use crate::netlink::family;
use crate::netlink::names::{AddressProtocol, Scope};
use crate::netlink::other::OtherAttribute;
use std::net::IpAddr;

/// Reads the address of a message. Returns nothing for families other than IP.
pub(in crate::netlink) fn read(message: MessageView<'_>) -> Result<Option<Address>, Malformed> {
    let is_address = matches!(message.kind, libc::RTM_NEWADDR | libc::RTM_DELADDR);
    let number = head::<u8>(message.payload, 0).ok_or(Malformed::Short)?;
    let Some(family) = family::version(number).filter(|_| is_address) else { return Ok(None) };
    let mut found = Found::default();
    for attribute in Attributes::behind(message.payload, HEAD_BYTES)?.flagged() {
        found.take(attribute?);
    }
    let field = |offset| head::<u8>(message.payload, offset).ok_or(Malformed::Short);
    // An IPv6 address without a peer does not have IFA_LOCAL. An IPv4 address without a peer has both,
    // with the same value.
    let Some(local) = found.local.or(found.address) else { return Ok(None) };
    let (preferred, valid) = found.lifetimes.unwrap_or((Lifetime::FOREVER, Lifetime::FOREVER));
    Ok(Some(Address {
        if_index: head(message.payload, 4).ok_or(Malformed::Short)?,
        family,
        address: local,
        prefix_length: field(1)?,
        peer: found.address.filter(|address| *address != local),
        broadcast: found.broadcast,
        label: found.label,
        scope: Scope(field(3)?),
        valid_lifetime_seconds: valid,
        preferred_lifetime_seconds: preferred,
        metric: found.metric,
        protocol: found.protocol,
        other_attributes: found.other_attributes,
        flags: AddressFlags::of(found.flags.unwrap_or(u32::from(field(2)?))),
    }))
}

#[derive(Default)]
struct Found {
    local: Option<IpAddr>,
    address: Option<IpAddr>,
    broadcast: Option<IpAddr>,
    label: Option<String>,
    lifetimes: Option<(Lifetime, Lifetime)>,
    metric: Option<u32>,
    protocol: Option<AddressProtocol>,
    flags: Option<u32>,
    other_attributes: Vec<OtherAttribute>,
}

impl Found {
    fn take(&mut self, attribute: Flagged<'_>) {
        let payload = attribute.payload;
        match attribute.kind {
            ifa::LOCAL => self.local = value(payload),
            ifa::ADDRESS => self.address = value(payload),
            ifa::BROADCAST => self.broadcast = value(payload),
            ifa::LABEL => self.label = Some(text(payload)),
            // `struct ifa_cacheinfo`: preferred, valid, and the times of creation and of the last change.
            ifa::CACHEINFO => {
                let lifetimes = head(payload, 0).zip(head(payload, 4));
                self.lifetimes =
                    lifetimes.map(|(preferred, valid)| (Lifetime(preferred), Lifetime(valid)));
            }
            ifa::RT_PRIORITY => self.metric = value(payload),
            ifa::PROTO => self.protocol = value(payload).map(AddressProtocol),
            // The header contains only the first eight flags.
            ifa::FLAGS => self.flags = value(payload),
            _ => self.other_attributes.push(attribute.into()),
        }
    }
}
