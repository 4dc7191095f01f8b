//! Adding links.

use super::{KindSpec, LinkRef, head};
use crate::error::Result;
use crate::namespace;
use crate::netlink::codec::{Message, ifla, info, veth, vxlan};
use crate::netlink::connection::Request;
use crate::netlink::context::Context;
use crate::netlink::indices::Indices;
use crate::netlink::mac::MacAddress;
use serde::Deserialize;
use std::os::fd::AsRawFd;

/// A link to add. Properties that only an existing link can have are set afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkSpec {
    /// The name of the link.
    pub name: String,
    /// Its kind and the properties of that kind.
    pub kind: KindSpec,
    /// The lower link.
    pub lower: Option<LinkRef>,
    /// The peer of a pair.
    pub peer: Option<PeerSpec>,
    /// MTU, bytes.
    pub mtu: Option<u32>,
    /// Hardware address; the kernel chooses one if absent.
    pub mac_address: Option<MacAddress>,
    /// Length of the transmit queue, packets.
    pub tx_queue_length: Option<u32>,
    /// The number of transmit queues.
    pub tx_queues: Option<u32>,
    /// The number of receive queues.
    pub rx_queues: Option<u32>,
}

/// The peer of a pair of links.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PeerSpec {
    /// The name of the peer; the kernel chooses one if absent.
    pub name: Option<String>,
    /// Its network namespace: name, path or process id.
    pub netns: Option<String>,
    /// MTU, bytes.
    pub mtu: Option<u32>,
    /// Hardware address.
    pub mac_address: Option<MacAddress>,
}

/// Builds the request that adds a link: `ip link add NAME type KIND …`.
pub(in crate::netlink) fn add_request(spec: &LinkSpec, indices: &Indices) -> Result<Request> {
    let flags = libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
    let mut message = Message::new(libc::RTM_NEWLINK, flags, &head(0, 0, 0));
    message.put(ifla::IFNAME, spec.name.as_str());
    message.put_some(ifla::MTU, spec.mtu);
    if let Some(address) = &spec.mac_address {
        message.put(ifla::ADDRESS, address.bytes());
    }
    message.put_some(ifla::TXQLEN, spec.tx_queue_length);
    message.put_some(ifla::NUM_TX_QUEUES, spec.tx_queues);
    message.put_some(ifla::NUM_RX_QUEUES, spec.rx_queues);
    let lower = spec.lower.as_ref().map(|lower| indices.of(lower)).transpose()?;
    let has_lower_in_data = matches!(spec.kind, KindSpec::Vxlan(_));
    if !has_lower_in_data {
        message.put_some(ifla::LINK, lower);
    }
    let peer = spec.peer.as_ref();
    let netns = peer.and_then(|peer| peer.netns.as_deref()).map(namespace::open).transpose()?;
    message.nest(ifla::LINKINFO, |information| {
        information.put(info::KIND, spec.kind.name());
        if spec.kind.has_data() || peer.is_some() {
            information.nest(info::DATA, |data| {
                spec.kind.put(data);
                if has_lower_in_data {
                    data.put_some(vxlan::LINK, lower);
                }
                if let Some(peer) = peer {
                    put_peer(data, peer, netns.as_ref().map(AsRawFd::as_raw_fd));
                }
            });
        }
    });
    let context = Context::new("add", format!("{} {}", spec.kind.name(), spec.name), "RTM_NEWLINK");
    Ok(Request::new(message, context).holding(netns))
}

/// Appends the peer, which is a message inside an attribute (drivers/net/veth.c).
fn put_peer(data: &mut Message, peer: &PeerSpec, netns: Option<i32>) {
    data.nest(veth::PEER, |inner| {
        inner.raw(&head(0, 0, 0));
        if let Some(name) = &peer.name {
            inner.put(ifla::IFNAME, name.as_str());
        }
        inner.put_some(ifla::MTU, peer.mtu);
        if let Some(address) = &peer.mac_address {
            inner.put(ifla::ADDRESS, address.bytes());
        }
        inner.put_some(ifla::NET_NS_FD, netns);
    });
}
