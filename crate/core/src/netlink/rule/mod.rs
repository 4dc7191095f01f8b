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

/// An inclusive range of ports or user ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range<T> {
    /// The lowest number.
    pub start: T,
    /// The highest number.
    pub end: T,
}

/// A rule as the kernel describes it, or a rule to add or delete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rule {
    /// 4 or 6.
    pub family: u8,
    /// Priority; the kernel evaluates the rule with the lowest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// The action for a packet that matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<RuleAction>,
    /// The table where the packet's route is looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// Priority of the rule where evaluation continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goto: Option<u32>,
    /// Matches the packets that the other properties do not match.
    pub invert: bool,
    /// Matches packets from this network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<IpNet>,
    /// Matches packets to this network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<IpNet>,
    /// Matches packets with this type of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// Matches packets that arrived by the link of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_link: Option<String>,
    /// Matches packets of sockets that are bound to the link of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_link: Option<String>,
    /// Matches packets with this firewall mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// The bits of the mark that are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark_mask: Option<u32>,
    /// Matches packets of this transport protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_protocol: Option<IpProtocol>,
    /// Matches packets from these ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ports: Option<Range<u16>>,
    /// Matches packets to these ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_ports: Option<Range<u16>>,
    /// Matches packets of sockets of these users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_ids: Option<Range<u32>>,
    /// The table is that of the packet's VRF.
    pub l3mdev: bool,
    /// Routes whose prefix is not longer than this are ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppress_prefix_length: Option<u32>,
    /// Routes through links of this group are ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppress_if_group: Option<u32>,
    /// The origin of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Attributes that are not interpreted here, for example `tun_id` of `ip rule`.
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
