//! Adding, replacing and deleting addresses.

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

/// An address to add or delete. Omitted properties default as in `ip address`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressSpec {
    /// Local address and the length of its prefix.
    pub address: IpNet,
    /// Peer address of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// Broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// Label; it begins with the name of the link.
    pub label: Option<String>,
    /// Default: host for an IPv4 loopback address, otherwise global.
    pub scope: Option<Scope>,
    /// Time until the address becomes invalid, seconds.
    pub valid_lifetime_seconds: Option<Lifetime>,
    /// Time until the address becomes deprecated, seconds; at most `valid_lifetime_seconds`.
    pub preferred_lifetime_seconds: Option<Lifetime>,
    /// Metric of the route to its network.
    pub metric: Option<u32>,
    /// The origin of the address.
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
    /// Creates an address whose other properties are the defaults of `ip address`.
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

    /// Returns the scope as iproute2's `default_scope` does.
    fn scope(&self) -> Scope {
        let is_host = matches!(self.address.addr(), IpAddr::V4(address) if address.is_loopback());
        self.scope.unwrap_or(Scope(if is_host { libc::RT_SCOPE_HOST } else { 0 }))
    }
}

/// A change of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netlink) enum Action {
    /// `ip address add`
    Add,
    /// `ip address replace`
    Replace,
    /// `ip address delete`
    Delete,
}

/// Builds the request that changes the addresses of the link of that index; `subject` is used in errors.
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
    // IPv4 requires both attributes.
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
        // `struct ifa_cacheinfo`: preferred, valid, and two times that the kernel sets.
        let times = [preferred, valid, 0, 0].map(u32::to_ne_bytes);
        message.put(ifa::CACHEINFO, times.as_flattened());
    }
    // The header has only eight bits for flags; the kernel uses the attribute.
    message.put(ifa::FLAGS, &spec.flags());
    other::put(message, &spec.other_attributes);
}

impl Connection {
    /// Adds an address that is usable immediately: `ip address add ADDRESS dev DEVICE nodad`.
    pub async fn add_address(&self, index: u32, address: IpNet) -> Result<()> {
        let spec = AddressSpec { no_dad: true, ..AddressSpec::new(address) };
        let request = request(Action::Add, index, &spec, address.to_string());
        self.change(request).await
    }

    /// Deletes an address: `ip address delete ADDRESS dev DEVICE`.
    pub async fn delete_address(&self, index: u32, address: IpNet) -> Result<()> {
        let spec = AddressSpec::new(address);
        self.change(request(Action::Delete, index, &spec, address.to_string())).await
    }
}
