//! Links of the TUN/TAP driver, with the properties that only this driver reports.

use super::{KindData, Link, TunMode, list_request, read};
use crate::error::Result;
use crate::netlink::connection::Connection;
use crate::netlink::dump::Dump;

/// A TUN or TAP device, as the kernel describes it. The driver reports its properties since Linux 4.18.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunLink {
    /// Interface index.
    pub index: u32,
    /// Name.
    pub name: String,
    /// The device carries Ethernet frames, not IP packets.
    pub is_tap: bool,
    /// The device is administratively up.
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
    /// The device outlives its last queue.
    pub is_persistent: bool,
    /// The device may have several queues.
    pub is_multi_queue: bool,
    /// The numbers of attached and of detached queues; only for devices with several queues.
    pub queues: Option<(u32, u32)>,
}

impl Connection {
    /// Returns all TUN and TAP devices, sorted by index: `ip -details link show type tun`.
    pub async fn tun_links(self) -> Result<Vec<TunLink>> {
        let dump = Dump::start(self, list_request(Some("tun"), None), Box::new(read)).await?;
        // Older kernels do not filter by kind.
        let links = dump.collect().await?.into_iter().filter_map(of_driver);
        let mut links: Vec<TunLink> = links.collect();
        links.sort_unstable_by_key(|link| link.index);
        Ok(links)
    }
}

/// Returns the link if it belongs to the driver.
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
