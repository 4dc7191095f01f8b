//! Routes: through a link, and the one that a destination has.

use super::connection::{Connection, Verb};
use super::message::{Context, attribute};
use crate::error::{ErrorCode, Result};
use ipnet::IpNet;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{RtAddrFamily, RtScope, RtTable, Rta, Rtm, RtmF, Rtn, Rtprot};
use neli::rtnl::{Rtmsg, RtmsgBuilder};
use neli::types::{Buffer, RtBuffer};
use std::net::{IpAddr, SocketAddr};

/// `RTAX_MTU` within `RTA_METRICS` (linux/rtnetlink.h).
#[neli::neli_enum(serialized_type = "u16")]
enum Metric {
    Mtu = 2,
}
impl neli::consts::rtnl::RtaType for Metric {}

/// `RTM_F_FIB_MATCH` (linux/rtnetlink.h, Linux ≥ 4.13): answer the route as it stands in the table.
const FIB_MATCH: u32 = 0x2000;

/// The route that a destination has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteMatch {
    /// The destination is this machine itself.
    pub is_local: bool,
    /// Length of the route's prefix.
    pub prefix_length: u8,
    /// Index of the interface it leads through; `None` for a route without one.
    pub interface_index: Option<u32>,
    /// MTU that is set on the route, bytes.
    pub mtu: Option<u32>,
}

impl Connection {
    /// Adds a route through a link: `ip route add NETWORK dev DEVICE`.
    pub async fn add_route(&self, index: u32, network: IpNet) -> Result<()> {
        let subject = network.to_string();
        let context =
            Context { operation: "add the route", subject: &subject, request: "RTM_NEWROUTE" };
        let verb = Verb { kind: Rtm::Newroute, flags: NlmF::CREATE | NlmF::EXCL };
        self.change(verb, through(index, network, context)?, context).await
    }

    /// Removes a route through a link: `ip route delete NETWORK dev DEVICE`.
    pub async fn delete_route(&self, index: u32, network: IpNet) -> Result<()> {
        let subject = network.to_string();
        let context =
            Context { operation: "delete the route", subject: &subject, request: "RTM_DELROUTE" };
        let verb = Verb { kind: Rtm::Delroute, flags: NlmF::empty() };
        self.change(verb, through(index, network, context)?, context).await
    }

    /// The route to `destination`: `ip route get fibmatch DESTINATION`.
    ///
    /// [`ErrorCode::Unreachable`] if there is none.
    pub async fn route_to(&self, destination: SocketAddr) -> Result<RouteMatch> {
        let subject = destination.ip().to_string();
        let context = Context {
            operation: "look up the route to",
            subject: &subject,
            request: "RTM_GETROUTE",
        };
        let (family, bytes) = family_and_bytes(destination.ip());
        let host_length = if destination.is_ipv4() { 32 } else { 128 };
        let mut attributes = RtBuffer::new();
        attributes.push(attribute(Rta::Dst, bytes, context)?);
        if let SocketAddr::V6(destination) = destination
            && destination.scope_id() != 0
        {
            attributes.push(attribute(Rta::Oif, destination.scope_id(), context)?);
        }
        let request = RtmsgBuilder::default()
            .rtm_family(family)
            .rtm_dst_len(host_length)
            .rtm_src_len(0)
            .rtm_tos(0)
            .rtm_table(RtTable::Unspec)
            .rtm_protocol(Rtprot::Unspec)
            .rtm_scope(RtScope::Universe)
            .rtm_type(Rtn::Unspec)
            .rtm_flags(RtmF::from_bits_retain(FIB_MATCH))
            .rtattrs(attributes)
            .build()
            .map_err(|e| context.malformed(&e.to_string()))?;
        let reply: Rtmsg = self.get(Rtm::Getroute, request, context).await?;
        let attributes = reply.rtattrs().get_attr_handle();
        let mtu = attributes
            .get_nested_attributes::<Metric>(Rta::Metrics)
            .ok()
            .and_then(|metrics| metrics.get_attr_payload_as::<u32>(Metric::Mtu).ok());
        match reply.rtm_type() {
            Rtn::Unicast | Rtn::Local | Rtn::Broadcast | Rtn::Multicast | Rtn::Anycast => {}
            _ => {
                return Err(context
                    .malformed("the route forbids it")
                    .with_code(ErrorCode::Unreachable));
            }
        }
        Ok(RouteMatch {
            is_local: *reply.rtm_type() == Rtn::Local,
            prefix_length: *reply.rtm_dst_len(),
            interface_index: attributes.get_attr_payload_as::<u32>(Rta::Oif).ok(),
            mtu,
        })
    }
}

fn family_and_bytes(address: IpAddr) -> (RtAddrFamily, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (RtAddrFamily::Inet, address.octets().to_vec()),
        IpAddr::V6(address) => (RtAddrFamily::Inet6, address.octets().to_vec()),
    }
}

/// A route of the main table whose next hop is the link itself.
fn through(index: u32, network: IpNet, context: Context<'_>) -> Result<Rtmsg> {
    let (family, bytes) = family_and_bytes(network.network());
    let mut attributes: RtBuffer<Rta, Buffer> = RtBuffer::new();
    attributes.push(attribute(Rta::Dst, bytes, context)?);
    attributes.push(attribute(Rta::Oif, index, context)?);
    let scope = if network.addr().is_ipv4() { RtScope::Link } else { RtScope::Universe };
    RtmsgBuilder::default()
        .rtm_family(family)
        .rtm_dst_len(network.prefix_len())
        .rtm_src_len(0)
        .rtm_tos(0)
        .rtm_table(RtTable::Main)
        .rtm_protocol(Rtprot::Static)
        .rtm_scope(scope)
        .rtm_type(Rtn::Unicast)
        .rtattrs(attributes)
        .build()
        .map_err(|e| context.malformed(&e.to_string()))
}
