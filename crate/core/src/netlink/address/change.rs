//! Adding, replacing and removing addresses.

use super::{Lifetime, head};
use crate::error::Result;
use crate::netlink::codec::{Message, ifa};
use crate::netlink::connection::{Connection, Request};
use crate::netlink::context::Context;
use crate::netlink::family;
use crate::netlink::names::{AddressProtocol, Scope};
use crate::netlink::other::{self, OtherAttribute};
use ipnet::IpNet;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr};

/// An address to make, or to remove. What is absent is as `ip address` has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressSpec {
    /// Address of this end and length of the prefix.
    pub address: IpNet,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// Broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// Begins with the name of its link.
    pub label: Option<String>,
    /// Default: host for a loopback address of IPv4, else global.
    pub scope: Option<Scope>,
    /// Seconds.
    pub valid_lifetime_seconds: Option<Lifetime>,
    /// Seconds, not above those that it is valid.
    pub preferred_lifetime_seconds: Option<Lifetime>,
    /// Metric of the route to its network.
    pub metric: Option<u32>,
    /// Who makes it.
    pub protocol: Option<AddressProtocol>,
    /// `IFA_F_NODAD`
    #[serde(default)]
    pub no_dad: bool,
    /// `IFA_F_OPTIMISTIC`
    #[serde(default)]
    pub optimistic: bool,
    /// `IFA_F_HOMEADDRESS`
    #[serde(default)]
    pub home_address: bool,
    /// `IFA_F_MANAGETEMPADDR`
    #[serde(default)]
    pub manage_temporary: bool,
    /// `IFA_F_NOPREFIXROUTE`
    #[serde(default)]
    pub no_prefix_route: bool,
    /// `IFA_F_MCAUTOJOIN`
    #[serde(default)]
    pub auto_join: bool,
    /// Attributes that are not interpreted here, as they were listed.
    #[serde(default)]
    pub other_attributes: Vec<OtherAttribute>,
}

impl AddressSpec {
    /// An address with all the rest as `ip address` has it.
    #[must_use]
    pub fn new(address: IpNet) -> Self {
        Self {
            address,
            peer: None,
            broadcast: None,
            label: None,
            scope: None,
            valid_lifetime_seconds: None,
            preferred_lifetime_seconds: None,
            metric: None,
            protocol: None,
            no_dad: false,
            optimistic: false,
            home_address: false,
            manage_temporary: false,
            no_prefix_route: false,
            auto_join: false,
            other_attributes: Vec::new(),
        }
    }

    fn flags(&self) -> u32 {
        let all = [
            (self.no_dad, libc::IFA_F_NODAD),
            (self.optimistic, libc::IFA_F_OPTIMISTIC),
            (self.home_address, libc::IFA_F_HOMEADDRESS),
            (self.manage_temporary, libc::IFA_F_MANAGETEMPADDR),
            (self.no_prefix_route, libc::IFA_F_NOPREFIXROUTE),
            (self.auto_join, libc::IFA_F_MCAUTOJOIN),
        ];
        all.iter().filter(|(is_set, _)| *is_set).fold(0, |flags, (_, flag)| flags | flag)
    }

    /// As `default_scope` of iproute2 has it.
    fn scope(&self) -> Scope {
        let is_host = matches!(self.address.addr(), IpAddr::V4(address) if address.is_loopback());
        self.scope.unwrap_or(Scope(if is_host { libc::RT_SCOPE_HOST } else { 0 }))
    }
}

/// What to do with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netlink) enum Action {
    /// `ip address add`
    Add,
    /// `ip address replace`
    Replace,
    /// `ip address delete`
    Delete,
}

/// Changes the addresses of the link of that index; `subject` is for the error.
pub(in crate::netlink) fn request(
    action: Action,
    index: u32,
    spec: &AddressSpec,
    subject: String,
) -> Request {
    let (kind, flags, operation, name) = match action {
        Action::Add => {
            let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
            (libc::RTM_NEWADDR, flags, "add the address", "RTM_NEWADDR")
        }
        Action::Replace => {
            let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
            (libc::RTM_NEWADDR, flags, "replace the address", "RTM_NEWADDR")
        }
        Action::Delete => (libc::RTM_DELADDR, 0, "delete the address", "RTM_DELADDR"),
    };
    let address = spec.address.addr();
    let head = head(family::of(address), spec.address.prefix_len(), spec.scope(), index);
    let mut message = Message::new(kind, flags | libc::NLM_F_ACK, &head);
    // Both, as IPv4 wants them.
    message.put(ifa::LOCAL, &address);
    message.put(ifa::ADDRESS, &spec.peer.unwrap_or(address));
    if let Some(label) = &spec.label {
        message.put(ifa::LABEL, label.as_str());
    }
    if action != Action::Delete {
        put_properties(&mut message, spec);
    }
    Request::new(message, Context::new(operation, subject, name))
}

fn put_properties(message: &mut Message, spec: &AddressSpec) {
    message.put_some(ifa::BROADCAST, spec.broadcast.map(IpAddr::V4));
    message.put_some(ifa::RT_PRIORITY, spec.metric);
    message.put_some(ifa::PROTO, spec.protocol.map(|protocol| protocol.0));
    let (valid, preferred) = (spec.valid_lifetime_seconds, spec.preferred_lifetime_seconds);
    if valid.is_some() || preferred.is_some() {
        let valid = valid.unwrap_or(Lifetime::FOREVER).0;
        let preferred = preferred.map_or(valid, |preferred| preferred.0);
        // `struct ifa_cacheinfo`: preferred, valid, and two times that the kernel fills in.
        let times = [preferred, valid, 0, 0].map(u32::to_ne_bytes);
        message.put(ifa::CACHEINFO, times.as_flattened());
    }
    // The header has room for eight flags only; the attribute is what counts.
    message.put(ifa::FLAGS, &spec.flags());
    other::put(message, &spec.other_attributes);
}

impl Connection {
    /// Adds an address, at once usable: `ip address add ADDRESS dev DEVICE nodad`.
    pub async fn add_address(&self, index: u32, address: IpNet) -> Result<()> {
        let spec = AddressSpec { no_dad: true, ..AddressSpec::new(address) };
        let request = request(Action::Add, index, &spec, address.to_string());
        self.change(request).await
    }

    /// Removes an address: `ip address delete ADDRESS dev DEVICE`.
    pub async fn delete_address(&self, index: u32, address: IpNet) -> Result<()> {
        let spec = AddressSpec::new(address);
        self.change(request(Action::Delete, index, &spec, address.to_string())).await
    }
}
