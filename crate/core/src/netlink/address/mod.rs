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

/// How long an address is valid, or preferred.
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
            Either::Text(text) => Err(Error::custom(format!("{text} is no lifetime"))),
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
    /// The address of this end.
    pub address: IpAddr,
    /// Length of the network's prefix, bits; with a peer that of the peer's network.
    pub prefix_length: u8,
    /// The other end of a point-to-point link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// Broadcast address; of IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<IpAddr>,
    /// Label; of IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How far it reaches.
    pub scope: Scope,
    /// How long it will be valid from now on, seconds.
    pub valid_lifetime_seconds: Lifetime,
    /// How long it will be preferred from now on, seconds.
    pub preferred_lifetime_seconds: Lifetime,
    /// Metric of the route to its network; Linux ≥ 4.18.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// Who made it; Linux ≥ 5.18.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<AddressProtocol>,
    /// Attributes that are not interpreted here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_attributes: Vec<OtherAttribute>,
    /// Its properties.
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
    /// Not the first of its network on the link; of an IPv6 address: temporary (RFC 8981).
    secondary = IFA_F_SECONDARY,
    /// Used without looking for a duplicate.
    no_dad = IFA_F_NODAD,
    /// Used while it is looked for a duplicate (RFC 4429).
    optimistic = IFA_F_OPTIMISTIC,
    /// Another has it.
    dad_failed = IFA_F_DADFAILED,
    /// A home address (RFC 6275).
    home_address = IFA_F_HOMEADDRESS,
    /// Not to be used for anything new.
    deprecated = IFA_F_DEPRECATED,
    /// It is being looked for a duplicate.
    tentative = IFA_F_TENTATIVE,
    /// It does not end by itself.
    permanent = IFA_F_PERMANENT,
    /// Temporary addresses are made after it.
    manage_temporary = IFA_F_MANAGETEMPADDR,
    /// No route to its network came with it.
    no_prefix_route = IFA_F_NOPREFIXROUTE,
    /// Its link joins the multicast group that it is.
    auto_join = IFA_F_MCAUTOJOIN,
    /// Made from a secret (RFC 7217).
    stable_privacy = IFA_F_STABLE_PRIVACY,
}

/// `struct ifaddrmsg` (linux/if_addr.h).
const HEAD_BYTES: usize = 8;

/// The head of a message on the address of a link.
fn head(family: u8, prefix_length: u8, scope: Scope, index: u32) -> [u8; HEAD_BYTES] {
    let [a, b, c, d] = index.to_ne_bytes();
    [family, prefix_length, 0, scope.0, a, b, c, d]
}
