//! Adding, replacing and deleting neighbors.

use super::{EXTERNALLY_LEARNED, PROXY, ROUTER, head};
use crate::netlink::codec::{Message, nda};
use crate::netlink::connection::Request;
use crate::netlink::context::Context;
use crate::netlink::family;
use crate::netlink::mac::MacAddress;
use crate::netlink::names::{NeighborState, Protocol};
use crate::netlink::other::{self, OtherAttribute};
use serde::Deserialize;
use std::net::IpAddr;

/// A neighbor to add or delete.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NeighborSpec {
    /// The neighbor's address.
    pub address: IpAddr,
    /// The neighbor's hardware address.
    pub mac_address: Option<MacAddress>,
    /// Default: permanent.
    pub state: Option<NeighborState>,
    /// The neighbor is a router.
    #[serde(default)]
    pub router: bool,
    /// This machine replies for the neighbor (proxy).
    #[serde(default)]
    pub proxy: bool,
    /// A program learned the neighbor, not the kernel.
    #[serde(default)]
    pub externally_learned: bool,
    /// The origin of the neighbor.
    pub protocol: Option<Protocol>,
    /// Attributes that are not interpreted here, as they were listed.
    #[serde(default)]
    pub other_attributes: Vec<OtherAttribute>,
}

/// A change of a neighbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netlink) enum Action {
    /// `ip neighbour add`
    Add,
    /// `ip neighbour replace`
    Replace,
    /// `ip neighbour delete`
    Delete,
}

/// `NUD_PERMANENT` (linux/neighbour.h).
const PERMANENT: NeighborState = NeighborState(0x80);

/// Builds the request that changes the neighbors on the link of that index; `subject` is used in errors.
pub(in crate::netlink) fn request(
    action: Action,
    index: u32,
    spec: &NeighborSpec,
    subject: String,
) -> Request {
    let (kind, flags, operation, name) = match action {
        Action::Add => {
            let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
            (libc::RTM_NEWNEIGH, flags, "add the neighbor", "RTM_NEWNEIGH")
        }
        Action::Replace => {
            let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
            (libc::RTM_NEWNEIGH, flags, "replace the neighbor", "RTM_NEWNEIGH")
        }
        Action::Delete => (libc::RTM_DELNEIGH, 0, "delete the neighbor", "RTM_DELNEIGH"),
    };
    let properties =
        [(spec.router, ROUTER), (spec.proxy, PROXY), (spec.externally_learned, EXTERNALLY_LEARNED)];
    let set = properties.iter().filter(|(is_set, _)| *is_set);
    let ntf = set.fold(0, |flags, (_, flag)| flags | flag);
    let state = match action {
        Action::Delete => NeighborState::default(),
        _ => spec.state.unwrap_or(PERMANENT),
    };
    let head = head(family::of(spec.address), index, state.0, ntf);
    let mut message = Message::new(kind, flags | libc::NLM_F_ACK, &head);
    message.put(nda::DST, &spec.address);
    if let Some(address) = &spec.mac_address {
        message.put(nda::LLADDR, address.bytes());
    }
    message.put_some(nda::PROTOCOL, spec.protocol.map(|protocol| protocol.0));
    if action != Action::Delete {
        other::put(&mut message, &spec.other_attributes);
    }
    Request::new(message, Context::new(operation, subject, name))
}
