//! Rules that choose a routing table: `ip rule`.

mod change;
mod delete;
mod list;
mod read;

pub use list::RuleFilter;

pub(super) use change::{Action, request};
pub(super) use delete::{check, has_all};
pub(super) use list::list_request;
pub(super) use read::read;

use super::names::{IpProtocol, Protocol, RuleAction, Table};
use super::other::OtherAttribute;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A range of ports or user ids, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range<T> {
    /// The lowest.
    pub start: T,
    /// The highest.
    pub end: T,
}

/// A rule, as the kernel describes it, or one to make or to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rule {
    /// 4 or 6.
    pub family: u8,
    /// The lowest is looked at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// What is done with a packet that fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<RuleAction>,
    /// The table where its route is looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// Priority of the rule to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goto: Option<u32>,
    /// Packets that do not fit.
    pub invert: bool,
    /// Packets from this network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<IpNet>,
    /// Packets to this network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<IpNet>,
    /// Packets with this type of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// Packets that came in by the link of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_link: Option<String>,
    /// Packets of sockets that are bound to the link of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_link: Option<String>,
    /// Packets with this firewall mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// The bits of the mark that count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark_mask: Option<u32>,
    /// Packets of this transport protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_protocol: Option<IpProtocol>,
    /// Packets from these ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ports: Option<Range<u16>>,
    /// Packets to these ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_ports: Option<Range<u16>>,
    /// Packets of sockets of these users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_ids: Option<Range<u32>>,
    /// The table is that of the packet's VRF.
    pub l3mdev: bool,
    /// Routes with a prefix not longer than this do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppress_prefix_length: Option<u32>,
    /// Routes by links of this group do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppress_if_group: Option<u32>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Attributes that are not interpreted here: `tun_id` of `ip rule`, for example.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_attributes: Vec<OtherAttribute>,
    /// Bits of `FIB_RULE_*` (linux/fib_rules.h) that are set and not interpreted here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_flags: Option<u32>,
}

/// `struct fib_rule_hdr` (linux/fib_rules.h).
const HEAD_BYTES: usize = 12;

/// `FIB_RULE_INVERT` (linux/fib_rules.h).
const INVERT: u32 = 2;

/// Flags that only the kernel sets: `FIB_RULE_PERMANENT`, `FIB_RULE_UNRESOLVED`,
/// `FIB_RULE_IIF_DETACHED`, `FIB_RULE_OIF_DETACHED` (linux/fib_rules.h).
const STATE: u32 = 1 | 4 | 8 | 16;
