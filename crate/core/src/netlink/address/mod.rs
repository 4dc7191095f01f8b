//! Addresses of links: `ip address`.

mod change;
mod list;
mod read;

pub use change::AddressSpec;
pub use list::AddressFilter;

pub(super) use change::{Action, request};
pub(super) use list::list_request;
pub(super) use read::read;

use super::names::{AddressProtocol, Scope};
use super::other::OtherAttribute;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use std::net::IpAddr;

/// The time that an address is valid or preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(pub u32);

impl Lifetime {
    /// `INFINITY_LIFE_TIME` (net/addrconf.h).
    pub const FOREVER: Self = Self(u32::MAX);
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::FOREVER => serializer.serialize_str("forever"),
            Self(seconds) => serializer.serialize_u32(seconds),
        }
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "seconds, or \"forever\"")]
        enum Either {
            Seconds(u32),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Seconds(seconds) => Ok(Self(seconds)),
            Either::Text(text) if text == "forever" => Ok(Self::FOREVER),
            Either::Text(text) => Err(Error::custom(format!("{text} is not a lifetime"))),
        }
    }
}

/// An address of a link, as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Index of the link.
    pub if_index: u32,
    /// 4 or 6.
    pub family: u8,
    /// The local address.
    pub address: IpAddr,
    /// Length of the network's prefix, bits. If there is a peer, that of the peer's network.
    pub prefix_length: u8,
    /// Peer address of a point-to-point link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// Broadcast address. IPv4 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<IpAddr>,
    /// Label. IPv4 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The reach of the address.
    pub scope: Scope,
    /// The remaining time that it is valid, seconds.
    pub valid_lifetime_seconds: Lifetime,
    /// The remaining time that it is preferred, seconds.
    pub preferred_lifetime_seconds: Lifetime,
    /// Metric of the route to its network; Linux ≥ 4.18.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// The origin of the address; Linux ≥ 5.18.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<AddressProtocol>,
    /// Attributes that are not interpreted here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_attributes: Vec<OtherAttribute>,
    /// Flags.
    #[serde(flatten)]
    pub flags: AddressFlags,
}

macro_rules! flags {
    ($($(#[$doc:meta])* $field:ident = $flag:ident,)+) => {
        /// `IFA_F_*` (linux/if_addr.h).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct AddressFlags {
            $($(#[$doc])* pub $field: bool,)+
        }

        impl AddressFlags {
            fn of(flags: u32) -> Self {
                Self { $($field: flags & libc::$flag != 0,)+ }
            }
        }
    };
}

flags! {
    /// Not the first address of its network on the link. For IPv6: temporary (RFC 8981).
    secondary = IFA_F_SECONDARY,
    /// Used without duplicate address detection.
    no_dad = IFA_F_NODAD,
    /// Used during duplicate address detection (RFC 4429).
    optimistic = IFA_F_OPTIMISTIC,
    /// Duplicate address detected.
    dad_failed = IFA_F_DADFAILED,
    /// A home address (RFC 6275).
    home_address = IFA_F_HOMEADDRESS,
    /// Not used for new connections.
    deprecated = IFA_F_DEPRECATED,
    /// Duplicate address detection is running.
    tentative = IFA_F_TENTATIVE,
    /// The address does not expire.
    permanent = IFA_F_PERMANENT,
    /// The kernel generates temporary addresses from it.
    manage_temporary = IFA_F_MANAGETEMPADDR,
    /// The kernel did not add a route to its network.
    no_prefix_route = IFA_F_NOPREFIXROUTE,
    /// The link has joined this multicast group.
    auto_join = IFA_F_MCAUTOJOIN,
    /// Generated from a secret (RFC 7217).
    stable_privacy = IFA_F_STABLE_PRIVACY,
}

/// `struct ifaddrmsg` (linux/if_addr.h).
const HEAD_BYTES: usize = 8;

/// Returns the header of a message on the address of a link.
fn head(family: u8, prefix_length: u8, scope: Scope, index: u32) -> [u8; HEAD_BYTES] {
    let [a, b, c, d] = index.to_ne_bytes();
    [family, prefix_length, 0, scope.0, a, b, c, d]
}
