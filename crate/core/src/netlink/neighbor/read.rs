//! Reads neighbors from the kernel's messages.

use super::{EXTERNALLY_LEARNED, HEAD_BYTES, Neighbor, PROXY, ROUTER};
use crate::netlink::codec::{Attributes, Malformed, MessageView, head, nda, value};
use crate::netlink::family;
use crate::netlink::link::mac_address;
use crate::netlink::names::{NeighborState, Protocol};

/// Reads the neighbor of a message. Returns nothing for families other than IP, for example that of
/// bridges.
pub(in crate::netlink) fn read(message: MessageView<'_>) -> Result<Option<Neighbor>, Malformed> {
    let is_neighbor = matches!(message.kind, libc::RTM_NEWNEIGH | libc::RTM_DELNEIGH);
    let family = head::<u8>(message.payload, 0).ok_or(Malformed::Short)?;
    let Some(family) = family::version(family).filter(|_| is_neighbor) else { return Ok(None) };
    let (mut address, mut mac, mut probes, mut protocol) = (None, None, None, None);
    let mut other_attributes = Vec::new();
    for attribute in Attributes::behind(message.payload, HEAD_BYTES)?.flagged() {
        let attribute = attribute?;
        let payload = attribute.payload;
        match attribute.kind {
            nda::DST => address = value(payload),
            nda::LLADDR => mac = mac_address(payload),
            nda::PROBES => probes = value(payload),
            nda::PROTOCOL => protocol = value(payload).map(Protocol),
            // `struct nda_cacheinfo`: times since the last use.
            nda::CACHEINFO => {}
            _ => other_attributes.push(attribute.into()),
        }
    }
    let flags = head::<u8>(message.payload, 10).ok_or(Malformed::Short)?;
    let Some(address) = address else { return Ok(None) };
    Ok(Some(Neighbor {
        family,
        if_index: head(message.payload, 4).ok_or(Malformed::Short)?,
        address,
        mac_address: mac,
        state: NeighborState(head(message.payload, 8).ok_or(Malformed::Short)?),
        router: flags & ROUTER != 0,
        proxy: flags & PROXY != 0,
        externally_learned: flags & EXTERNALLY_LEARNED != 0,
        probes,
        protocol,
        other_attributes,
    }))
}
