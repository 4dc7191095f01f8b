//! The properties of each kind of link. What a kernel does not tell, and what is not to be set, is
//! absent.

use super::wire::{Address, BigEndian, Milliseconds, Wire, whatever_family};
use crate::netlink::codec::{Attributes, Message, bridge, macvlan, tun, value, vlan, vrf, vxlan};
use crate::netlink::names::{MacvlanMode, VlanProtocol};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

macro_rules! kind {
    (
        $(#[$doc:meta])* $type:ident in $attributes:ident;
        $($(#[$about:meta])* $field:ident: $value:ty = $attribute:ident as $form:ty;)+
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $type {
            $(
                $(#[$about])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$value>,
            )+
        }

        impl $type {
            fn read(attributes: impl Iterator<Item = (u16, impl AsRef<[u8]>)>) -> Self {
                let mut data = Self::default();
                for (attribute, payload) in attributes {
                    match attribute {
                        $($attributes::$attribute => {
                            data.$field = <$value as Wire<$form>>::read(payload.as_ref());
                        })+
                        _ => {}
                    }
                }
                data
            }

            /// Appends what is there.
            pub(in crate::netlink::link) fn put(&self, message: &mut Message) {
                $(if let Some(value) = &self.$field {
                    Wire::<$form>::put(value, message, $attributes::$attribute);
                })+
            }
        }
    };
}

kind! {
    /// A bridge (`IFLA_BR_*`).
    Bridge in bridge;
    /// Spanning tree protocol.
    stp: bool = STP_STATE as u32;
    /// How long a port listens and learns each.
    forward_delay_ms: Milliseconds = FORWARD_DELAY as u32;
    /// How often the root says hello.
    hello_time_ms: Milliseconds = HELLO_TIME as u32;
    /// How long what the root said is believed.
    max_age_ms: Milliseconds = MAX_AGE as u32;
    /// How long an address is remembered.
    ageing_time_ms: Milliseconds = AGEING_TIME as u32;
    /// Of this bridge in the spanning tree; the lowest is the root.
    priority: u16 = PRIORITY as u16;
    /// Looks at VLAN tags.
    vlan_filtering: bool = VLAN_FILTERING as u8;
    /// VLAN of new ports.
    vlan_default_pvid: u16 = VLAN_DEFAULT_PVID as u16;
    /// Link-local groups 01:80:c2:00:00:0X that are forwarded, a bit each.
    group_forward_mask: u16 = GROUP_FWD_MASK as u16;
    /// Learns who wants which multicast group.
    multicast_snooping: bool = MCAST_SNOOPING as u8;
}

kind! {
    /// A VXLAN tunnel (`IFLA_VXLAN_*`, RFC 7348).
    Vxlan in vxlan;
    /// Network identifier, 24 bits.
    id: u32 = ID as u32;
    /// The other end, or the multicast group of all others.
    remote: IpAddr = GROUP as Address;
    /// Source address.
    local: IpAddr = LOCAL as Address;
    /// Index of the link that it sends through.
    lower_if_index: u32 = LINK as u32;
    /// UDP port of the other ends.
    port: u16 = PORT as BigEndian;
    /// Of outer packets; 0: that of the inner ones.
    ttl: u8 = TTL as u8;
    /// Of outer packets; 1: that of the inner ones.
    tos: u8 = TOS as u8;
    /// Learns addresses from what arrives.
    learning: bool = LEARNING as u8;
    /// How long learnt addresses are remembered.
    ageing_seconds: u32 = AGEING as u32;
    /// How many addresses are remembered; 0: no limit.
    max_addresses: u32 = LIMIT as u32;
    /// Answers ARP for others.
    proxy: bool = PROXY as u8;
    /// Tells of packets for unknown hardware addresses.
    l2_miss: bool = L2MISS as u8;
    /// Tells of packets for unknown IP addresses.
    l3_miss: bool = L3MISS as u8;
    /// Checksums of outer UDP over IPv4.
    udp_checksum: bool = UDP_CSUM as u8;
    /// Where packets go is said by routes or programs.
    collect_metadata: bool = COLLECT_METADATA as u8;
}

kind! {
    /// A link with a hardware address of its own on another link (`IFLA_MACVLAN_*`).
    Macvlan in macvlan;
    /// Between which of them packets pass.
    mode: MacvlanMode = MODE as u32;
}

kind! {
    /// A VLAN of another link (`IFLA_VLAN_*`).
    Vlan in vlan;
    /// Number of the VLAN, 0 to 4094.
    id: u16 = ID as u16;
    /// Protocol of the tags.
    protocol: VlanProtocol = PROTOCOL as BigEndian;
}

kind! {
    /// A virtual routing domain (`IFLA_VRF_*`).
    Vrf in vrf;
    /// Its routing table.
    table: u32 = TABLE as u32;
}

/// What a device of the TUN/TAP driver carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TunMode {
    /// IP packets.
    Tun,
    /// Ethernet frames.
    Tap,
}

/// `IFLA_TUN_TYPE` of a TAP device (drivers/net/tun.c: `IFF_TAP`).
const TYPE_TAP: u8 = 2;

/// A device of the TUN/TAP driver (`IFLA_TUN_*`, Linux ≥ 4.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tun {
    /// TUN or TAP.
    pub mode: TunMode,
    /// The user who may attach to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// The group whose members may attach to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// Each packet carries the driver's packet information header.
    pub packet_information: bool,
    /// Each packet carries a `struct virtio_net_hdr`.
    pub vnet_header: bool,
    /// It outlives its last queue.
    pub persistent: bool,
    /// It may have several queues.
    pub multi_queue: bool,
    /// Queues that are attached; of a device of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queues: Option<u32>,
    /// Queues that are there but switched off; of a device of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detached_queues: Option<u32>,
}

impl Tun {
    fn read(attributes: Attributes<'_>) -> Option<Self> {
        let number = |kind| attributes.find(kind).and_then(value::<u32>);
        let byte = |kind| attributes.find(kind).and_then(value::<u8>);
        let is_set = |kind| byte(kind).is_some_and(|value| value != 0);
        Some(Self {
            mode: if byte(tun::TYPE)? == TYPE_TAP { TunMode::Tap } else { TunMode::Tun },
            owner: number(tun::OWNER),
            group: number(tun::GROUP),
            packet_information: is_set(tun::PI),
            vnet_header: is_set(tun::VNET_HDR),
            persistent: is_set(tun::PERSIST),
            multi_queue: is_set(tun::MULTI_QUEUE),
            queues: number(tun::NUM_QUEUES),
            detached_queues: number(tun::NUM_DISABLED_QUEUES),
        })
    }
}

/// What only a link of its kind has, for the kinds that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "each is explained at its type")]
pub enum KindData {
    Tun(Tun),
    Bridge(Bridge),
    Vxlan(Vxlan),
    Macvlan(Macvlan),
    Vlan(Vlan),
    Vrf(Vrf),
}

impl KindData {
    /// The properties of a link of the kind `kind`.
    pub(in crate::netlink::link) fn read(kind: &str, attributes: Attributes<'_>) -> Option<Self> {
        let all = attributes.map_while(Result::ok);
        match kind {
            "tun" => Tun::read(attributes).map(Self::Tun),
            "bridge" => Some(Self::Bridge(Bridge::read(all))),
            "vxlan" => {
                let all = all.map(|(attribute, payload)| (whatever_family(attribute), payload));
                Some(Self::Vxlan(Vxlan::read(all)))
            }
            "macvlan" | "macvtap" => Some(Self::Macvlan(Macvlan::read(all))),
            "vlan" => Some(Self::Vlan(Vlan::read(all))),
            "vrf" => Some(Self::Vrf(Vrf::read(all))),
            _ => None,
        }
    }
}
