//! Opening the queues: one device and one UDP port, with as many queues and sockets as asked for.

use super::config::{OffloadConfig, RelayConfig};
use super::fallback::Fallback;
use super::{peers, steering};
use crate::device::{DeviceOptions, Mode, Offloads, TunDevice, has_vnet_header};
use crate::error::Result;
use crate::transport::{UdpEndpoint, UdpOptions};
use std::net::SocketAddr;

/// The opened queues of a device.
pub(super) struct Opened {
    pub(super) devices: Vec<TunDevice>,
    /// What is in use of what the configuration allows.
    pub(super) offload: OffloadConfig,
    /// What the kernel refused.
    pub(super) fallbacks: Vec<Fallback>,
}

/// Binds the sockets, in the calling thread's network namespace.
pub(super) fn bind(config: &RelayConfig, listen: SocketAddr) -> Result<Vec<UdpEndpoint>> {
    let queues = config.queue_count();
    let options = UdpOptions {
        listen,
        peer: config.peer,
        wants_gro: wants_gro(config),
        buffer_bytes: config.socket_buffer_bytes,
    };
    let endpoints = UdpEndpoint::bind_queues(&options, queues)?;
    if queues > 1 {
        steering::steer_datagrams(&endpoints)?;
    }
    Ok(endpoints)
}

/// A train goes to one queue as a whole, so with several queues it may carry one flow only. On its
/// way over a network the kernel makes trains of whatever follows each other; on this machine they
/// are as the peer made them, and ours are of one flow.
fn wants_gro(config: &RelayConfig) -> bool {
    config.offload.udp_gro && (config.queue_count() == 1 || peers::is_loopback(config.peer.ip()))
}

/// Opens the device with all its queues, in the calling thread's network namespace.
pub(super) fn open(config: &RelayConfig, endpoints: &[UdpEndpoint]) -> Result<Opened> {
    let mut fallbacks = Vec::new();
    let mut refuse = |fallback: Fallback, offload: &mut OffloadConfig| {
        fallback.apply(offload);
        fallbacks.push(fallback);
    };
    let mut offload = config.offload;
    offload.udp_gro = wants_gro(config);
    if offload.udp_gro && !endpoints.iter().all(UdpEndpoint::has_gro) {
        refuse(Fallback::UdpGro, &mut offload);
    }
    if offload.needs_vnet_header() && !has_vnet_header(&config.clone_device) {
        refuse(Fallback::VnetHeader, &mut offload);
    }
    let devices = open_queues(config, offload.needs_vnet_header())?;
    if let Some(first) = devices.first()
        && offload.needs_vnet_header()
    {
        let wanted = Offloads { tso: offload.tso, uso: offload.uso };
        let granted = first.negotiate_offloads(wanted)?;
        if wanted.tso && !granted.tso {
            refuse(Fallback::Tso, &mut offload);
        }
        if wanted.uso && !granted.uso {
            refuse(Fallback::Uso, &mut offload);
        }
    }
    if devices.len() > 1
        && let Err(error) = steering::steer_packets(&devices)
    {
        refuse(Fallback::Steering(error.raw_os_error().unwrap_or(0)), &mut offload);
    }
    Ok(Opened { devices, offload, fallbacks })
}

fn open_queues(config: &RelayConfig, has_vnet_header: bool) -> Result<Vec<TunDevice>> {
    let queues = config.queue_count();
    let mut options = DeviceOptions {
        mode: Mode::Tun,
        name: config.name.clone(),
        clone_device: config.clone_device.clone(),
        has_vnet_header,
        is_multi_queue: queues > 1,
        ..DeviceOptions::default()
    };
    let first = TunDevice::open(&options)?;
    options.name = Some(first.name().to_owned());
    let mut devices = vec![first];
    for _ in 1..queues {
        devices.push(TunDevice::open(&options)?);
    }
    Ok(devices)
}
