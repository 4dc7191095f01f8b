//! Neighbors, and what is known of their hardware addresses: `ip neighbour`.

mod change;
mod list;
mod read;

pub use change::NeighborSpec;
pub use list::NeighborFilter;

pub(super) use change::{Action, request};
pub(super) use list::list_request;
pub(super) use read::read;

use super::names::{NeighborState, Protocol};
use super::other::OtherAttribute;
use serde::Serialize;
use std::net::IpAddr;

/// A neighbor, as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Neighbor {
    /// 4 or 6.
    pub family: u8,
    /// Index of the link that it is on.
    pub if_index: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// What is known of it.
    pub state: NeighborState,
    /// It is a router.
    pub router: bool,
    /// This machine answers for it.
    pub proxy: bool,
    /// A program learnt it, not the kernel.
    pub externally_learned: bool,
    /// How often it was asked for in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<u32>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Attributes that are not interpreted here: `managed` of `ip neighbour`, for example.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_attributes: Vec<OtherAttribute>,
}

/// `struct ndmsg` (linux/neighbour.h).
const HEAD_BYTES: usize = 12;

/// `NTF_*` (linux/neighbour.h).
const PROXY: u8 = 0x08;
const EXTERNALLY_LEARNED: u8 = 0x10;
const ROUTER: u8 = 0x80;

fn head(family: u8, index: u32, state: u16, flags: u8) -> [u8; HEAD_BYTES] {
    let [a, b, c, d] = index.to_ne_bytes();
    let [e, f] = state.to_ne_bytes();
    [family, 0, 0, 0, a, b, c, d, e, f, flags, 0]
}
