//! The properties of each kind of link. A property is absent if the kernel does not report it, or if it
//! is not to be set.

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

            /// Appends the properties that are present.
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
    /// Runs the spanning tree protocol.
    stp: bool = STP_STATE as u32;
    /// Time that a port spends in each of the states listening and learning.
    forward_delay_ms: Milliseconds = FORWARD_DELAY as u32;
    /// Interval of the hello messages of the root bridge.
    hello_time_ms: Milliseconds = HELLO_TIME as u32;
    /// Time that the root's information is valid.
    max_age_ms: Milliseconds = MAX_AGE as u32;
    /// Time that an address is remembered.
    ageing_time_ms: Milliseconds = AGEING_TIME as u32;
    /// Priority of this bridge in the spanning tree; the lowest becomes the root.
    priority: u16 = PRIORITY as u16;
    /// Filters by VLAN tags.
    vlan_filtering: bool = VLAN_FILTERING as u8;
    /// VLAN of new ports.
    vlan_default_pvid: u16 = VLAN_DEFAULT_PVID as u16;
    /// Bit mask of the link-local groups 01:80:c2:00:00:0X that are forwarded.
    group_forward_mask: u16 = GROUP_FWD_MASK as u16;
    /// Learns which ports have members of each multicast group.
    multicast_snooping: bool = MCAST_SNOOPING as u8;
}

kind! {
    /// A VXLAN tunnel (`IFLA_VXLAN_*`, RFC 7348).
    Vxlan in vxlan;
    /// Network identifier, 24 bits.
    id: u32 = ID as u32;
    /// The peer, or the multicast group of all peers.
    remote: IpAddr = GROUP as Address;
    /// Source address.
    local: IpAddr = LOCAL as Address;
    /// Index of the lower link.
    lower_if_index: u32 = LINK as u32;
    /// UDP port of the peers.
    port: u16 = PORT as BigEndian;
    /// TTL of outer packets; 0: that of the inner packet.
    ttl: u8 = TTL as u8;
    /// TOS of outer packets; 1: that of the inner packet.
    tos: u8 = TOS as u8;
    /// Learns addresses from received packets.
    learning: bool = LEARNING as u8;
    /// Time that learned addresses are remembered.
    ageing_seconds: u32 = AGEING as u32;
    /// Maximum number of remembered addresses; 0: no limit.
    max_addresses: u32 = LIMIT as u32;
    /// Replies to ARP requests for other hosts.
    proxy: bool = PROXY as u8;
    /// Reports packets for unknown hardware addresses.
    l2_miss: bool = L2MISS as u8;
    /// Reports packets for unknown IP addresses.
    l3_miss: bool = L3MISS as u8;
    /// Sets the checksums of outer UDP over IPv4.
    udp_checksum: bool = UDP_CSUM as u8;
    /// Routes or programs set the tunnel parameters of each packet.
    collect_metadata: bool = COLLECT_METADATA as u8;
}

kind! {
    /// A link on a lower link, with a separate hardware address (`IFLA_MACVLAN_*`).
    Macvlan in macvlan;
    /// The links of one lower link between which packets are forwarded.
    mode: MacvlanMode = MODE as u32;
}

kind! {
    /// A VLAN of a lower link (`IFLA_VLAN_*`).
    Vlan in vlan;
    /// The number of the VLAN, 0 to 4094.
    id: u16 = ID as u16;
    /// Protocol of the tags.
    protocol: VlanProtocol = PROTOCOL as BigEndian;
}

kind! {
    /// A virtual routing domain (`IFLA_VRF_*`).
    Vrf in vrf;
    /// The routing table of the domain.
    table: u32 = TABLE as u32;
}

/// The kind of packets that a device of the TUN/TAP driver carries.
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
    /// The device outlives its last queue.
    pub persistent: bool,
    /// The device may have several queues.
    pub multi_queue: bool,
    /// The number of attached queues; only for devices with several queues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queues: Option<u32>,
    /// The number of detached queues that still exist; only for devices with several queues.
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

/// The properties of a link's kind, for the kinds that are known here.
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
    /// Reads the properties of a link of the kind `kind`.
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
