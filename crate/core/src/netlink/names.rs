//! Numbers of the kernel that have names. JSON contains the name, or the number if it does not have a
//! name. The names are those of ip(8) and its rt_tables, rt_protos and rt_scopes.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};

/// A name or a number, as received from JavaScript.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a name or a number")]
enum Either {
    Number(u32),
    Name(String),
}

macro_rules! named {
    ($($(#[$doc:meta])* $type:ident($number:ty): $($value:literal $name:literal),+;)+) => {
        /// The types of this file with all their names. JavaScript has the same table
        /// (lib/netlink/names.ts); a test compares both.
        pub const ALL: &[(&str, &[&str])] = &[$((stringify!($type), &[$($name),+])),+];

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub struct $type(pub $number);

            impl $type {
                const NAMES: &[($number, &str)] = &[$(($value, $name)),+];

                /// Returns the name of the number, if it has one.
                #[must_use]
                pub fn name(self) -> Option<&'static str> {
                    Self::NAMES.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
                }
            }

            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    match self.name() {
                        Some(name) => serializer.serialize_str(name),
                        None => serializer.serialize_u32(self.0.into()),
                    }
                }
            }

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let unknown = |given: &dyn std::fmt::Display| {
                        D::Error::custom(format!("{given} is not a {}", stringify!($type)))
                    };
                    match Either::deserialize(deserializer)? {
                        Either::Number(number) => {
                            <$number>::try_from(number).map(Self).map_err(|_| unknown(&number))
                        }
                        Either::Name(text) => Self::NAMES
                            .iter()
                            .find(|(_, name)| *name == text)
                            .map(|(number, _)| Self(*number))
                            .ok_or_else(|| unknown(&text)),
                    }
                }
            }
        )+
    };
}

named! {
    /// The reach of an address or route: `RT_SCOPE_*` (linux/rtnetlink.h).
    Scope(u8): 0 "global", 200 "site", 253 "link", 254 "host", 255 "nowhere";

    /// The origin of a route or rule: `RTPROT_*` (linux/rtnetlink.h).
    Protocol(u8): 0 "unspec", 1 "redirect", 2 "kernel", 3 "boot", 4 "static", 8 "gated", 9 "ra",
        10 "mrt", 11 "zebra", 12 "bird", 13 "dnrouted", 14 "xorp", 15 "ntk", 16 "dhcp",
        18 "keepalived", 42 "babel", 186 "bgp", 187 "isis", 188 "ospf", 189 "rip", 192 "eigrp";

    /// The origin of an address: `IFAPROT_*` (linux/if_addr.h, Linux ≥ 5.18).
    AddressProtocol(u8): 0 "unspec", 1 "kernel_lo", 2 "kernel_ra", 3 "kernel_ll";

    /// A routing table: `RT_TABLE_*` (linux/rtnetlink.h).
    Table(u32): 0 "unspec", 253 "default", 254 "main", 255 "local";

    /// The action of a route for a packet: `RTN_*` (linux/rtnetlink.h).
    RouteType(u8): 0 "unspec", 1 "unicast", 2 "local", 3 "broadcast", 4 "anycast", 5 "multicast",
        6 "blackhole", 7 "unreachable", 8 "prohibit", 9 "throw", 10 "nat", 11 "xresolve";

    /// The preference among several routers: `RTA_PREF` (RFC 4191).
    Preference(u8): 0 "medium", 1 "high", 3 "low";

    /// The action of a rule: `FR_ACT_*` (linux/fib_rules.h).
    RuleAction(u8): 0 "unspec", 1 "table", 2 "goto", 3 "nop", 6 "blackhole", 7 "unreachable",
        8 "prohibit";

    /// The state of a link in the terms of RFC 2863: `IF_OPER_*` (linux/if.h).
    OperState(u8): 0 "unknown", 1 "notPresent", 2 "down", 3 "lowerLayerDown", 4 "testing",
        5 "dormant", 6 "up";

    /// The type of a link: `ARPHRD_*` (linux/if_arp.h).
    LinkType(u16): 1 "ether", 512 "ppp", 768 "ipip", 769 "tunnel6", 772 "loopback", 776 "sit",
        778 "gre", 65534 "none";

    /// The mode of generating IPv6 link-local addresses: `IN6_ADDR_GEN_MODE_*` (linux/if_link.h).
    AddressGenerationMode(u8): 0 "eui64", 1 "none", 2 "stableSecret", 3 "random";

    /// The forwarding between links of one lower link: `MACVLAN_MODE_*` (linux/if_link.h).
    MacvlanMode(u32): 1 "private", 2 "vepa", 4 "bridge", 8 "passthru", 16 "source";

    /// The protocol of VLAN tags: `ETH_P_8021*` (linux/if_ether.h).
    VlanProtocol(u16): 0x8100 "802.1Q", 0x88a8 "802.1ad";

    /// The state of a neighbor's hardware address: `NUD_*` (linux/neighbour.h).
    NeighborState(u16): 0 "none", 1 "incomplete", 2 "reachable", 4 "stale", 8 "delay", 16 "probe",
        32 "failed", 64 "noarp", 128 "permanent";

    /// The transport protocol that a rule matches (IANA's protocol numbers).
    IpProtocol(u8): 1 "icmp", 6 "tcp", 17 "udp", 33 "dccp", 58 "icmp6", 132 "sctp";
}

impl AddressGenerationMode {
    /// The kernel does not generate addresses.
    pub(super) const NONE: Self = Self(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let read = |text| serde_json::from_str::<Scope>(text);
        assert_eq!(read("\"link\"").unwrap(), Scope(253));
        assert_eq!(read("7").unwrap(), Scope(7));
        assert_eq!(serde_json::to_string(&Scope(253)).unwrap(), "\"link\"");
        assert_eq!(serde_json::to_string(&Scope(7)).unwrap(), "7");
        assert_eq!(read("256").unwrap_err().to_string(), "256 is not a Scope");
        assert_eq!(read("\"far\"").unwrap_err().to_string(), "far is not a Scope");
        assert!(read("true").unwrap_err().to_string().contains("a name or a number"));
    }
}
