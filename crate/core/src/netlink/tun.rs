//! Links of the TUN/TAP driver, with what only it says of them (`IFLA_INFO_DATA`).

use super::connection::{Connection, Verb};
use super::message::{Context, attribute};
use crate::error::Result;
use neli::FromBytesWithInput;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Iff, Ifla, IflaInfo, RtAddrFamily, Rtm};
use neli::rtnl::{Ifinfomsg, IfinfomsgBuilder};
use std::io::Cursor;

/// The attributes of kind `tun` (linux/if_link.h, `IFLA_TUN_*`), which neli does not name.
#[neli::neli_enum(serialized_type = "u16")]
enum Tun {
    Owner = 1,
    Group = 2,
    Type = 3,
    PacketInformation = 4,
    VnetHeader = 5,
    Persist = 6,
    MultiQueue = 7,
    Queues = 8,
    DisabledQueues = 9,
}
impl neli::consts::rtnl::RtaType for Tun {}

/// The kind as the driver calls it.
const KIND: &str = "tun";

/// `IFLA_TUN_TYPE` of a TAP device (drivers/net/tun.c: `IFF_TAP`).
const TYPE_TAP: u8 = 2;

/// A TUN or TAP device, as the kernel describes it. Linux ≥ 4.18 tells what the driver knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunLink {
    /// Interface index.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Ethernet frames rather than IP packets.
    pub is_tap: bool,
    /// It was told to be up.
    pub is_up: bool,
    /// Largest packet, bytes.
    pub mtu: u32,
    /// The user who may attach to it.
    pub owner: Option<u32>,
    /// The group whose members may attach to it.
    pub group: Option<u32>,
    /// Each packet carries the driver's packet information header.
    pub has_packet_information: bool,
    /// Each packet carries a `struct virtio_net_hdr`.
    pub has_vnet_header: bool,
    /// It outlives its last queue.
    pub is_persistent: bool,
    /// It may have several queues.
    pub is_multi_queue: bool,
    /// Queues that are attached, and those that are there but switched off. Of a device of many.
    pub queues: Option<(u32, u32)>,
}

impl Connection {
    /// All TUN and TAP devices by rising index: `ip -details link show type tun`.
    pub async fn tun_links(&self) -> Result<Vec<TunLink>> {
        let context = Context { operation: "list", subject: "the links", request: "RTM_GETLINK" };
        // The kernel leaves other kinds out (`rtnl_dump_ifinfo`); an older one is filtered below.
        let kind = attribute(IflaInfo::Kind, KIND, context)?;
        let filter = attribute(Ifla::Linkinfo, neli::types::Buffer::new(), context)?
            .nest(&kind)
            .map_err(|e| context.malformed(&e.to_string()))?;
        let request = IfinfomsgBuilder::default()
            .ifi_family(RtAddrFamily::Unspecified)
            .ifi_flags(Iff::empty())
            .ifi_change(Iff::empty())
            .rtattrs([filter].into_iter().collect())
            .build()
            .map_err(|e| context.malformed(&e.to_string()))?;
        let verb = Verb { kind: Rtm::Getlink, flags: NlmF::DUMP };
        let mut links = Vec::new();
        for reply in self.exchange(verb, request, context).await? {
            let bytes: &[u8] = reply.as_ref();
            let link = Ifinfomsg::from_bytes_with_input(&mut Cursor::new(bytes), bytes.len())
                .map_err(|e| context.malformed(&e.to_string()))?;
            links.extend(read(&link));
        }
        links.sort_unstable_by_key(|link| link.index);
        Ok(links)
    }
}

/// The link, if it is of the driver.
fn read(link: &Ifinfomsg) -> Option<TunLink> {
    let attributes = link.rtattrs().get_attr_handle();
    let information = attributes.get_nested_attributes::<IflaInfo>(Ifla::Linkinfo).ok()?;
    if text(information.get_attribute(IflaInfo::Kind)?.rta_payload().as_ref()) != KIND {
        return None;
    }
    let data = information.get_nested_attributes::<Tun>(IflaInfo::Data).ok()?;
    let number = |kind: Tun| data.get_attr_payload_as::<u32>(kind).ok();
    let byte = |kind: Tun| data.get_attr_payload_as::<u8>(kind).ok();
    let is_set = |kind: Tun| byte(kind).is_some_and(|value| value != 0);
    Some(TunLink {
        index: u32::try_from(*link.ifi_index()).ok()?,
        name: text(attributes.get_attribute(Ifla::Ifname)?.rta_payload().as_ref()),
        is_tap: byte(Tun::Type)? == TYPE_TAP,
        is_up: link.ifi_flags().contains(Iff::UP),
        mtu: attributes.get_attr_payload_as::<u32>(Ifla::Mtu).ok()?,
        owner: number(Tun::Owner),
        group: number(Tun::Group),
        has_packet_information: is_set(Tun::PacketInformation),
        has_vnet_header: is_set(Tun::VnetHeader),
        is_persistent: is_set(Tun::Persist),
        is_multi_queue: is_set(Tun::MultiQueue),
        queues: number(Tun::Queues).zip(number(Tun::DisabledQueues)),
    })
}

/// A string attribute without the NUL at its end.
fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).trim_end_matches('\0').to_owned()
}
