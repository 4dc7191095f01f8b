//! Kinds of links that can be made.

use super::{Bridge, Macvlan, Vlan, Vrf, Vxlan};
use crate::netlink::codec::Message;
use serde::Deserialize;

/// A kind of link, and the properties of its own that it is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "camelCase")]
#[allow(missing_docs, reason = "each is explained at its type")]
pub enum KindSpec {
    Bridge(Bridge),
    Vxlan(Vxlan),
    Macvlan(Macvlan),
    Vlan(Vlan),
    Vrf(Vrf),
    /// A pair of links; what one takes the other hands over.
    Veth,
    /// A link that drops what it takes.
    Dummy,
}

impl KindSpec {
    /// As the driver calls it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bridge(_) => "bridge",
            Self::Vxlan(_) => "vxlan",
            Self::Macvlan(_) => "macvlan",
            Self::Vlan(_) => "vlan",
            Self::Vrf(_) => "vrf",
            Self::Veth => "veth",
            Self::Dummy => "dummy",
        }
    }

    /// Whether links of the kind have properties of their own.
    pub(in crate::netlink::link) fn has_data(&self) -> bool {
        !matches!(self, Self::Veth | Self::Dummy)
    }

    /// Appends the properties.
    pub(in crate::netlink::link) fn put(&self, message: &mut Message) {
        match self {
            Self::Bridge(data) => data.put(message),
            Self::Vxlan(data) => data.put(message),
            Self::Macvlan(data) => data.put(message),
            Self::Vlan(data) => data.put(message),
            Self::Vrf(data) => data.put(message),
            Self::Veth | Self::Dummy => {}
        }
    }
}
