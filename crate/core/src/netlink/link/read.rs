//! Reads links from the kernel's messages.

use super::{HEAD_BYTES, KindData, Link, LinkStats};
use crate::netlink::codec::{
    AF_SPEC_INET6, Attributes, Malformed, MessageView, head, ifla, inet6, info, text, value,
};
use crate::netlink::names::{AddressGenerationMode, LinkType, OperState};
use std::fmt::Write;

/// `IFF_*` (linux/if.h) and their names.
const FLAGS: [(u32, &str); 19] = [
    (0x1, "UP"),
    (0x2, "BROADCAST"),
    (0x4, "DEBUG"),
    (0x8, "LOOPBACK"),
    (0x10, "POINTOPOINT"),
    (0x20, "NOTRAILERS"),
    (0x40, "RUNNING"),
    (0x80, "NOARP"),
    (0x100, "PROMISC"),
    (0x200, "ALLMULTI"),
    (0x400, "MASTER"),
    (0x800, "SLAVE"),
    (0x1000, "MULTICAST"),
    (0x2000, "PORTSEL"),
    (0x4000, "AUTOMEDIA"),
    (0x8000, "DYNAMIC"),
    (0x1_0000, "LOWER_UP"),
    (0x2_0000, "DORMANT"),
    (0x4_0000, "ECHO"),
];

/// The offset of the MTU in the settings of IPv6, an array of 32-bit numbers (`DEVCONF_MTU6` of linux/ipv6.h), bytes.
const DEVCONF_MTU6: usize = 2 * 4;

/// Reads the link of a message. Returns nothing for bridge ports, which bridges report under a separate
/// family (`AF_BRIDGE`), and for messages that do not describe a link.
pub(in crate::netlink) fn read(message: MessageView<'_>) -> Result<Option<Link>, Malformed> {
    let is_link = matches!(message.kind, libc::RTM_NEWLINK | libc::RTM_DELLINK);
    if !is_link || head::<u8>(message.payload, 0) != Some(0) {
        return Ok(None);
    }
    let attributes = Attributes::behind(message.payload, HEAD_BYTES)?;
    let flags = head::<u32>(message.payload, 8).ok_or(Malformed::Short)?;
    let mut link = Link {
        if_index: head(message.payload, 4).ok_or(Malformed::Short)?,
        link_type: LinkType(head(message.payload, 2).ok_or(Malformed::Short)?),
        flags: FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name).collect(),
        up: flags & 1 != 0,
        ..Link::default()
    };
    for attribute in attributes {
        let (kind, payload) = attribute?;
        identity(&mut link, kind, payload);
        properties(&mut link, kind, payload);
    }
    Ok(Some(link))
}

/// Reads the attributes that identify a link, and those that refer to other links.
fn identity(link: &mut Link, kind: u16, payload: &[u8]) {
    match kind {
        ifla::IFNAME => link.name = text(payload),
        ifla::IFALIAS => link.alias = Some(text(payload)),
        ifla::PROP_LIST => {
            let names = Attributes::within(payload).map_while(Result::ok);
            link.alt_names = names
                .filter(|(kind, _)| *kind == ifla::ALT_IFNAME)
                .map(|(_, name)| text(name))
                .collect();
        }
        ifla::ADDRESS => link.mac_address = mac_address(payload),
        ifla::BROADCAST => link.broadcast_mac_address = mac_address(payload),
        ifla::PERM_ADDRESS => link.permanent_mac_address = mac_address(payload),
        ifla::GROUP => link.group = value(payload).unwrap_or_default(),
        ifla::MASTER => link.master = value(payload),
        ifla::LINK => link.lower_if_index = value(payload).filter(|index| *index != 0),
        ifla::LINK_NETNSID => link.lower_netns_id = value(payload),
        ifla::LINKINFO => kind_of(link, Attributes::within(payload)),
        _ => {}
    }
}

fn properties(link: &mut Link, kind: u16, payload: &[u8]) {
    let number = || value::<u32>(payload);
    match kind {
        ifla::MTU => link.mtu = number().unwrap_or_default(),
        ifla::MIN_MTU => link.min_mtu = number(),
        ifla::MAX_MTU => link.max_mtu = number(),
        ifla::OPERSTATE => link.oper_state = OperState(value(payload).unwrap_or_default()),
        ifla::CARRIER => link.carrier = value::<u8>(payload) == Some(1),
        ifla::CARRIER_CHANGES => link.carrier_changes = number().unwrap_or_default(),
        ifla::TXQLEN => link.tx_queue_length = number().unwrap_or_default(),
        ifla::QDISC => link.qdisc = Some(text(payload)),
        ifla::NUM_TX_QUEUES => link.tx_queues = number().unwrap_or_default(),
        ifla::NUM_RX_QUEUES => link.rx_queues = number().unwrap_or_default(),
        ifla::PROMISCUITY => link.promiscuity = number().unwrap_or_default(),
        ifla::ALLMULTI => link.all_multicast_count = number(),
        ifla::GSO_MAX_SEGS => link.gso_max_segs = number(),
        ifla::GSO_MAX_SIZE => link.gso_max_size_bytes = number(),
        ifla::GRO_MAX_SIZE => link.gro_max_size_bytes = number(),
        ifla::STATS64 => link.stats = Some(LinkStats::read(payload)),
        ifla::AF_SPEC => {
            let inet6 = Attributes::within(payload).find(AF_SPEC_INET6).unwrap_or_default();
            let mode = Attributes::within(inet6).find(inet6::ADDR_GEN_MODE).and_then(value);
            link.address_generation_mode = mode.map(AddressGenerationMode);
            let settings = Attributes::within(inet6).find(inet6::CONF).unwrap_or_default();
            link.ipv6_mtu = head(settings, DEVCONF_MTU6);
        }
        _ => {}
    }
}

fn kind_of(link: &mut Link, information: Attributes<'_>) {
    let Some(kind) = information.find(info::KIND).map(text) else { return };
    let data = information.find(info::DATA).unwrap_or_default();
    link.kind_data = KindData::read(&kind, Attributes::within(data));
    link.kind = Some(kind);
    link.slave_kind = information.find(info::SLAVE_KIND).map(text);
}

/// Formats an address as `00:11:22:33:44:55`. Returns nothing for links without addresses.
pub(in crate::netlink) fn mac_address(bytes: &[u8]) -> Option<String> {
    let mut address = String::with_capacity(bytes.len().saturating_mul(3));
    for byte in bytes {
        let separator = if address.is_empty() { "" } else { ":" };
        write!(address, "{separator}{byte:02x}").ok()?;
    }
    (!address.is_empty()).then_some(address)
}
