//! Links: what they are, and changing them.

use super::connection::{Connection, Verb};
use super::message::{Context, attribute};
use crate::error::Result;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Iff, Ifla, RtAddrFamily, Rtm};
use neli::rtnl::{Ifinfomsg, IfinfomsgBuilder, Rtattr};
use neli::types::{Buffer, RtBuffer};

/// Attributes in `IFLA_AF_SPEC` / `AF_INET6` (linux/if_link.h), which neli does not name.
#[neli::neli_enum(serialized_type = "u16")]
enum Inet6 {
    AddressGenerationMode = 8,
}
impl neli::consts::rtnl::RtaType for Inet6 {}

/// Address families as attribute types within `IFLA_AF_SPEC`.
#[neli::neli_enum(serialized_type = "u16")]
enum Family {
    Inet6 = 10,
}
impl neli::consts::rtnl::RtaType for Family {}

/// `IN6_ADDR_GEN_MODE_NONE` (linux/if_link.h).
const ADDRESS_GENERATION_NONE: u8 = 1;

/// A link, as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Largest packet, bytes.
    pub mtu: u32,
    /// `IFF_UP`: it was told to be up.
    pub is_up: bool,
    /// The most segments a super-packet may be cut into.
    pub gso_max_segs: Option<u32>,
}

/// What to change of a link; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkChange {
    /// Up or down (`ip link set dev DEVICE up`).
    pub up: Option<bool>,
    /// MTU, bytes (`ip link set dev DEVICE mtu MTU`).
    pub mtu: Option<u32>,
    /// `ip link set dev DEVICE gso_max_segs SEGMENTS`.
    pub gso_max_segs: Option<u32>,
    /// Packets that may wait for the device (`ip link set dev DEVICE txqueuelen PACKETS`).
    pub tx_queue_length: Option<u32>,
}

impl Connection {
    /// The link of that index: `ip link show`.
    pub async fn link(&self, index: u32) -> Result<Link> {
        let subject = format!("interface {index}");
        let context = Context { operation: "look up", subject: &subject, request: "RTM_GETLINK" };
        let request = request(index, Iff::empty(), Iff::empty(), RtBuffer::new(), context)?;
        let reply: Ifinfomsg = self.get(Rtm::Getlink, request, context).await?;
        let attributes = reply.rtattrs().get_attr_handle();
        let number = |kind: Ifla| attributes.get_attr_payload_as::<u32>(kind).ok();
        let name = attributes
            .get_attribute(Ifla::Ifname)
            .map(|name| String::from_utf8_lossy(name.rta_payload().as_ref()).into_owned());
        Ok(Link {
            index,
            name: name.unwrap_or_default().trim_end_matches('\0').to_owned(),
            mtu: number(Ifla::Mtu).ok_or_else(|| context.malformed("the reply has no MTU"))?,
            is_up: reply.ifi_flags().contains(Iff::UP),
            gso_max_segs: number(Ifla::GsoMaxSegs),
        })
    }

    /// Changes a link; `name` is for the error.
    pub async fn set_link(&self, index: u32, name: &str, change: &LinkChange) -> Result<()> {
        let context =
            Context { operation: operation(change), subject: name, request: "RTM_NEWLINK" };
        let mut attributes = RtBuffer::new();
        if let Some(mtu) = change.mtu {
            attributes.push(attribute(Ifla::Mtu, mtu, context)?);
        }
        if let Some(segments) = change.gso_max_segs {
            attributes.push(attribute(Ifla::GsoMaxSegs, segments, context)?);
        }
        if let Some(packets) = change.tx_queue_length {
            attributes.push(attribute(Ifla::Txqlen, packets, context)?);
        }
        let (flags, mask) = match change.up {
            Some(true) => (Iff::UP, Iff::UP),
            Some(false) => (Iff::empty(), Iff::UP),
            None => (Iff::empty(), Iff::empty()),
        };
        let request = request(index, flags, mask, attributes, context)?;
        let verb = Verb { kind: Rtm::Newlink, flags: NlmF::empty() };
        self.change(verb, request, context).await
    }

    /// Keeps the kernel from making IPv6 addresses of its own on a link:
    /// `ip link set dev DEVICE addrgenmode none`.
    ///
    /// It must be a message of its own, before the link is brought up. A kernel without IPv6 makes
    /// none anyway and answers `EAFNOSUPPORT`, which is taken as done.
    pub async fn disable_address_generation(&self, index: u32, name: &str) -> Result<()> {
        let context = Context {
            operation: "disable IPv6 address generation of",
            subject: name,
            request: "RTM_NEWLINK",
        };
        let mode = attribute(Inet6::AddressGenerationMode, ADDRESS_GENERATION_NONE, context)?;
        let mut specification: Rtattr<Ifla, Buffer> =
            attribute(Ifla::AfSpec, Buffer::new(), context)?;
        let family = attribute(Family::Inet6, Buffer::new(), context)?
            .nest(&mode)
            .map_err(|e| context.malformed(&e.to_string()))?;
        specification =
            specification.nest(&family).map_err(|e| context.malformed(&e.to_string()))?;
        let attributes = [specification].into_iter().collect();
        let request = request(index, Iff::empty(), Iff::empty(), attributes, context)?;
        let verb = Verb { kind: Rtm::Newlink, flags: NlmF::empty() };
        match self.change(verb, request, context).await {
            Err(error) if error.errno() == Some(libc::EAFNOSUPPORT) => Ok(()),
            result => result,
        }
    }
}

fn operation(change: &LinkChange) -> &'static str {
    match change {
        LinkChange { up: Some(true), .. } => "bring up",
        LinkChange { up: Some(false), .. } => "bring down",
        LinkChange { mtu: Some(_), .. } => "set the MTU of",
        LinkChange { tx_queue_length: Some(_), .. } => "set the transmit queue length of",
        _ => "change",
    }
}

fn request(
    index: u32,
    flags: Iff,
    mask: Iff,
    attributes: RtBuffer<Ifla, Buffer>,
    context: Context<'_>,
) -> Result<Ifinfomsg> {
    let index = i32::try_from(index).map_err(|_| context.malformed("no such interface index"))?;
    IfinfomsgBuilder::default()
        .ifi_family(RtAddrFamily::Unspecified)
        .ifi_index(index)
        .ifi_flags(flags)
        .ifi_change(mask)
        .rtattrs(attributes)
        .build()
        .map_err(|e| context.malformed(&e.to_string()))
}
