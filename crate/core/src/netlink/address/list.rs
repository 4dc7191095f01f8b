//! Lists addresses.

use super::{Address, head};
use crate::netlink::codec::Message;
use crate::netlink::connection::Request;
use crate::netlink::context::Context;
use crate::netlink::family;
use crate::netlink::link::LinkRef;
use crate::netlink::names::Scope;
use serde::Deserialize;

/// The addresses to list; an absent property matches every address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AddressFilter {
    /// Addresses of this link.
    pub link: Option<LinkRef>,
    /// 4 or 6.
    pub family: Option<u8>,
}

impl AddressFilter {
    /// Returns whether the filter includes an address; `link` is the index of the filter's link.
    pub(in crate::netlink) fn includes(&self, address: &Address, link: Option<u32>) -> bool {
        self.family.is_none_or(|family| address.family == family)
            && link.is_none_or(|link| address.if_index == link)
    }
}

/// Builds the request for all addresses, or those of a family or a link: `ip address show`.
pub(in crate::netlink) fn list_request(version: Option<u8>, index: Option<u32>) -> Request {
    let head = head(family::number(version), 0, Scope(0), index.unwrap_or(0));
    let message = Message::new(libc::RTM_GETADDR, libc::NLM_F_DUMP, &head);
    Request::new(message, Context::new("list", "the addresses", "RTM_GETADDR"))
}
