//! Addresses of links.

use super::connection::{Connection, Verb};
use super::message::{Context, attribute};
use crate::error::{ErrorCode, Result};
use ipnet::IpNet;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Ifa, IfaF, RtAddrFamily, RtScope, Rtm};
use neli::rtnl::{Ifaddrmsg, IfaddrmsgBuilder};
use neli::types::{Buffer, RtBuffer};
use std::net::IpAddr;

/// `IFA_FLAGS` (linux/if_addr.h), which neli does not name: flags of 32 bits.
const IFA_FLAGS: u16 = 8;

impl Connection {
    /// Adds an address, at once usable: `ip address add ADDRESS dev DEVICE nodad`.
    pub async fn add_address(&self, index: u32, address: IpNet) -> Result<()> {
        let subject = address.to_string();
        let context =
            Context { operation: "add the address", subject: &subject, request: "RTM_NEWADDR" };
        let mut request = message(index, address, context)?;
        // The same flag stands in the 8 bits of the header; the attribute is what counts.
        request.1.push(attribute(Ifa::from(IFA_FLAGS), libc::IFA_F_NODAD, context)?);
        let verb = Verb { kind: Rtm::Newaddr, flags: NlmF::CREATE | NlmF::EXCL };
        let result = self.change(verb, build(request, context)?, context).await;
        result.map_err(|error| match (error.errno(), error.code()) {
            (Some(libc::EACCES), _) if address.addr().is_ipv6() => error
                .with_code(ErrorCode::Unsupported)
                .with_advice("IPv6 is off: sysctl net.ipv6.conf.all.disable_ipv6=0"),
            (_, ErrorCode::Unsupported) => error.with_advice("this kernel has no IPv6"),
            _ => error,
        })
    }

    /// Removes an address: `ip address delete ADDRESS dev DEVICE`.
    pub async fn delete_address(&self, index: u32, address: IpNet) -> Result<()> {
        let subject = address.to_string();
        let context =
            Context { operation: "delete the address", subject: &subject, request: "RTM_DELADDR" };
        let request = build(message(index, address, context)?, context)?;
        let verb = Verb { kind: Rtm::Deladdr, flags: NlmF::empty() };
        self.change(verb, request, context).await
    }
}

type Parts = (IfaddrmsgBuilder, RtBuffer<Ifa, Buffer>);

/// The request's head and its attributes: IFA_LOCAL and IFA_ADDRESS both, as IPv4 wants them.
fn message(index: u32, address: IpNet, context: Context<'_>) -> Result<Parts> {
    let (family, bytes) = match address.addr() {
        IpAddr::V4(address) => (RtAddrFamily::Inet, address.octets().to_vec()),
        IpAddr::V6(address) => (RtAddrFamily::Inet6, address.octets().to_vec()),
    };
    let mut attributes = RtBuffer::new();
    attributes.push(attribute(Ifa::Local, bytes.clone(), context)?);
    attributes.push(attribute(Ifa::Address, bytes, context)?);
    let head = IfaddrmsgBuilder::default()
        .ifa_family(family)
        .ifa_prefixlen(address.prefix_len())
        .ifa_flags(IfaF::empty())
        .ifa_scope(RtScope::Universe)
        .ifa_index(index);
    Ok((head, attributes))
}

fn build((head, attributes): Parts, context: Context<'_>) -> Result<Ifaddrmsg> {
    head.rtattrs(attributes).build().map_err(|e| context.malformed(&e.to_string()))
}
