//! Converts values of the core to plain JavaScript objects, and options in the other direction.

use crate::peers::{NativeEndpoint, NativePeer, address};
use crate::sys::list::{LIST_MAX, List};
use ipnet::IpNet;
use napi_derive::napi;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tun2udp_core::relay::{
    Accept, Dscp, Ecn, Event, InterfaceState, Mode, MssClamp, OffloadConfig, PathMtuDiscovery,
    RelayConfig, RelayInfo,
};
use tun2udp_core::{Error, ErrorCode, Result};

/// The number for the DSCP of the packet, which is not a DSCP itself.
const INHERIT_DSCP: u8 = 64;

/// Options of a relay. `lib/relay/optionTable.ts` describes them, and `lib/` has checked their form.
#[napi(object, object_to_js = false)]
pub struct NativeRelayOptions {
    /// `ADDRESS[/PREFIX]`, the primary one first.
    #[napi(ts_type = "Array<string>")]
    pub addresses: List<String, LIST_MAX>,
    /// Whether datagrams contain IP packets or Ethernet frames. Default: IP packets.
    #[napi(ts_type = "'tun' | 'tap'")]
    pub mode: Option<String>,
    /// UDP port of the peer; without an effect next to `peers`.
    pub send_port: u16,
    /// UDP port of this end; 0: chosen by the kernel.
    pub receive_port: u16,
    /// Name or template of the interface.
    pub name: Option<String>,
    /// MTU, bytes.
    pub mtu: Option<u32>,
    /// Maximum number of packets in the interface's queue.
    pub tx_queue_length: Option<u32>,
    /// `NETWORK[/PREFIX]`.
    #[napi(ts_type = "Array<string>")]
    pub routes: Option<List<String, LIST_MAX>>,
    /// An address literal; an IPv6 one may have `%ZONE`, the name or index of an interface. Without an effect next to
    /// `peers`.
    pub peer: String,
    /// Several peers, at least one. Absent: `peer` gets every packet.
    #[napi(ts_type = "Array<NativePeer>")]
    pub peers: Option<List<NativePeer, LIST_MAX>>,
    /// Whether the sockets have both address families, so that the family of an endpoint can change.
    pub both_families: Option<bool>,
    /// An address literal.
    pub listen: Option<String>,
    /// Address of the peer whose datagrams are accepted.
    #[napi(ts_type = "'peer' | 'any'")]
    pub accept: Option<String>,
    /// `NETWORK[/PREFIX]`: the inner networks of the peer. Default: any packet is allowed.
    #[napi(ts_type = "Array<string>")]
    pub allowed_prefixes: Option<List<String, LIST_MAX>>,
    /// Time between two keepalives, seconds; 0: none. Default: 0.
    pub keepalive_seconds: Option<u32>,
    /// Name, path or process id of a network namespace.
    pub netns: Option<String>,
    /// `NAME[:GROUP]`, each by name or number: the user and group that the process switches to.
    pub user: Option<String>,
    /// Firewall mark of the datagrams; 0: none.
    pub fwmark: Option<u32>,
    /// Name of the interface that the sockets are bound to.
    pub bind_device: Option<String>,
    /// DSCP of the datagrams, 0 to 63; 64: that of their packet. Default: 0.
    pub dscp: Option<u8>,
    /// ECN of the datagrams.
    #[napi(ts_type = "'copy' | 'off'")]
    pub ecn: Option<String>,
    /// Whether datagrams may be fragmented on their path.
    #[napi(ts_type = "'discover' | 'fixed' | 'off'")]
    pub path_mtu: Option<String>,
    /// Limit of the MSS that a TCP SYN announces, bytes; 0: none. Default: the largest MSS that fits into the
    /// path.
    pub mss_clamp: Option<u16>,
    /// Number of ports that datagrams are sent from, 1 to 64; 0: automatic. Default: 1.
    pub source_ports: Option<u32>,
    /// Offloads that may be used. Default: all.
    pub offload: Option<OffloadStatus>,
    /// Queues of the interface, 1 to 256. Default: chosen automatically.
    pub queues: Option<u32>,
}

/// Offloads that are in use.
#[napi(object)]
pub struct OffloadStatus {
    /// Whole TCP super-packets are read from the interface.
    pub tso: bool,
    /// Whole UDP super-packets are read from the interface.
    pub uso: bool,
    /// A batch of datagrams is sent with one call.
    pub gso: bool,
    /// A batch of datagrams is received with one call.
    pub gro: bool,
    /// Packets are coalesced into super-packets for the interface.
    pub coalesce: bool,
}

/// Properties of a running relay.
#[napi(object, object_from_js = false)]
pub struct NativeRelayInfo {
    /// Whether datagrams contain IP packets or Ethernet frames.
    #[napi(ts_type = "'tun' | 'tap'")]
    pub mode: String,
    /// The interface's name.
    pub interface_name: String,
    /// The interface's index in its namespace.
    pub interface_index: u32,
    /// The interface's MTU, bytes.
    pub mtu: u32,
    /// `ADDRESS/PREFIX`.
    pub addresses: Vec<String>,
    /// Local address: datagrams are received there.
    pub local_address: String,
    /// Local port: datagrams are received there.
    pub local_port: u16,
    /// Address of the peer: datagrams are sent there.
    pub peer_address: String,
    /// Port of the peer: datagrams are sent there.
    pub peer_port: u16,
    /// Receive buffer granted, bytes as the kernel counts them.
    pub receive_buffer_bytes: f64,
    /// Send buffer granted, bytes as the kernel counts them.
    pub send_buffer_bytes: f64,
    /// Queues, each with a thread of its own.
    pub queues: u32,
    /// Number of ports that datagrams are sent from.
    pub source_ports: u32,
}

/// The state of an interface.
#[napi(object, object_from_js = false)]
pub struct NativeInterfaceState {
    /// Its present name.
    pub name: String,
    /// Whether it is up.
    pub is_up: bool,
    /// Its MTU, bytes.
    pub mtu: u32,
    /// Operational state by RFC 2863: `up`, `down`, `unknown`, …
    pub oper_state: String,
    /// The most packets that wait for the relay.
    pub tx_queue_length: u32,
    /// The number of times that the carrier appeared or disappeared.
    pub carrier_changes: u32,
    /// Packets that the kernel dropped before the relay could read them.
    pub tx_dropped: f64,
    /// Packets that the kernel dropped after the relay wrote them.
    pub rx_dropped: f64,
}

impl From<InterfaceState> for NativeInterfaceState {
    fn from(state: InterfaceState) -> Self {
        Self {
            name: state.name,
            is_up: state.is_up,
            mtu: state.mtu,
            oper_state: state.oper_state.name().unwrap_or("unknown").to_owned(),
            tx_queue_length: state.tx_queue_length,
            carrier_changes: state.carrier_changes,
            tx_dropped: state.dropped as f64,
            rx_dropped: state.rx_dropped as f64,
        }
    }
}

/// A notice: a noteworthy event that is not an error.
#[napi(object, object_from_js = false)]
pub struct NativeEvent {
    /// Its stable name.
    pub kind: String,
    /// The errno of the call that the kernel refused.
    pub errno: Option<i32>,
    /// The foreign address, of `foreign-source`.
    pub address: Option<String>,
    /// One sentence.
    pub message: String,
}

impl From<Event> for NativeEvent {
    fn from(event: Event) -> Self {
        Self {
            kind: event.kind.to_owned(),
            errno: event.errno,
            address: event.address.map(|address| address.to_string()),
            message: event.message,
        }
    }
}

impl From<OffloadConfig> for OffloadStatus {
    fn from(offload: OffloadConfig) -> Self {
        let OffloadConfig { tso, uso, gso, gro, coalesce } = offload;
        Self { tso, uso, gso, gro, coalesce }
    }
}

impl From<OffloadStatus> for OffloadConfig {
    fn from(offload: OffloadStatus) -> Self {
        let OffloadStatus { tso, uso, gso, gro, coalesce } = offload;
        Self { tso, uso, gso, gro, coalesce }
    }
}

impl From<&RelayInfo> for NativeRelayInfo {
    #[allow(clippy::cast_precision_loss)]
    fn from(info: &RelayInfo) -> Self {
        Self {
            mode: if info.mode == Mode::Tap { "tap" } else { "tun" }.to_owned(),
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
            source_ports: info.source_ports as u32,
        }
    }
}

impl TryFrom<NativeRelayOptions> for RelayConfig {
    type Error = Error;

    fn try_from(options: NativeRelayOptions) -> Result<Self> {
        let addresses = networks("address", &options.addresses)?;
        let mode = if options.mode.as_deref() == Some("tap") { Mode::Tap } else { Mode::Tun };
        let endpoint = NativeEndpoint { address: options.peer, port: options.send_port };
        let (peer, peer_zone) = address(&endpoint)?;
        let listen = options.listen.as_deref().map(|text| parse::<IpAddr>("local address", text));
        let is_any = options.accept.as_deref() == Some("any");
        let first = addresses.first().copied().unwrap_or_default();
        let defaults = Self::new(first, peer, options.receive_port);
        Ok(Self {
            mode,
            routes: networks("route", options.routes.as_deref().unwrap_or_default())?,
            name: options.name,
            mtu: options.mtu,
            tx_queue_length: options.tx_queue_length,
            peer_zone,
            both_families: options.both_families.unwrap_or(defaults.both_families),
            listen: listen.transpose()?,
            allowed_prefixes: networks(
                "prefix",
                options.allowed_prefixes.as_deref().unwrap_or_default(),
            )?,
            keepalive: options
                .keepalive_seconds
                .filter(|seconds| *seconds > 0)
                .map(|seconds| Duration::from_secs(seconds.into())),
            accept: if is_any { Accept::Any } else { Accept::Peer },
            netns: options.netns,
            user: options.user,
            fwmark: options.fwmark.unwrap_or(defaults.fwmark),
            bind_device: options.bind_device,
            dscp: match options.dscp {
                Some(INHERIT_DSCP) => Dscp::Inherit,
                dscp => dscp.map_or(defaults.dscp, Dscp::Fixed),
            },
            ecn: if options.ecn.as_deref() == Some("off") { Ecn::Off } else { Ecn::Copy },
            path_mtu: match options.path_mtu.as_deref() {
                Some("fixed") => PathMtuDiscovery::Fixed,
                Some("off") => PathMtuDiscovery::Off,
                _ => PathMtuDiscovery::Discover,
            },
            mss_clamp: match options.mss_clamp {
                None => MssClamp::Auto,
                Some(0) => MssClamp::Off,
                Some(bytes) => MssClamp::Bytes(bytes),
            },
            source_ports: options
                .source_ports
                .map_or(defaults.source_ports, |ports| ports as usize),
            offload: options.offload.map_or(defaults.offload, Into::into),
            queues: options.queues.map_or(defaults.queues, |queues| queues as usize),
            addresses: addresses.clone(),
            ..defaults
        })
    }
}

/// Parses networks. An address without a prefix is a host.
pub(crate) fn networks(what: &'static str, texts: &[String]) -> Result<Vec<IpNet>> {
    let network = |text: &String| match text.parse::<IpAddr>() {
        Ok(host) => Ok(host.into()),
        Err(_) => parse(what, text),
    };
    texts.iter().map(network).collect()
}

pub(crate) fn parse<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| {
        Error::new(ErrorCode::InvalidArgument, format!("read the {what}"), text, "not a valid one")
    })
}

/// Returns the address without the port, with the index of its interface if it needs one.
pub(crate) fn literal(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
    }
}
