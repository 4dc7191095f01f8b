//! Values of the core as plain JavaScript objects, and options the other way.

use crate::sys::list::List;
use ipnet::IpNet;
use napi_derive::napi;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use tun2udp_core::relay::{
    Accept, Event, InboundStats, OffloadConfig, OutboundStats, RelayConfig, RelayInfo, Stats,
};
use tun2udp_core::sys::interface;
use tun2udp_core::{Error, ErrorCode, Result};

/// Options as `lib/options/relay.ts` has checked them.
#[napi(object, object_to_js = false)]
pub struct NativeRelayOptions {
    /// `ADDRESS/PREFIX`, the primary one first.
    #[napi(ts_type = "Array<string>")]
    pub addresses: List<String, 65_536>,
    /// UDP port of the peer.
    pub send_port: u16,
    /// UDP port of this end; 0: the kernel chooses.
    pub receive_port: u16,
    /// Name or template of the interface.
    pub name: Option<String>,
    /// MTU, bytes.
    pub mtu: Option<u32>,
    /// `NETWORK/PREFIX`.
    #[napi(ts_type = "Array<string>")]
    pub routes: List<String, 65_536>,
    /// An address literal; an IPv6 one may carry `%SCOPE`, the name or index of an interface.
    pub peer: String,
    /// An address literal.
    pub listen: Option<String>,
    /// Whether datagrams are taken from anybody.
    pub accept_any: bool,
    /// Name, path or process id of a network namespace.
    pub netns: Option<String>,
    /// `NAME[:GROUP]`.
    pub user: Option<String>,
    /// Which of the kernel's shortcuts may be used.
    pub offload: NativeOffload,
    /// Queues of the interface, 1 to 256; 0: as many as pay.
    pub queues: u32,
}

/// Shortcuts, each used or not: the fields of the core's `OffloadConfig`.
#[napi(object)]
pub struct NativeOffload {
    /// TCP super-packets from the interface.
    pub tso: bool,
    /// UDP super-packets from the interface.
    pub uso: bool,
    /// Trains of datagrams sent by one call.
    pub udp_segment: bool,
    /// Trains of datagrams received by one call.
    pub udp_gro: bool,
    /// Packets joined for the interface.
    pub coalesce: bool,
}

/// What a relay became.
#[napi(object, object_from_js = false)]
pub struct NativeRelayInfo {
    /// The interface's name.
    pub interface_name: String,
    /// The interface's index in its namespace.
    pub interface_index: u32,
    /// The interface's MTU, bytes.
    pub mtu: u32,
    /// `ADDRESS/PREFIX`.
    pub addresses: Vec<String>,
    /// Where datagrams are received.
    pub local_address: String,
    /// Where datagrams are received.
    pub local_port: u16,
    /// Where datagrams are sent.
    pub peer_address: String,
    /// Where datagrams are sent.
    pub peer_port: u16,
    /// Receive buffer granted, bytes as the kernel counts them.
    pub receive_buffer_bytes: f64,
    /// Send buffer granted, bytes as the kernel counts them.
    pub send_buffer_bytes: f64,
    /// Queues, each with a thread of its own.
    pub queues: u32,
}

/// All counters.
#[napi(object, object_from_js = false)]
pub struct NativeRelayStats {
    /// Which shortcuts are in use.
    pub offload: NativeOffload,
    /// Interface to peer.
    pub outbound: NativeOutboundStats,
    /// Peer to interface.
    pub inbound: NativeInboundStats,
}

/// A structure of counters with one `f64` for every `u64` of the core's: exact up to 2^53, which is
/// 8 PiB or, at 10 million packets a second, 28 years.
macro_rules! counters {
    ($name:ident of $core:ident: $($field:ident),+ $(,)?) => {
        #[doc = concat!("The fields of the core's `", stringify!($core), "`.")]
        #[napi(object, object_from_js = false)]
        pub struct $name {
            $(
                #[doc = concat!("The core's `", stringify!($field), "`.")]
                pub $field: f64,
            )+
        }

        impl From<$core> for $name {
            #[allow(clippy::cast_precision_loss)]
            fn from(stats: $core) -> Self {
                // Taken apart whole, so that a counter added to the core cannot be forgotten here.
                let $core { $($field),+ } = stats;
                Self { $($field: $field as f64),+ }
            }
        }
    };
}

counters!(NativeOutboundStats of OutboundStats: packets_read, bytes_read, super_packets_read,
    packets_split, read_errors, datagrams_sent, bytes_sent, refused_by_peer, unreachable_reports, path_mtu_reports, too_long,
    unreachable, denied, no_buffers, other, malformed, closing);
counters!(NativeInboundStats of InboundStats: datagrams_received, bytes_received, packets_written,
    bytes_written, super_packets_written, packets_joined, receive_errors, foreign_source, empty, truncated, not_ip,
    interface_down, no_buffers, rejected, closing);

/// Something worth knowing that is no error.
#[napi(object, object_from_js = false)]
pub struct NativeEvent {
    /// A stable name.
    pub kind: String,
    /// One sentence.
    pub message: String,
}

impl From<Event> for NativeEvent {
    fn from(event: Event) -> Self {
        Self { kind: event.kind.to_owned(), message: event.message }
    }
}

impl From<Stats> for NativeRelayStats {
    fn from(stats: Stats) -> Self {
        Self {
            offload: stats.offload.into(),
            outbound: stats.outbound.into(),
            inbound: stats.inbound.into(),
        }
    }
}

impl From<OffloadConfig> for NativeOffload {
    fn from(offload: OffloadConfig) -> Self {
        let OffloadConfig { tso, uso, udp_segment, udp_gro, coalesce } = offload;
        Self { tso, uso, udp_segment, udp_gro, coalesce }
    }
}

impl From<NativeOffload> for OffloadConfig {
    fn from(offload: NativeOffload) -> Self {
        let NativeOffload { tso, uso, udp_segment, udp_gro, coalesce } = offload;
        Self { tso, uso, udp_segment, udp_gro, coalesce }
    }
}

impl From<&RelayInfo> for NativeRelayInfo {
    #[allow(clippy::cast_precision_loss)]
    fn from(info: &RelayInfo) -> Self {
        Self {
            interface_name: info.interface_name.clone(),
            interface_index: info.interface_index,
            mtu: info.mtu,
            addresses: info.addresses.iter().map(ToString::to_string).collect(),
            local_address: literal(info.local),
            local_port: info.local.port(),
            peer_address: literal(info.peer),
            peer_port: info.peer.port(),
            receive_buffer_bytes: info.receive_buffer_bytes as f64,
            send_buffer_bytes: info.send_buffer_bytes as f64,
            queues: info.queues as u32,
        }
    }
}

impl TryFrom<NativeRelayOptions> for RelayConfig {
    type Error = Error;

    fn try_from(options: NativeRelayOptions) -> Result<Self> {
        let addresses = networks("address", &options.addresses)?;
        let Some(first) = addresses.first() else {
            let reason = "the interface needs an address";
            return Err(Error::new(ErrorCode::InvalidArgument, "start the relay", "", reason));
        };
        let peer = socket_address(&options.peer, options.send_port)?;
        let listen = options.listen.as_deref().map(|text| parse::<IpAddr>("local address", text));
        Ok(Self {
            routes: networks("route", &options.routes)?,
            name: options.name,
            mtu: options.mtu,
            listen: listen.transpose()?,
            accept: if options.accept_any { Accept::Any } else { Accept::Peer },
            netns: options.netns,
            user: options.user,
            offload: options.offload.into(),
            queues: options.queues as usize,
            addresses: addresses.clone(),
            ..Self::new(*first, peer, options.receive_port)
        })
    }
}

pub(crate) fn networks(what: &'static str, texts: &[String]) -> Result<Vec<IpNet>> {
    texts.iter().map(|text| parse(what, text)).collect()
}

fn socket_address(peer: &str, port: u16) -> Result<SocketAddr> {
    let Some((address, scope)) = peer.split_once('%') else {
        return Ok(SocketAddr::new(parse("peer", peer)?, port));
    };
    let index = scope.parse().or_else(|_| interface::index_of(scope)).map_err(|cause| {
        Error::os("find the interface of the peer", peer, "if_nametoindex", &cause)
            .with_advice("the part behind \"%\" is one of `ip link`")
    })?;
    Ok(SocketAddrV6::new(parse("peer", address)?, port, 0, index).into())
}

fn parse<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| {
        Error::new(ErrorCode::InvalidArgument, format!("read the {what}"), text, "it is not one")
    })
}

/// The address alone, with the index of its interface where it needs one.
fn literal(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
    }
}
