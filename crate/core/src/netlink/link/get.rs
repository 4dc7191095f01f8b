//! Looks up a link.

use super::{HEAD_BYTES, Link, LinkRef, head, read};
use crate::error::{ErrorCode, Result};
use crate::netlink::codec::{Message, MessageView, ifla};
use crate::netlink::connection::{Connection, Request};
use crate::netlink::context::Context;

/// The longest name of a link, bytes without the NUL: `IFNAMSIZ - 1` (linux/if.h).
const NAME_BYTES: usize = 15;

/// Builds the request for one link: `ip link show dev LINK`.
pub(in crate::netlink) fn get_request(link: &LinkRef) -> Request {
    let (index, name) = match link {
        LinkRef::Index(index) => (*index, None),
        LinkRef::Name(name) => (0, Some(name.as_str())),
    };
    let head: [u8; HEAD_BYTES] = head(index, 0, 0);
    let mut message = Message::new(libc::RTM_GETLINK, libc::NLM_F_ACK, &head);
    if let Some(name) = name {
        // The kernel accepts an alternative name in either attribute, but only this one can be long.
        let is_long = name.len() > NAME_BYTES;
        message.put(if is_long { ifla::ALT_IFNAME } else { ifla::IFNAME }, name);
    }
    Request::new(message, Context::new("look up", link.to_string(), "RTM_GETLINK"))
}

impl Connection {
    /// Returns the link of that index or name: `ip link show dev LINK`.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NotFound`] if there is no such link.
    pub async fn link(&self, link: &LinkRef) -> Result<Link> {
        let request = get_request(link);
        let context = request.context.clone();
        let reply = self.exchange(request).await.map_err(|error| match error.code() {
            ErrorCode::NotFound => error.with_advice("no interface has that name or index here"),
            _ => error,
        })?;
        let payload = reply.ok_or_else(|| context.malformed("the kernel sent no reply"))?;
        let message =
            MessageView { kind: libc::RTM_NEWLINK, flags: 0, sequence: 0, payload: &payload };
        let link = read(message).map_err(|malformed| context.malformed(&malformed.to_string()))?;
        link.ok_or_else(|| context.malformed("the reply is not a link"))
    }
}
