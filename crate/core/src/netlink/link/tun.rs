//! Links of the TUN/TAP driver, with what only it says of them.

use super::{KindData, Link, TunMode, list_request, read};
use crate::error::Result;
use crate::netlink::connection::Connection;
use crate::netlink::dump::Dump;

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
    pub async fn tun_links(self) -> Result<Vec<TunLink>> {
        let dump = Dump::start(self, list_request(Some("tun"), None), Box::new(read)).await?;
        // An older kernel does not filter by kind.
        let links = dump.collect().await?.into_iter().filter_map(of_driver);
        let mut links: Vec<TunLink> = links.collect();
        links.sort_unstable_by_key(|link| link.index);
        Ok(links)
    }
}

/// The link, if it is of the driver.
fn of_driver(link: Link) -> Option<TunLink> {
    let Some(KindData::Tun(tun)) = link.kind_data else { return None };
    Some(TunLink {
        index: link.if_index,
        name: link.name,
        is_tap: tun.mode == TunMode::Tap,
        is_up: link.up,
        mtu: link.mtu,
        owner: tun.owner,
        group: tun.group,
        has_packet_information: tun.packet_information,
        has_vnet_header: tun.vnet_header,
        is_persistent: tun.persistent,
        is_multi_queue: tun.multi_queue,
        queues: tun.queues.zip(tun.detached_queues),
    })
}
