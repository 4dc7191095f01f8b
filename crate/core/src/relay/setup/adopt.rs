//! Examines the descriptors that another relay passed on, and refuses foreign ones. The kernel keeps their settings, which
//! are set again.

use super::flow_sharing::SteeredDevice;
use super::plan::Plan;
use super::queues::{self, Opened};
use super::source_ports::{self, Sockets};
use crate::device::{MAX_QUEUES, TunDevice};
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::link::KindData;
use crate::netlink::{Connection, LinkRef};
use crate::packet::vnet::VnetHeader;
use crate::relay::handover::{Descriptor, QueueDescriptors};
use crate::sys::{netns, socket, tun, tun_control};
use crate::udp::{UdpEndpoint, local_address};
use std::collections::HashSet;
use std::iter;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::Arc;

const OPERATION: &str = "adopt the descriptor";

/// The examined sockets of all queues, and their devices, which are examined in the namespace of the interface.
pub(super) struct Adopted {
    pub(super) sockets: Vec<Sockets>,
    pub(super) devices: Vec<Descriptor>,
    /// Whether the other relay still runs.
    pub(super) is_paused: bool,
}

/// Examines the sockets, in the calling thread's network namespace, and sets their options.
pub(super) fn sockets(
    plan: &Plan,
    queues: Vec<QueueDescriptors>,
    is_paused: bool,
) -> Result<Adopted> {
    check_queues(plan, queues.len())?;
    check_repeats(&queues)?;
    let mut devices = Vec::with_capacity(queues.len());
    let mut sockets: Vec<Sockets> = Vec::with_capacity(queues.len());
    let mut port = plan.config.receive_port;
    for queue in queues {
        let numbers: Vec<RawFd> = queue.sockets.iter().map(|socket| socket.number).collect();
        let own = of_queue(plan, queue.sockets, &mut port)?;
        if let Some(first) = sockets.first()
            && !is_alike(first, &own)
        {
            let number = numbers.first().copied().unwrap_or(queue.device.number);
            let reason = "its queue has sockets of other address families than the first queue";
            return Err(refuse(number, reason));
        }
        sockets.push(own);
        devices.push(queue.device);
    }
    source_ports::set_senders(&mut sockets);
    check_ports(plan, &sockets)?;
    Ok(Adopted { sockets, devices, is_paused })
}

/// Examines the device queues, in the calling thread's network namespace, and sets what the kernel keeps for them: the
/// steering may have changed with the options. If `is_paused`, the program of a persistent device is kept.
pub(super) async fn devices(
    plan: &Plan,
    sockets: &[Sockets],
    descriptors: Vec<Descriptor>,
    is_paused: bool,
) -> Result<Opened> {
    let mut opened = Opened::none(plan, sockets);
    let wants_header = opened.offload.needs_vnet_header();
    for Descriptor { fd, number } in descriptors {
        let device = device(plan, fd, number)?;
        if let Some(first) = opened.devices.first()
            && first.index() != device.index()
        {
            let (name, other) = (device.name(), first.name());
            let reason =
                format!("it is a queue of {name}, and the queues before it are of {other}");
            return Err(mismatch(number, &reason));
        }
        if wants_header && !device.has_vnet_header() {
            let reason = format!("{} has no vnet header, which offloads need", device.name());
            return Err(mismatch(number, &reason)
                .with_advice("start without offloads (--no-offload), as the relay before did"));
        }
        opened.devices.push(Arc::new(device));
    }
    check_count(&opened.devices).await?;
    match opened.devices.first() {
        Some(first) if first.has_vnet_header() && !wants_header => {
            first.set_offload(0).map_err(|e| {
                Error::os("set the offloads of", first.name(), "ioctl(TUNSETOFFLOAD)", &e)
            })?;
        }
        _ => opened.negotiate_offloads()?,
    }
    if opened.devices.len() > 1 {
        opened.steered = opened.devices.first().and_then(SteeredDevice::of);
        if let Some(steered) = &mut opened.steered {
            steered.keep(is_paused);
        }
    }
    let first = sockets.iter().take(1).flat_map(|queue| &queue.receiving);
    plan.distribution().apply(&opened.devices, first)?;
    Ok(opened)
}

fn check_queues(plan: &Plan, queues: usize) -> Result<()> {
    let refuse = |reason: String| {
        Err(Error::new(ErrorCode::InvalidArgument, "adopt descriptors", "", reason))
    };
    if queues == 0 || queues > MAX_QUEUES {
        return refuse(format!("a relay has 1 to {MAX_QUEUES} queues, and {queues} are given"));
    }
    if !plan.has_auto_queues && plan.config.queues != queues {
        let wanted = plan.config.queues;
        return refuse(format!(
            "{queues} queues are given, and {wanted} were requested: the number cannot change"
        ));
    }
    Ok(())
}

/// Refuses a descriptor or a socket that is given twice: two queues would read it, and another one would not be read.
/// Before Linux 4.12 a duplicate of a socket is not recognized.
fn check_repeats(queues: &[QueueDescriptors]) -> Result<()> {
    let (mut numbers, mut cookies) = (HashSet::new(), HashSet::new());
    for descriptor in
        queues.iter().flat_map(|queue| iter::once(&queue.device).chain(&queue.sockets))
    {
        let cookie = socket::cookie(descriptor.fd.as_fd()).ok();
        let is_repeated = cookie.is_some_and(|cookie| !cookies.insert(cookie));
        if !numbers.insert(descriptor.number) || is_repeated {
            return Err(refuse(descriptor.number, "it is given twice"));
        }
    }
    Ok(())
}

/// Examines the sockets of one queue. `port` is the receiving port; if it is 0, it is set to that of the first socket.
fn of_queue(plan: &Plan, sockets: Vec<Descriptor>, port: &mut u16) -> Result<Sockets> {
    let mut own =
        Sockets { receiving: Vec::new(), sends_from_receiving: true, further: Vec::new() };
    for Descriptor { fd, number } in sockets {
        let local = local_address(&fd, number)?;
        if *port == 0 {
            *port = local.port();
        }
        let is_ipv4 = local.is_ipv4();
        let endpoint = UdpEndpoint::adopt(fd, number, local, &queues::options(plan, is_ipv4, 0))?;
        if local.port() != *port {
            own.further.push(endpoint);
        } else if own.receiving.iter().any(|other| other.local() == local) {
            return Err(refuse(number, &format!("its queue has another socket at {local}")));
        } else {
            own.receiving.push(endpoint);
        }
    }
    own.receiving.sort_by_key(|socket| socket.local().is_ipv4() != plan.is_ipv4);
    let has = |is_ipv4| own.receiving.iter().any(|socket| socket.local().is_ipv4() == is_ipv4);
    let missing = [(plan.is_ipv4, true), (!plan.is_ipv4, plan.needs_both)];
    let missing = missing.into_iter().find(|(is_ipv4, is_needed)| *is_needed && !has(*is_ipv4));
    if let Some((is_ipv4, _)) = missing {
        let listen = SocketAddr::new(plan.listen_address(is_ipv4), *port);
        let reason = format!("a queue has no socket that is bound to {listen}");
        return Err(Error::new(ErrorCode::InvalidArgument, "adopt descriptors", "", reason)
            .with_advice("start with the address and the port of the relay before"));
    }
    Ok(own)
}

fn is_alike(one: &Sockets, other: &Sockets) -> bool {
    let families = |queue: &Sockets| -> Vec<SocketAddr> {
        queue.receiving.iter().map(UdpEndpoint::local).collect()
    };
    families(one) == families(other)
}

fn check_ports(plan: &Plan, sockets: &[Sockets]) -> Result<()> {
    let (count, wanted) = (source_ports::count(sockets), plan.config.source_ports);
    if wanted == crate::relay::config::AUTO_SOURCE_PORTS || wanted == count {
        return Ok(());
    }
    let reason = format!(
        "sockets at {count} source ports are given, and {wanted} were requested: the number cannot change"
    );
    Err(Error::new(ErrorCode::InvalidArgument, "adopt descriptors", "", reason))
}

/// Examines one queue of a device.
fn device(plan: &Plan, fd: OwnedFd, number: RawFd) -> Result<TunDevice> {
    if let (Ok(there), Ok(here)) = (tun::network_namespace(fd.as_fd()), netns::current())
        && netns::is_same(&there, &here).is_ok_and(|is_same| !is_same)
    {
        let reason = "its interface is in another network namespace than the options state";
        return Err(mismatch(number, reason).with_advice("check --netns (netns)"));
    }
    let device = TunDevice::adopt(fd, number, plan.config.mode)?;
    if let Some(wanted) = plan.config.name.as_deref().filter(|name| !fits(name, device.name())) {
        let reason = format!("it is a queue of {}, and {wanted} is expected", device.name());
        return Err(mismatch(number, &reason).with_advice("check --name (name)"));
    }
    if device.flags() & tun::IFF_NO_PI == 0 {
        let reason = format!("{} has packet information headers", device.name());
        return Err(mismatch(number, &reason));
    }
    if device.has_vnet_header() {
        let size = tun_control::vnet_header_size(device.as_fd())
            .map_err(|e| Error::os(OPERATION, number.to_string(), "ioctl(TUNGETVNETHDRSZ)", &e))?;
        if usize::try_from(size) != Ok(VnetHeader::LEN) {
            let (name, expected) = (device.name(), VnetHeader::LEN);
            let reason =
                format!("the vnet header of {name} has {size} bytes, and {expected} are expected");
            return Err(mismatch(number, &reason));
        }
    }
    Ok(device)
}

/// Returns whether a name of an interface is the wanted one, or fits its template.
fn fits(wanted: &str, name: &str) -> bool {
    match wanted.split_once("%d") {
        None => wanted == name,
        Some((before, after)) => {
            let number = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            number.is_some_and(|digits| {
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
        }
    }
}

/// Refuses queues of which one is missing or given twice: a part of the packets would go to a queue that is not read, or
/// out of order. Before Linux 4.18 the driver does not report the number.
async fn check_count(devices: &[Arc<TunDevice>]) -> Result<()> {
    let Some(first) = devices.first() else { return Ok(()) };
    let link = Connection::open()?.link(&LinkRef::Index(first.index())).await?;
    let Some(KindData::Tun(tun)) = link.kind_data else { return Ok(()) };
    let Some(queues) = tun.queues else { return Ok(()) };
    let all = queues + tun.detached_queues.unwrap_or(0);
    let given = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    // A device that cannot have several queues does not report its only one.
    if all == given || (!tun.multi_queue && given == 1) {
        return Ok(());
    }
    let reason = format!("the interface has {all} queues, and {given} are given");
    Err(Error::new(ErrorCode::DeviceMismatch, "adopt the queues of", first.name(), reason)
        .with_advice("each queue must be given once, and no other process may have one"))
}

fn refuse(number: RawFd, reason: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, OPERATION, number.to_string(), reason)
}

fn mismatch(number: RawFd, reason: &str) -> Error {
    Error::new(ErrorCode::DeviceMismatch, OPERATION, number.to_string(), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_itself_or_its_template() {
        assert!(fits("vpn0", "vpn0") && fits("tun%d", "tun12") && fits("a%db", "a7b"));
        for (wanted, name) in
            [("vpn0", "vpn1"), ("tun%d", "tun"), ("tun%d", "tap1"), ("a%d", "a1b")]
        {
            assert!(!fits(wanted, name), "{wanted} {name}");
        }
    }
}
