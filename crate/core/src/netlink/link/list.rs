//! Lists links.

use super::{Link, LinkRef, head};
use crate::netlink::codec::{Message, ifla, info};
use crate::netlink::connection::Request;
use crate::netlink::context::Context;
use serde::Deserialize;

/// The links to list; an absent property matches every link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LinkFilter {
    /// The driver's name for the kind.
    pub kind: Option<String>,
    /// Links of this master.
    pub master: Option<LinkRef>,
}

impl LinkFilter {
    /// Returns whether the filter includes a link; `master` is the index of the filter's master.
    pub(in crate::netlink) fn includes(&self, link: &Link, master: Option<u32>) -> bool {
        let is_of_kind = self.kind.is_none() || self.kind == link.kind;
        is_of_kind && master.is_none_or(|master| link.master == Some(master))
    }
}

/// `RTEXT_FILTER_MRP` (linux/rtnetlink.h). With any filter the kernel sizes the reply for the longest
/// link (`rtnl_calcit`, net/core/rtnetlink.c). Without a filter, a link that exceeds 32 KiB ends the list
/// early, without an error. This filter does not change the list of links: it applies to the ports of
/// bridges. `RTEXT_FILTER_VF`, which ip(8) sets, would also query every virtual function of network
/// cards.
const SIZED_FOR_ALL_LINKS: u32 = 1 << 4;

/// Builds the request for all links, or those of one kind or master (`rtnl_dump_ifinfo`,
/// net/core/rtnetlink.c): `ip link show type KIND master LINK`.
pub(in crate::netlink) fn list_request(kind: Option<&str>, master: Option<u32>) -> Request {
    let mut message = Message::new(libc::RTM_GETLINK, libc::NLM_F_DUMP, &head(0, 0, 0));
    message.put(ifla::EXT_MASK, &SIZED_FOR_ALL_LINKS);
    message.put_some(ifla::MASTER, master);
    if let Some(kind) = kind {
        message.nest(ifla::LINKINFO, |inner| inner.put(info::KIND, kind));
    }
    Request::new(message, Context::new("list", "the links", "RTM_GETLINK"))
}
