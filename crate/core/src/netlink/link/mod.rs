//! Links (network interfaces): listed, looked up, changed, made and removed; `ip link`.

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

/// What names a link: its index, its name or one of its alternative names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub enum LinkRef {
    /// By its index.
    Index(u32),
    /// By a name.
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
    /// What it is made of.
    pub link_type: LinkType,
    /// Names of `IFF_*` that are set (netdevice(7)), without the prefix.
    pub flags: Vec<&'static str>,
    /// `IFF_UP`: it was told to be up.
    pub up: bool,
    /// RFC 2863.
    pub oper_state: OperState,
    /// Its driver has a carrier.
    pub carrier: bool,
    /// How often the carrier came or went.
    pub carrier_changes: u32,
    /// Largest packet, bytes.
    pub mtu: u32,
    /// The smallest MTU that it takes, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_mtu: Option<u32>,
    /// The largest MTU that it takes, bytes; 0: none is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_mtu: Option<u32>,
    /// Hardware address, as bytes parted by colons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// Hardware address of all stations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broadcast_mac_address: Option<String>,
    /// The hardware's own address, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permanent_mac_address: Option<String>,
    /// A description, set by whoever likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Group of links.
    pub group: u32,
    /// Index of the link that it belongs to, a bridge for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master: Option<u32>,
    /// Index of the link below it, or of a veth's other end; maybe in another namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_if_index: Option<u32>,
    /// The namespace of the link below, by the number that this namespace has for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_netns_id: Option<i32>,
    /// Packets that wait for transmission at most.
    pub tx_queue_length: u32,
    /// Queueing discipline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qdisc: Option<String>,
    /// Transmit queues.
    pub tx_queues: u32,
    /// Receive queues.
    pub rx_queues: u32,
    /// How many want it to take all packets.
    pub promiscuity: u32,
    /// How many want it to take all multicast packets; Linux ≥ 6.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_multicast_count: Option<u32>,
    /// The most segments a super-packet may be cut into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gso_max_segs: Option<u32>,
    /// The largest super-packet it takes, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gso_max_size_bytes: Option<u32>,
    /// The largest super-packet it makes, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gro_max_size_bytes: Option<u32>,
    /// How IPv6 link-local addresses are made; absent without IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_generation_mode: Option<AddressGenerationMode>,
    /// Kind of virtual link, as its driver calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What only links of that kind have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind_data: Option<KindData>,
    /// Kind of its master.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slave_kind: Option<String>,
    /// Counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<LinkStats>,
}

/// `struct ifinfomsg` (linux/rtnetlink.h).
const HEAD_BYTES: usize = 16;

/// The head of a request on a link; index 0: on none that exists.
fn head(index: u32, flags: u32, mask: u32) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    let fields = [0, index, flags, mask].map(u32::to_ne_bytes);
    head.copy_from_slice(fields.as_flattened());
    head
}
