//! Making what the configuration asks for: socket, namespace, device, addresses, routes, user.
//!
//! Runs on the relay's own thread, which may move into another network namespace. A failure at any
//! point leaves nothing behind.

use super::config::{OffloadConfig, RelayConfig, RelayInfo};
use super::fallback::Fallback;
use super::queues::{self, Opened, Sockets};
use super::steering::{FlowShare, SteeredDevice};
use super::underlay_route::UnderlayRoutes;
use super::{mtu, user};
use crate::device::{MAX_QUEUES, TunDevice};
use crate::error::{Error, ErrorCode, Result};
use crate::interface::{self, BusyWait, Configured, Spec, Undo};
use crate::namespace;
use crate::netlink::Connection;
use crate::udp::UdpEndpoint;
use std::sync::Arc;

/// Everything a relay needs to run, and what to take back at its end.
pub(super) struct ReadyRelay {
    pub(super) queues: Vec<Queue>,
    pub(super) info: RelayInfo,
    pub(super) undo: Undo,
    /// What is in use of what the configuration allows.
    pub(super) offload: OffloadConfig,
    /// What the kernel refused.
    pub(super) fallbacks: Vec<Fallback>,
    /// The device whose program is taken away at the end.
    pub(super) steered: Option<SteeredDevice>,
}

/// One queue of the device and its sockets: one, or one of each address family that peers have.
pub(super) struct Queue {
    pub(super) device: Arc<TunDevice>,
    pub(super) endpoints: Vec<Arc<UdpEndpoint>>,
    pub(super) offload: OffloadConfig,
    pub(super) share: FlowShare,
}

/// Sets everything up.
pub(super) async fn prepare(config: &RelayConfig) -> Result<ReadyRelay> {
    check(config)?;
    let identity = config.user.as_deref().map(user::resolve).transpose()?;
    let underlay = UnderlayRoutes::find(&Connection::open()?, config).await?;
    let mut sockets = queues::bind(config)?;
    let is_elsewhere = match &config.netns {
        Some(name) => namespace::enter(name)?,
        None => false,
    };
    if !is_elsewhere {
        underlay.refuse_loops(config)?;
    }
    let index_before = interface::index_of(config.name.as_deref());
    let opened = open_device(config, &sockets).await?;
    sockets.truncate(opened.devices.len());
    let endpoint = sockets.iter().flatten().next();
    let (Some(device), Some(endpoint)) = (opened.devices.first(), endpoint) else {
        return Err(no_queue());
    };
    if identity.is_some() && device.is_persistent() {
        return Err(user::refuse_persistent(device.name()));
    }
    let configured = configure(config, underlay.inner_mtu(), &opened, index_before).await?;
    let Configured { mtu, undo, .. } = configured;
    if let Some(Err(error)) = identity.as_ref().map(user::Identity::assume) {
        let _ = undo.run().await;
        return Err(error);
    }
    let info = info(config, device, endpoint, mtu, opened.devices.len());
    let Opened { devices, offload, fallbacks, steered } = opened;
    let queues = devices.len();
    let queue = |(number, (device, endpoints)): (_, (_, Sockets))| Queue {
        device,
        endpoints: endpoints.into_iter().map(Arc::new).collect(),
        offload,
        share: FlowShare { number, queues },
    };
    let queues = devices.into_iter().zip(sockets).enumerate().map(queue).collect();
    Ok(ReadyRelay { queues, info, undo, offload, fallbacks, steered })
}

/// Looks for the device and opens it; waits for one that was closed a moment ago.
async fn open_device(config: &RelayConfig, sockets: &[Sockets]) -> Result<Opened> {
    let mut wait = BusyWait::default();
    loop {
        let opened = match queues::find(config).await {
            Ok(existing) => queues::open(config, sockets, existing),
            Err(error) => Err(error),
        };
        match opened {
            Err(error) if wait.should_retry(&error) => {}
            result => return result,
        }
    }
}

fn check(config: &RelayConfig) -> Result<()> {
    let refuse = |operation: &'static str, subject: String, reason: &str| {
        Err(Error::new(ErrorCode::InvalidArgument, operation, subject, reason))
    };
    if config.addresses.is_empty() {
        return refuse("start the relay", String::new(), "the interface needs an address");
    }
    interface::check_repeats(&config.addresses, &config.routes)?;
    if config.queues > MAX_QUEUES {
        let reason = format!("a device has at most {MAX_QUEUES} queues");
        return refuse("open queues of the interface", config.queues.to_string(), &reason);
    }
    config.mtu.map_or(Ok(()), |mtu| mtu::check(mtu, config))
}

/// Configures the interface as the configuration says. `new_mtu` is the MTU of a new interface, bytes.
async fn configure(
    config: &RelayConfig,
    new_mtu: u32,
    opened: &Opened,
    index_before: Option<u32>,
) -> Result<Configured> {
    let Some(device) = opened.devices.first() else { return Err(no_queue()) };
    let has_super_packets = opened.offload.tso || opened.offload.uso;
    let max_segments = |mtu| mtu::segments(mtu, config);
    let spec = Spec {
        addresses: &config.addresses,
        routes: &config.routes,
        mtu: config.mtu,
        new_mtu: Some(new_mtu),
        tx_queue_length: config.tx_queue_length,
        check_mtu: Some(&|mtu| mtu::check(mtu, config)),
        // Super-packets of one GSO batch each.
        max_segments: if has_super_packets { Some(&max_segments) } else { None },
        up: Some(true),
        ..Spec::default()
    };
    interface::configure(device, index_before, &spec).await
}

fn no_queue() -> Error {
    Error::new(ErrorCode::System, "start the relay", "", "it has no queue")
}

fn info(
    config: &RelayConfig,
    device: &TunDevice,
    endpoint: &UdpEndpoint,
    mtu: u32,
    queues: usize,
) -> RelayInfo {
    RelayInfo {
        interface_name: device.name().to_owned(),
        interface_index: device.index(),
        mtu,
        addresses: config.addresses.clone(),
        local: endpoint.local(),
        peer: config.peer,
        receive_buffer_bytes: endpoint.receive_buffer_bytes(),
        send_buffer_bytes: endpoint.send_buffer_bytes(),
        queues,
    }
}
