//! Links (network interfaces): listing, looking up, changing, adding and deleting; `ip link`.

mod add;
mod delete;
mod get;
mod kind;
mod list;
mod properties;
mod read;
mod set;
mod stats;
mod tun;

pub use add::{LinkSpec, PeerSpec};
pub use kind::{Bridge, KindData, KindSpec, Macvlan, Tun, TunMode, Vlan, Vrf, Vxlan};
pub use list::LinkFilter;
pub use set::LinkChange;
pub use stats::LinkStats;
pub use tun::TunLink;

pub(super) use add::add_request;
pub(super) use delete::delete_request;
pub(super) use get::get_request;
pub(super) use list::list_request;
pub(super) use properties::{AltNames, alternative_names_request};
pub(super) use read::{mac_address, read};
pub(super) use set::change_requests;

use super::names::{AddressGenerationMode, LinkType, OperState};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A reference to a link: its index, its name or one of its alternative names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub enum LinkRef {
    /// The index of the link.
    Index(u32),
    /// A name of the link.
    Name(String),
}

impl fmt::Display for LinkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "interface {index}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A link, as the kernel describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Interface index.
    pub if_index: u32,
    /// Name.
    pub name: String,
    /// Alternative names.
    pub alt_names: Vec<String>,
    /// The hardware type.
    pub link_type: LinkType,
    /// The names of the `IFF_*` that are set (netdevice(7)), without the prefix.
    pub flags: Vec<&'static str>,
    /// `IFF_UP`: the link is administratively up.
    pub up: bool,
    /// Operational state (RFC 2863).
    pub oper_state: OperState,
    /// The driver reports a carrier.
    pub carrier: bool,
    /// The number of times that the carrier appeared or disappeared.
    pub carrier_changes: u32,
    /// Largest packet, bytes.
    pub mtu: u32,
    /// The smallest MTU that the link accepts, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_mtu: Option<u32>,
    /// The largest MTU that the link accepts, bytes; 0: not reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_mtu: Option<u32>,
    /// Hardware address, as colon-separated bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// Hardware broadcast address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broadcast_mac_address: Option<String>,
    /// The permanent address of the hardware, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permanent_mac_address: Option<String>,
    /// A description that any program may set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Group of links.
    pub group: u32,
    /// Index of its master, for example a bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master: Option<u32>,
    /// Index of the lower link, or of a veth's peer; it may be in another namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_if_index: Option<u32>,
    /// The namespace of the lower link, by its number in this namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_netns_id: Option<i32>,
    /// Maximum number of packets that wait for transmission.
    pub tx_queue_length: u32,
    /// Queueing discipline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qdisc: Option<String>,
    /// The number of transmit queues.
    pub tx_queues: u32,
    /// The number of receive queues.
    pub rx_queues: u32,
    /// The number of users that requested promiscuous mode.
    pub promiscuity: u32,
    /// The number of users that requested all multicast packets; Linux ≥ 6.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_multicast_count: Option<u32>,
    /// The largest number of segments of a super-packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gso_max_segs: Option<u32>,
    /// The largest super-packet that the link accepts, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gso_max_size_bytes: Option<u32>,
    /// The largest super-packet that the link produces, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gro_max_size_bytes: Option<u32>,
    /// The mode of generating IPv6 link-local addresses; absent without IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_generation_mode: Option<AddressGenerationMode>,
    /// Largest IPv6 packet, bytes: `net.ipv6.conf.LINK.mtu`. A router or an administrator can make it smaller than
    /// the MTU of the link; absent without IPv6.
    #[serde(skip)]
    pub ipv6_mtu: Option<u32>,
    /// Kind of virtual link: the driver's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Properties that only links of that kind have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind_data: Option<KindData>,
    /// The kind of its master.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slave_kind: Option<String>,
    /// Counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<LinkStats>,
}

/// `struct ifinfomsg` (linux/rtnetlink.h).
const HEAD_BYTES: usize = 16;

/// Returns the header of a request on a link. Index 0 refers to a link that does not exist yet.
fn head(index: u32, flags: u32, mask: u32) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    let fields = [0, index, flags, mask].map(u32::to_ne_bytes);
    head.copy_from_slice(fields.as_flattened());
    head
}
