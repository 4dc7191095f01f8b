//! Opens the queues: one device and one UDP port, with the requested number of queues and sockets.

use super::flow_sharing::{self, SteeredDevice};
use super::plan::Plan;
use super::source_ports::{self, Sockets};
use crate::device::{DeviceOptions, Offloads, TunDevice, busy_error, has_vnet_header};
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::link::KindData;
use crate::netlink::{Connection, LinkRef};
use crate::relay::config::{OffloadConfig, RelayConfig};
use crate::relay::fallback::Fallback;
use crate::udp::{UdpEndpoint, UdpOptions};
use std::net::SocketAddr;
use std::sync::Arc;

/// The opened queues of a device.
pub(super) struct Opened {
    pub(super) devices: Vec<Arc<TunDevice>>,
    /// Offloads in use, a subset of those that the configuration allows.
    pub(super) offload: OffloadConfig,
    /// The optimizations that the kernel refused.
    pub(super) fallbacks: Vec<Fallback>,
    /// The device if it has a program to remove at the end.
    pub(super) steered: Option<SteeredDevice>,
}

/// A device that exists already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Existing {
    is_multi_queue: bool,
}

/// How often another port is tried: the kernel's choice may be in use in the other address family.
const PORT_ATTEMPTS: usize = 16;

/// Binds the sockets of each queue, in the calling thread's network namespace. Each has a socket of the other address
/// family too if peers need it, or if it is wanted and possible.
pub(super) fn bind(plan: &Plan) -> Result<Vec<Sockets>> {
    let queues = plan.queues;
    if !plan.has_auto_queues || queues == 1 {
        return bind_queues(plan, queues);
    }
    // The caller did not request several queues, so it is not reported that only one is possible.
    if !flow_sharing::can_steer_packets(plan.config.wire().layer()) {
        return bind_queues(plan, 1);
    }
    bind_queues(plan, queues).or_else(|_| bind_queues(plan, 1))
}

fn bind_queues(plan: &Plan, queues: usize) -> Result<Vec<Sockets>> {
    let Plan { is_ipv4, needs_both, wants_both, .. } = *plan;
    let receive_port = plan.config.receive_port;
    let mut attempts = if receive_port == 0 { PORT_ATTEMPTS } else { 1 };
    let complete = |receiving| {
        let further = |first: &UdpEndpoint| options(plan, first.local().is_ipv4(), 0);
        source_ports::bind_further(plan, receiving, further)
    };
    loop {
        let first = bind_family(plan, is_ipv4, receive_port, queues)?;
        if !needs_both && !wants_both {
            return complete(first.into_iter().map(|socket| vec![socket]).collect());
        }
        let port = first.first().map_or(0, |socket| socket.local().port());
        attempts -= 1;
        match bind_family(plan, !is_ipv4, port, queues) {
            Ok(second) => {
                return complete(first.into_iter().zip(second).map(|(a, b)| vec![a, b]).collect());
            }
            Err(error) if error.code() == ErrorCode::AddressInUse && attempts > 0 => {}
            Err(error) if needs_both => return Err(error),
            Err(_) => return complete(first.into_iter().map(|socket| vec![socket]).collect()),
        }
    }
}

fn bind_family(plan: &Plan, is_ipv4: bool, port: u16, queues: usize) -> Result<Vec<UdpEndpoint>> {
    let endpoints = UdpEndpoint::bind_queues(&options(plan, is_ipv4, port), queues)?;
    if queues > 1 {
        flow_sharing::steer_datagrams(&endpoints, plan.distribution())?;
    }
    Ok(endpoints)
}

/// Returns the options of a socket for this family and port.
pub(super) fn options(plan: &Plan, is_ipv4: bool, port: u16) -> UdpOptions<'_> {
    UdpOptions {
        listen: SocketAddr::new(plan.listen_address(is_ipv4), port),
        wants_gro: plan.config.offload.gro,
        buffer_bytes: plan.config.socket_buffer_bytes,
        path_mtu: plan.path_mtu_discovery(),
        mark: plan.config.fwmark,
        device: plan.config.bind_device.as_deref(),
        class: plan.config.class_policy().default_class(),
    }
}

/// Looks up the device in the calling thread's network namespace. Refuses a device of which another process has
/// queues. The kernel would allow further queues, but each reader would then get a part of the packets.
pub(super) async fn find(config: &RelayConfig) -> Result<Option<Existing>> {
    // Without a name, the kernel creates a device with a name that it chooses.
    let Some(name) = &config.name else { return Ok(None) };
    let link = match Connection::open()?.link(&LinkRef::Name(name.clone())).await {
        Ok(link) => link,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    // Before Linux 4.18 the driver does not report this. Then the device is opened with a single queue.
    let Some(KindData::Tun(tun)) = link.kind_data else {
        return Ok(Some(Existing { is_multi_queue: false }));
    };
    if tun.queues.unwrap_or(0) + tun.detached_queues.unwrap_or(0) > 0 {
        return Err(busy_error(name));
    }
    Ok(Some(Existing { is_multi_queue: tun.multi_queue }))
}

/// Returns whether a name look-up failed because there is no such interface. Opening the device then creates it, or
/// refuses its name.
fn is_absent(error: &Error) -> bool {
    matches!(
        error.code(),
        ErrorCode::NotFound | ErrorCode::InvalidName | ErrorCode::InvalidArgument
    )
}

/// Opens the device with a queue for each of `sockets`, in the calling thread's network namespace. If the caller did
/// not request several queues, the device may have only one.
pub(super) fn open(plan: &Plan, sockets: &[Sockets], existing: Option<Existing>) -> Result<Opened> {
    let mut opened = Opened::none(plan, sockets);
    let form = Form::new(plan, sockets.len(), existing);
    opened.devices = open_queues(&plan.config, form, opened.offload.needs_vnet_header())?;
    opened.negotiate_offloads()?;
    opened.steer(plan);
    Ok(opened)
}

impl Opened {
    /// Begins without a device, and without the offloads that this kernel does not have.
    pub(super) fn none(plan: &Plan, sockets: &[Sockets]) -> Self {
        let offload = plan.config.offload;
        let mut opened =
            Self { devices: Vec::new(), offload, fallbacks: Vec::new(), steered: None };
        if offload.gro && !sockets.iter().flat_map(Sockets::all).all(UdpEndpoint::has_gro) {
            opened.refuse(Fallback::Gro);
        }
        if opened.offload.needs_vnet_header() && !has_vnet_header(&plan.config.clone_device) {
            opened.refuse(Fallback::VnetHeader);
        }
        opened
    }

    fn refuse(&mut self, fallback: Fallback) {
        fallback.apply(&mut self.offload);
        self.fallbacks.push(fallback);
    }

    /// Requests the super-packets that the device passes.
    pub(super) fn negotiate_offloads(&mut self) -> Result<()> {
        let Some(first) = self.devices.first() else { return Ok(()) };
        if !self.offload.needs_vnet_header() {
            return Ok(());
        }
        let wanted = Offloads { tso: self.offload.tso, uso: self.offload.uso };
        let granted = first.negotiate_offloads(wanted)?;
        if wanted.tso && !granted.tso {
            self.refuse(Fallback::Tso);
        }
        if wanted.uso && !granted.uso {
            self.refuse(Fallback::Uso);
        }
        Ok(())
    }

    /// Distributes the packets of the interface over several queues.
    fn steer(&mut self, plan: &Plan) {
        if self.devices.len() > 1 {
            match flow_sharing::steer_packets(&self.devices) {
                Ok(()) => self.steered = self.devices.first().and_then(SteeredDevice::of),
                Err(_) if plan.has_auto_queues => self.devices.truncate(1),
                Err(error) => {
                    self.refuse(Fallback::Steering(error.raw_os_error().unwrap_or(0)));
                }
            }
        }
    }
}

/// How to open the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    queues: usize,
    is_multi_queue: bool,
    is_new: bool,
}

impl Form {
    fn new(plan: &Plan, queues: usize, existing: Option<Existing>) -> Self {
        let is_new = existing.is_none();
        match existing {
            // An existing device keeps its form.
            Some(Existing { is_multi_queue }) if plan.has_auto_queues => {
                Self { queues: if is_multi_queue { queues } else { 1 }, is_multi_queue, is_new }
            }
            _ => Self { queues, is_multi_queue: queues > 1, is_new },
        }
    }
}

fn open_queues(
    config: &RelayConfig,
    form: Form,
    has_vnet_header: bool,
) -> Result<Vec<Arc<TunDevice>>> {
    let mut options = DeviceOptions {
        mode: config.mode,
        name: config.name.clone(),
        clone_device: config.clone_device.clone(),
        has_vnet_header,
        is_multi_queue: form.is_multi_queue,
        // Otherwise two relays that start at the same time would share it.
        is_exclusive: form.is_multi_queue && form.is_new,
        ..DeviceOptions::default()
    };
    let first = TunDevice::open(&options)?;
    options.name = Some(first.name().to_owned());
    options.is_exclusive = false;
    let mut devices = vec![Arc::new(first)];
    for _ in 1..form.queues {
        devices.push(Arc::new(TunDevice::open(&options)?));
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_look_up_is_not_taken_for_an_absent_interface() {
        let of = |errno| {
            let cause = std::io::Error::from_raw_os_error(errno);
            is_absent(&Error::os("find the interface", "vpn0", "RTM_GETLINK", &cause))
        };
        assert!(of(libc::ENODEV), "no such interface");
        for errno in [libc::EMFILE, libc::ENOBUFS, libc::ENOMEM, libc::EPERM, libc::EOPNOTSUPP] {
            assert!(!of(errno), "{errno}");
        }
    }
}
