//! Deleting links.

use super::{LinkRef, head};
use crate::netlink::codec::Message;
use crate::netlink::connection::Request;
use crate::netlink::context::Context;

/// Builds the request that deletes the link of that index: `ip link delete dev LINK`.
pub(in crate::netlink) fn delete_request(index: u32, link: &LinkRef) -> Request {
    let message = Message::new(libc::RTM_DELLINK, libc::NLM_F_ACK, &head(index, 0, 0));
    Request::new(message, Context::new("delete", link.to_string(), "RTM_DELLINK"))
}
