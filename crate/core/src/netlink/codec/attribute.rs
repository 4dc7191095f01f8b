//! The types of attributes, and their names: linux/if_link.h, if_addr.h, rtnetlink.h, fib_rules.h,
//! neighbour.h, if_tun.h and veth.h. libc defines only some of them, and other ones for musl.

/// Defines a module of numbers, and a table of their names.
macro_rules! attributes {
    ($module:ident, $prefix:literal: $($name:ident = $number:literal),+ $(,)?) => {
        #[doc = concat!("`", $prefix, "*`")]
        pub(in crate::netlink) mod $module {
            $(pub(in crate::netlink) const $name: u16 = $number;)+
            pub(in crate::netlink) const NAMES: &[(u16, &str)] =
                &[$(($name, concat!($prefix, stringify!($name)))),+];
        }
    };
}

attributes!(ifla, "IFLA_": ADDRESS = 1, BROADCAST = 2, IFNAME = 3, MTU = 4, LINK = 5, QDISC = 6,
    STATS = 7, MASTER = 10, TXQLEN = 13, OPERSTATE = 16, LINKMODE = 17, LINKINFO = 18,
    NET_NS_PID = 19, IFALIAS = 20, STATS64 = 23, AF_SPEC = 26, GROUP = 27, NET_NS_FD = 28,
    EXT_MASK = 29, PROMISCUITY = 30, NUM_TX_QUEUES = 31, NUM_RX_QUEUES = 32, CARRIER = 33,
    CARRIER_CHANGES = 35, LINK_NETNSID = 37, GSO_MAX_SEGS = 40, GSO_MAX_SIZE = 41,
    CARRIER_UP_COUNT = 47, CARRIER_DOWN_COUNT = 48, NEW_IFINDEX = 49, MIN_MTU = 50, MAX_MTU = 51,
    PROP_LIST = 52, ALT_IFNAME = 53, PERM_ADDRESS = 54, GRO_MAX_SIZE = 58, TSO_MAX_SIZE = 59,
    TSO_MAX_SEGS = 60, ALLMULTI = 61);

attributes!(info, "IFLA_INFO_": KIND = 1, DATA = 2, SLAVE_KIND = 4, SLAVE_DATA = 5);

attributes!(inet6, "IFLA_INET6_": CONF = 2, ADDR_GEN_MODE = 8);

attributes!(tun, "IFLA_TUN_": OWNER = 1, GROUP = 2, TYPE = 3, PI = 4, VNET_HDR = 5, PERSIST = 6,
    MULTI_QUEUE = 7, NUM_QUEUES = 8, NUM_DISABLED_QUEUES = 9);

attributes!(bridge, "IFLA_BR_": FORWARD_DELAY = 1, HELLO_TIME = 2, MAX_AGE = 3, AGEING_TIME = 4,
    STP_STATE = 5, PRIORITY = 6, VLAN_FILTERING = 7, GROUP_FWD_MASK = 9, MCAST_SNOOPING = 23,
    VLAN_DEFAULT_PVID = 39);

attributes!(vxlan, "IFLA_VXLAN_": ID = 1, GROUP = 2, LINK = 3, LOCAL = 4, TTL = 5, TOS = 6,
    LEARNING = 7, AGEING = 8, LIMIT = 9, PROXY = 11, L2MISS = 13,
    L3MISS = 14, PORT = 15, GROUP6 = 16, LOCAL6 = 17, UDP_CSUM = 18, COLLECT_METADATA = 25);

attributes!(macvlan, "IFLA_MACVLAN_": MODE = 1);

attributes!(vlan, "IFLA_VLAN_": ID = 1, PROTOCOL = 5);

attributes!(vrf, "IFLA_VRF_": TABLE = 1);

attributes!(veth, "VETH_INFO_": PEER = 1);

attributes!(ifa, "IFA_": ADDRESS = 1, LOCAL = 2, LABEL = 3, BROADCAST = 4, CACHEINFO = 6,
    FLAGS = 8, RT_PRIORITY = 9, PROTO = 11);

attributes!(rta, "RTA_": DST = 1, SRC = 2, IIF = 3, OIF = 4, GATEWAY = 5, PRIORITY = 6,
    PREFSRC = 7, METRICS = 8, MULTIPATH = 9, FLOW = 11, CACHEINFO = 12, TABLE = 15, MARK = 16,
    VIA = 18, PREF = 20, ENCAP_TYPE = 21, ENCAP = 22, EXPIRES = 23, PAD = 24, UID = 25, IP_PROTO = 27,
    SPORT = 28, DPORT = 29, NH_ID = 30);

attributes!(nha, "NHA_": ID = 1, GROUP = 2, OIF = 5);

attributes!(rtax, "RTAX_": LOCK = 1, MTU = 2, WINDOW = 3, RTT = 4, RTTVAR = 5, SSTHRESH = 6,
    CWND = 7, ADVMSS = 8, REORDERING = 9, HOPLIMIT = 10, INITCWND = 11, FEATURES = 12, RTO_MIN = 13,
    INITRWND = 14, QUICKACK = 15);

attributes!(fra, "FRA_": DST = 1, SRC = 2, IIFNAME = 3, GOTO = 4, PRIORITY = 6, FWMARK = 10,
    FLOW = 11, TUN_ID = 12, SUPPRESS_IFGROUP = 13, SUPPRESS_PREFIXLEN = 14, TABLE = 15, FWMASK = 16,
    OIFNAME = 17, PAD = 18, L3MDEV = 19, UID_RANGE = 20, PROTOCOL = 21, IP_PROTO = 22, SPORT_RANGE = 23,
    DPORT_RANGE = 24);

attributes!(nda, "NDA_": DST = 1, LLADDR = 2, CACHEINFO = 3, PROBES = 4, VLAN = 5, PORT = 6,
    VNI = 7, IFINDEX = 8, MASTER = 9, PROTOCOL = 12, FLAGS_EXT = 15);

/// `AF_INET6` as the type of an attribute inside `IFLA_AF_SPEC`.
pub(in crate::netlink) const AF_SPEC_INET6: u16 = libc::AF_INET6 as u16;

/// `RTM_NEWLINKPROP` and related messages (linux/rtnetlink.h, Linux ≥ 5.5), which libc does not name.
pub(in crate::netlink) const RTM_NEWLINKPROP: u16 = 108;
pub(in crate::netlink) const RTM_DELLINKPROP: u16 = 109;
const RTM_GETLINKPROP: u16 = 110;

/// Messages about nexthop objects (linux/rtnetlink.h, Linux ≥ 5.3), which libc does not name.
const RTM_NEWNEXTHOP: u16 = 104;
pub(in crate::netlink) const RTM_GETNEXTHOP: u16 = 106;

type Names = &'static [(u16, &'static str)];

/// The position of attributes, and their names.
#[derive(Clone, Copy)]
struct Layout {
    /// Length of the fixed part that precedes them, bytes.
    head_bytes: usize,
    names: Names,
}

impl Layout {
    const fn behind(head_bytes: usize, names: Names) -> Self {
        Self { head_bytes, names }
    }
}

/// After a `struct ifinfomsg` (linux/rtnetlink.h).
const LINK: Layout = Layout::behind(16, ifla::NAMES);
/// After a `struct rtnexthop` (linux/rtnetlink.h). Its length is at the position of an attribute's
/// length, and the rest of it follows.
const NEXT_HOP: Layout = Layout::behind(4, rta::NAMES);

/// Returns the layout of the attributes of a message of that type.
fn of_message(message: u16) -> Option<Layout> {
    Some(match message {
        libc::RTM_NEWLINK..=libc::RTM_SETLINK | RTM_NEWLINKPROP..=RTM_GETLINKPROP => LINK,
        RTM_NEWNEXTHOP..=RTM_GETNEXTHOP => Layout::behind(8, nha::NAMES),
        libc::RTM_NEWADDR..=libc::RTM_GETADDR => Layout::behind(8, ifa::NAMES),
        libc::RTM_NEWROUTE..=libc::RTM_GETROUTE => Layout::behind(12, rta::NAMES),
        libc::RTM_NEWNEIGH..=libc::RTM_GETNEIGH => Layout::behind(12, nda::NAMES),
        libc::RTM_NEWRULE..=libc::RTM_GETRULE => Layout::behind(12, fra::NAMES),
        _ => return None,
    })
}

/// Returns the layout of the attributes inside an attribute; in the data of a link it depends on the
/// link's kind.
fn of_attribute(name: &str, link_kind: &str) -> Layout {
    let names = match (name, link_kind) {
        ("VETH_INFO_PEER", _) => return LINK,
        ("IFLA_LINKINFO", _) => info::NAMES,
        ("IFLA_PROP_LIST", _) => ifla::NAMES,
        ("IFLA_AF_SPEC", _) => &[(AF_SPEC_INET6, "AF_INET6")],
        ("AF_INET6", _) => inet6::NAMES,
        ("IFLA_INFO_DATA", "tun") => tun::NAMES,
        ("IFLA_INFO_DATA", "bridge") => bridge::NAMES,
        ("IFLA_INFO_DATA", "vxlan") => vxlan::NAMES,
        ("IFLA_INFO_DATA", "macvlan") => macvlan::NAMES,
        ("IFLA_INFO_DATA", "vlan") => vlan::NAMES,
        ("IFLA_INFO_DATA", "vrf") => vrf::NAMES,
        ("IFLA_INFO_DATA", "veth") => veth::NAMES,
        ("RTA_METRICS", _) => rtax::NAMES,
        _ => &[],
    };
    Layout::behind(0, names)
}

/// Returns the name of the attribute that begins `offset` bytes into `request`, a whole message. The
/// names of the attributes that contain it precede it: `IFLA_LINKINFO/IFLA_INFO_KIND`.
pub(in crate::netlink) fn name_at(request: &[u8], offset: u32) -> Option<String> {
    let message = super::messages(request).next()?.ok()?;
    let layout = of_message(message.kind)?;
    let target = usize::try_from(offset).ok()?;
    find(message.payload, super::HEADER_BYTES, layout, target)
}

/// Returns the name of an attribute of requests of that type. It is used for missing attributes.
pub(in crate::netlink) fn name_of(message: u16, attribute: u32) -> Option<String> {
    Some(name(of_message(message)?.names, u16::try_from(attribute).ok()?))
}

/// Returns the name of the attribute that begins at `target` among the attributes of `bytes`, which begin at `base`.
fn find(bytes: &[u8], base: usize, layout: Layout, target: usize) -> Option<String> {
    let mut at = base.checked_add(layout.head_bytes)?;
    let mut link_kind = String::new();
    for attribute in super::Attributes::behind(bytes, layout.head_bytes).ok()? {
        let (kind, payload) = attribute.ok()?;
        let outer = name(layout.names, kind);
        let inner = at.checked_add(super::ATTRIBUTE_HEADER_BYTES)?;
        let end = inner.checked_add(super::padded(payload.len())?)?;
        if target == at {
            return Some(outer);
        }
        if (at..end).contains(&target) {
            let within = if outer == "RTA_MULTIPATH" {
                in_next_hops(payload, inner, target)
            } else {
                find(payload, inner, of_attribute(&outer, &link_kind), target)
            };
            return Some(within.map_or(outer.clone(), |name| format!("{outer}/{name}")));
        }
        if outer == "IFLA_INFO_KIND" {
            link_kind = super::text(payload);
        }
        at = end;
    }
    None
}

/// Finds the same in the next hops of a route, which do not have names themselves.
fn in_next_hops(bytes: &[u8], base: usize, target: usize) -> Option<String> {
    let mut at = base;
    for hop in super::Attributes::within(bytes) {
        let (_, payload) = hop.ok()?;
        let inner = at.checked_add(super::ATTRIBUTE_HEADER_BYTES)?;
        at = inner.checked_add(super::padded(payload.len())?)?;
        if (inner..at).contains(&target) {
            return find(payload, inner, NEXT_HOP, target);
        }
    }
    None
}

fn name(names: Names, kind: u16) -> String {
    let known = names.iter().find(|(number, _)| *number == kind);
    known.map_or_else(|| kind.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;

    #[test]
    fn attributes_are_named_by_where_they_begin() {
        let mut message = Message::new(libc::RTM_NEWLINK, 0, &[0; 16]);
        message.put(ifla::MTU, &1_u32);
        message.nest(ifla::LINKINFO, |inner| {
            inner.put(info::KIND, "vxlan");
            inner.nest(info::DATA, |data| {
                data.put(vxlan::ID, &1_u32);
                data.put(99, &1_u8);
            });
        });
        let bytes = message.finish(1).unwrap();
        let named = |offset| name_at(&bytes, offset);
        assert_eq!(named(32).as_deref(), Some("IFLA_MTU"));
        assert_eq!(named(40).as_deref(), Some("IFLA_LINKINFO"));
        assert_eq!(named(44).as_deref(), Some("IFLA_LINKINFO/IFLA_INFO_KIND"));
        let data = "IFLA_LINKINFO/IFLA_INFO_DATA";
        assert_eq!(named(56).as_deref(), Some(data));
        assert_eq!(named(60), Some(format!("{data}/IFLA_VXLAN_ID")));
        assert_eq!(named(68), Some(format!("{data}/99")));
        assert_eq!(named(41).as_deref(), Some("IFLA_LINKINFO"));
        assert_eq!(named(400), None);
        assert_eq!(name_of(libc::RTM_NEWADDR, 2).as_deref(), Some("IFA_LOCAL"));
    }

    #[test]
    fn attributes_behind_a_fixed_part_within_are_named() {
        let mut message = Message::new(libc::RTM_NEWLINK, 0, &[0; 16]);
        message.nest(ifla::LINKINFO, |inner| {
            inner.put(info::KIND, "veth");
            inner.nest(info::DATA, |data| {
                let name = [8, 0, 3, 0, b'v', b'1', 0, 0];
                data.put(veth::PEER, [[0; 16].as_slice(), &name].concat().as_slice());
            });
        });
        let bytes = message.finish(1).unwrap();
        let name = "IFLA_LINKINFO/IFLA_INFO_DATA/VETH_INFO_PEER/IFLA_IFNAME";
        if cfg!(target_endian = "little") {
            assert_eq!(name_at(&bytes, 72).as_deref(), Some(name));
        }
        let mut message = Message::new(libc::RTM_NEWROUTE, 0, &[0; 12]);
        // Two hops of 16 bytes, each with a gateway.
        let hop = [16, 0, 0, 0, 1, 0, 0, 0, 8, 0, 5, 0, 10, 0, 0, 1];
        message.put(rta::MULTIPATH, [hop, hop].as_flattened());
        let bytes = message.finish(1).unwrap();
        if cfg!(target_endian = "little") {
            assert_eq!(name_at(&bytes, 56).as_deref(), Some("RTA_MULTIPATH/RTA_GATEWAY"));
        }
        assert_eq!(name_at(&bytes, 32).as_deref(), Some("RTA_MULTIPATH"));
    }
}
