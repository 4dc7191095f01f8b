//! Neighbors and their hardware addresses: `ip neighbour`.

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
    /// Index of the neighbor's link.
    pub if_index: u32,
    /// The neighbor's address.
    pub address: IpAddr,
    /// The neighbor's hardware address, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// The state of the hardware address.
    pub state: NeighborState,
    /// The neighbor is a router.
    pub router: bool,
    /// This machine replies for the neighbor (proxy).
    pub proxy: bool,
    /// A program learned the neighbor, not the kernel.
    pub externally_learned: bool,
    /// The number of requests without a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<u32>,
    /// The origin of the neighbor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Attributes that are not interpreted here, for example `managed` of `ip neighbour`.
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
