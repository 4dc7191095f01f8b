//! Changing links.

use super::{LinkRef, head};
use crate::error::Result;
use crate::namespace;
use crate::netlink::codec::{AF_SPEC_INET6, Message, ifla, inet6};
use crate::netlink::connection::{Connection, Request};
use crate::netlink::context::Context;
use crate::netlink::indices::Indices;
use crate::netlink::mac::MacAddress;
use crate::netlink::names::AddressGenerationMode;
use serde::Deserialize;
use std::os::fd::AsRawFd;

/// A change of a link; properties that are `None` are not changed. Each property is an option of `ip link
/// set dev DEVICE`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LinkChange {
    /// `up`, `down`
    pub up: Option<bool>,
    /// `mtu`, bytes.
    pub mtu: Option<u32>,
    /// `name`
    pub name: Option<String>,
    /// `address`
    pub mac_address: Option<MacAddress>,
    /// `txqueuelen`, packets.
    pub tx_queue_length: Option<u32>,
    /// `alias`; empty: removes it.
    pub alias: Option<String>,
    /// `group`
    pub group: Option<u32>,
    /// `master`; index 0: `nomaster`.
    pub master: Option<LinkRef>,
    /// `carrier`
    pub carrier: Option<bool>,
    /// `addrgenmode`
    pub address_generation_mode: Option<AddressGenerationMode>,
    /// `promisc`
    pub promiscuous: Option<bool>,
    /// `allmulticast`
    pub all_multicast: Option<bool>,
    /// `gso_max_segs`
    pub gso_max_segs: Option<u32>,
    /// `netns`: name, path or process id.
    pub netns: Option<String>,
}

/// `IFF_UP`, `IFF_PROMISC`, `IFF_ALLMULTI` (linux/if.h).
const IFF_UP: u32 = 0x1;
const IFF_PROMISC: u32 = 0x100;
const IFF_ALLMULTI: u32 = 0x200;

impl LinkChange {
    /// Returns the flags, and the mask of the flags to change.
    fn flags(&self) -> (u32, u32) {
        let all = [
            (self.up, IFF_UP),
            (self.promiscuous, IFF_PROMISC),
            (self.all_multicast, IFF_ALLMULTI),
        ];
        all.iter().fold((0, 0), |(flags, mask), (wanted, flag)| match wanted {
            Some(true) => (flags | flag, mask | flag),
            Some(false) => (flags, mask | flag),
            None => (flags, mask),
        })
    }

    /// Returns the name of the operation in the change's message, specific if there is only one change.
    fn operation(&self) -> &'static str {
        let changes = [
            (self.up == Some(true), "bring up"),
            (self.up == Some(false), "bring down"),
            (self.mtu.is_some(), "set the MTU of"),
            (self.name.is_some(), "rename"),
            (self.mac_address.is_some(), "set the hardware address of"),
            (self.tx_queue_length.is_some(), "set the queue length of"),
            (self.alias.is_some(), "set the alias of"),
            (self.group.is_some(), "set the group of"),
            (self.master.is_some(), "set the master of"),
            (self.carrier.is_some(), "set the carrier of"),
            (self.promiscuous.is_some(), "set promiscuous mode of"),
            (self.all_multicast.is_some(), "set all-multicast mode of"),
            (self.netns.is_some(), "move to another network namespace"),
        ];
        let mut wanted = changes.iter().filter(|(is_wanted, _)| *is_wanted);
        match (wanted.next(), wanted.next()) {
            (Some((_, operation)), None) => operation,
            _ => "change",
        }
    }
}

/// Builds the requests for a change. The mode of address generation must be a separate message before the
/// link is brought up. Otherwise the kernel generates an address before it reads the mode.
pub(in crate::netlink) fn change_requests(
    link: &LinkRef,
    change: &LinkChange,
    indices: &Indices,
) -> Result<Vec<Request>> {
    let index = indices.of(link)?;
    let mut requests = Vec::new();
    if let Some(mode) = change.address_generation_mode {
        requests.push(generation_request(index, link, mode));
        let rest = LinkChange { address_generation_mode: None, ..change.clone() };
        if rest == LinkChange::default() {
            return Ok(requests);
        }
    }
    let (flags, mask) = change.flags();
    let head = head(index, flags, mask);
    let mut message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK, &head);
    message.put_some(ifla::MTU, change.mtu);
    if let Some(name) = &change.name {
        message.put(ifla::IFNAME, name.as_str());
    }
    if let Some(address) = &change.mac_address {
        message.put(ifla::ADDRESS, address.bytes());
    }
    message.put_some(ifla::TXQLEN, change.tx_queue_length);
    if let Some(alias) = &change.alias {
        message.put(ifla::IFALIAS, alias.as_bytes());
    }
    message.put_some(ifla::GROUP, change.group);
    let master = change.master.as_ref().map(|master| indices.of(master)).transpose()?;
    message.put_some(ifla::MASTER, master);
    message.put_some(ifla::CARRIER, change.carrier);
    message.put_some(ifla::GSO_MAX_SEGS, change.gso_max_segs);
    let netns = change.netns.as_deref().map(namespace::open).transpose()?;
    message.put_some(ifla::NET_NS_FD, netns.as_ref().map(AsRawFd::as_raw_fd));
    let context = Context::new(change.operation(), link.to_string(), "RTM_NEWLINK");
    requests.push(Request::new(message, context).holding(netns));
    Ok(requests)
}

fn generation_request(index: u32, link: &LinkRef, mode: AddressGenerationMode) -> Request {
    let mut message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK, &head(index, 0, 0));
    message.nest(ifla::AF_SPEC, |families| {
        families.nest(AF_SPEC_INET6, |inner| inner.put(inet6::ADDR_GEN_MODE, &mode.0));
    });
    let operation = "set IPv6 address generation of";
    Request::new(message, Context::new(operation, link.to_string(), "RTM_NEWLINK"))
}

impl Connection {
    /// Changes the link of that index; `name` is used in errors.
    pub async fn set_link(&self, index: u32, name: &str, change: &LinkChange) -> Result<()> {
        let link = LinkRef::Name(name.to_owned());
        for request in change_requests(&link, change, &Indices::knowing(name, index))? {
            self.change(request).await?;
        }
        Ok(())
    }

    /// Prevents the kernel from generating IPv6 addresses on a link: `ip link set dev DEVICE addrgenmode
    /// none`.
    ///
    /// A kernel without IPv6 does not generate any, and returns `EAFNOSUPPORT`, which counts as success.
    pub async fn disable_address_generation(&self, index: u32, name: &str) -> Result<()> {
        let mode = AddressGenerationMode::NONE;
        match self.change(generation_request(index, &LinkRef::Name(name.to_owned()), mode)).await {
            Err(error) if error.errno() == Some(libc::EAFNOSUPPORT) => Ok(()),
            result => result,
        }
    }
}
