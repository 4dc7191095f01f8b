//! Alternative names.

use super::{LinkRef, head};
use crate::netlink::codec::{Message, RTM_DELLINKPROP, RTM_NEWLINKPROP, ifla};
use crate::netlink::connection::Request;
use crate::netlink::context::Context;

/// A change of alternative names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netlink) enum AltNames {
    Add,
    Delete,
}

/// Builds the request that adds or deletes alternative names (Linux ≥ 5.5): `ip link property add dev
/// LINK altname NAME`.
pub(in crate::netlink) fn alternative_names_request(
    index: u32,
    link: &LinkRef,
    action: AltNames,
    names: &[String],
) -> Request {
    let (kind, flags, operation, request) = match action {
        AltNames::Add => {
            let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL | libc::NLM_F_APPEND;
            (RTM_NEWLINKPROP, flags, "add alternative names to", "RTM_NEWLINKPROP")
        }
        AltNames::Delete => (RTM_DELLINKPROP, 0, "delete alternative names of", "RTM_DELLINKPROP"),
    };
    let mut message = Message::new(kind, flags | libc::NLM_F_ACK, &head(index, 0, 0));
    message.nest(ifla::PROP_LIST, |list| {
        names.iter().for_each(|name| list.put(ifla::ALT_IFNAME, name.as_str()));
    });
    Request::new(message, Context::new(operation, link.to_string(), request))
}
