//! Making what the configuration asks for: socket, namespace, device, addresses, routes, user.
//!
//! Runs on the relay's own thread, which may move into another network namespace. A failure at any
//! point leaves nothing behind.

use super::config::{MAX_QUEUES, OffloadConfig, RelayConfig, RelayInfo};
use super::fallback::Fallback;
use super::queues::{self, Opened, Sockets};
use super::steering::{FlowShare, SteeredDevice};
use super::underlay_route::UnderlayRoutes;
use super::{mtu, user};
use crate::device::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::namespace;
use crate::netlink::{Connection, Link, LinkChange, LinkRef};
use crate::transport::UdpEndpoint;
use crate::tuntap::identity::Identity;
use crate::tuntap::undo::{Change, Setting, Undo};
use ipnet::IpNet;
use std::sync::Arc;

/// Everything a relay needs to run, and what to take back at its end.
pub(super) struct Prepared {
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
pub(super) async fn prepare(config: &RelayConfig) -> Result<Prepared> {
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
    let existing = queues::find(config).await?;
    let Opened { devices, offload, fallbacks, steered } = queues::open(config, &sockets, existing)?;
    sockets.truncate(devices.len());
    let (Some(device), Some(endpoint)) = (devices.first(), sockets.iter().flatten().next()) else {
        return Err(Error::new(ErrorCode::System, "start the relay", "", "it has no queue"));
    };
    if identity.is_some() && device.is_persistent() {
        return Err(user::refuse_persistent(device.name()));
    }
    let mut undo = Undo::default();
    let plan = Plan { config, default_mtu: underlay.inner_mtu(), offload };
    let configured = configure(&plan, device, &mut undo).await.and_then(|mtu| {
        identity.as_ref().map_or(Ok(()), user::Identity::assume)?;
        Ok(mtu)
    });
    let mtu = match configured {
        Ok(mtu) => mtu,
        Err(error) => {
            let _ = undo.run().await;
            return Err(error);
        }
    };
    let queues = devices.len();
    let info = info(config, device, endpoint, mtu, queues);
    let queue = |(number, (device, endpoints)): (_, (_, Sockets))| Queue {
        device,
        endpoints: endpoints.into_iter().map(Arc::new).collect(),
        offload,
        share: FlowShare { number, queues },
    };
    let queues = devices.into_iter().zip(sockets).enumerate().map(queue).collect();
    Ok(Prepared { queues, info, undo, offload, fallbacks, steered })
}

fn check(config: &RelayConfig) -> Result<()> {
    let refuse = |operation: &'static str, subject: String, reason: &str| {
        Err(Error::new(ErrorCode::InvalidArgument, operation, subject, reason))
    };
    if config.addresses.is_empty() {
        return refuse("start the relay", String::new(), "the interface needs an address");
    }
    for (number, address) in config.addresses.iter().enumerate() {
        if config.addresses.iter().take(number).any(|earlier| earlier == address) {
            return refuse("set the address", address.to_string(), "it is given twice");
        }
    }
    if config.queues > MAX_QUEUES {
        let reason = "a device has at most 256 queues";
        return refuse("open queues of the interface", config.queues.to_string(), reason);
    }
    config.mtu.map_or(Ok(()), |mtu| mtu::check(mtu, config))
}

/// What the interface is to become.
struct Plan<'a> {
    config: &'a RelayConfig,
    default_mtu: u32,
    offload: OffloadConfig,
}

/// Configures the interface and answers its MTU. What a persistent device had before is recorded.
async fn configure(plan: &Plan<'_>, device: &TunDevice, undo: &mut Undo) -> Result<u32> {
    let config = plan.config;
    let connection = Connection::open()?;
    let index = device.index();
    let before = connection.link(&LinkRef::Index(index)).await?;
    if device.is_persistent() {
        *undo = Undo::new(Identity::of(device)?, Connection::open()?);
    } else {
        // Else the kernel would send router solicitations from a link-local address of its own
        // making. It must be a message of its own, before the link is up.
        connection.disable_address_generation(index, device.name()).await?;
    }
    let mtu = match config.mtu {
        Some(mtu) => mtu,
        None if device.is_persistent() => before.mtu,
        None => plan.default_mtu,
    };
    mtu::check(mtu, config)?;
    if mtu != before.mtu {
        let change = LinkChange { mtu: Some(mtu), ..LinkChange::default() };
        connection.set_link(index, device.name(), &change).await?;
        undo.record(Change::Mtu(Setting { before: before.mtu, set: mtu }));
    }
    if plan.offload.tso || plan.offload.uso {
        limit_segments(&connection, device, &before, mtu::segments(mtu, config), undo).await;
    }
    for address in &config.addresses {
        add_address(&connection, device, *address, undo).await?;
    }
    if !before.up {
        let change = LinkChange { up: Some(true), ..LinkChange::default() };
        connection.set_link(index, device.name(), &change).await?;
        undo.record(Change::Up(true));
    }
    for route in &config.routes {
        connection.add_route(index, *route).await?;
        undo.record(Change::Route(*route));
    }
    Ok(mtu)
}

/// Limits the kernel's super-packets to one GSO batch each. If the kernel rejects the limit, super-packets
/// may exceed one batch and are sent as two. This is not reported.
async fn limit_segments(
    connection: &Connection,
    device: &TunDevice,
    before: &Link,
    segments: u32,
    undo: &mut Undo,
) {
    let Some(before) = before.gso_max_segs.filter(|before| *before != segments) else { return };
    let change = LinkChange { gso_max_segs: Some(segments), ..LinkChange::default() };
    if connection.set_link(device.index(), device.name(), &change).await.is_ok() {
        undo.record(Change::GsoMaxSegments(Setting { before, set: segments }));
    }
}

async fn add_address(
    connection: &Connection,
    device: &TunDevice,
    address: IpNet,
    undo: &mut Undo,
) -> Result<()> {
    match connection.add_address(device.index(), address).await {
        Ok(()) => {
            undo.record(Change::Address(address));
            Ok(())
        }
        // What a persistent device had before is what was asked for, and stays.
        Err(error) if error.code() == ErrorCode::Exists && device.is_persistent() => Ok(()),
        Err(error) => Err(error),
    }
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
