//! The kinds of links that can be added.

use super::{Bridge, Macvlan, Vlan, Vrf, Vxlan};
use crate::netlink::codec::Message;
use serde::Deserialize;

/// A kind of link, and the properties of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "camelCase")]
#[allow(missing_docs, reason = "each is explained at its type")]
pub enum KindSpec {
    Bridge(Bridge),
    Vxlan(Vxlan),
    Macvlan(Macvlan),
    Vlan(Vlan),
    Vrf(Vrf),
    /// A pair of links; a packet that is sent on one is received on the other.
    Veth,
    /// A link that drops all packets.
    Dummy,
}

impl KindSpec {
    /// Returns the driver's name for the kind.
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

    /// Returns whether the kind has properties.
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
