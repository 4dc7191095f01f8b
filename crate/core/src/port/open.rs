//! Opens and configures a device. After a failure at any point, everything is rolled back.

use super::options::OpenOptions;
use crate::device::{DeviceOptions, Offloads, TunDevice, principal};
use crate::error::{Error, ErrorCode, Result};
use crate::interface::{self, BusyWait, Spec};
use crate::namespace;
use crate::sys::descriptor;
use std::os::fd::AsRawFd;

/// An open device.
#[derive(Debug)]
pub struct Opened {
    /// The queues of the device, at least one.
    pub queues: Vec<TunDevice>,
    /// The MTU of the interface, bytes.
    pub mtu: u32,
    /// The kinds of super-packets that the kernel passes.
    pub offloads: Offloads,
    /// Whether the interface existed before this call.
    pub existed: bool,
}

/// Owner and group, looked up before anything is changed.
struct Owners {
    user: Option<u32>,
    group: Option<u32>,
}

/// Opens and configures the device that `options` describe. Blocks until the device is ready.
///
/// Changes of an existing interface are kept when the device is closed, as with `ip`.
pub fn open(options: &OpenOptions) -> Result<Opened> {
    interface::check_repeats(&options.addresses, &options.routes)?;
    let owners = Owners {
        user: options.owner.as_deref().map(principal::user).transpose()?,
        group: options.group.as_deref().map(principal::group).transpose()?,
    };
    let work = || make(options, &owners);
    let opened = match (&options.netns, options.adopt) {
        (Some(netns), None) => namespace::within(netns, work),
        (_, Some(fd)) => adopt(options, fd, &owners),
        (None, None) => work(),
    }?;
    Ok(opened)
}

fn make(options: &OpenOptions, owners: &Owners) -> Result<Opened> {
    let name = options.device.name.as_deref();
    let index_before = interface::index_of(name);
    if options.must_exist && index_before.is_none() {
        let reason = "the interface does not exist";
        let subject = name.unwrap_or("an interface");
        return Err(Error::new(ErrorCode::NotFound, "attach to", subject, reason)
            .with_advice("create it first, or allow a new interface"));
    }
    let first = open_patiently(&options.device)?;
    let further = further_queues(&first, options)?;
    configure(first, further, index_before, options, owners)
}

/// Opens a device. Retries if it was closed a moment ago and is still busy.
fn open_patiently(options: &DeviceOptions) -> Result<TunDevice> {
    let mut wait = BusyWait::default();
    loop {
        match TunDevice::open(options) {
            Err(error) if wait.should_retry(&error) => {}
            result => return result,
        }
    }
}

/// Opens the other queues of a device, whose first queue is open.
fn further_queues(first: &TunDevice, options: &OpenOptions) -> Result<Vec<TunDevice>> {
    let further = DeviceOptions {
        name: Some(first.name().to_owned()),
        is_exclusive: false,
        index: None,
        ..options.device.clone()
    };
    (1..options.queues.max(1)).map(|_| TunDevice::open(&further)).collect()
}

/// Takes over a descriptor. The caller keeps it until everything has succeeded.
fn adopt(options: &OpenOptions, fd: i32, owners: &Owners) -> Result<Opened> {
    let copy = descriptor::duplicate(fd)
        .map_err(|e| Error::os("adopt the descriptor", fd.to_string(), "fcntl(F_DUPFD)", &e))?;
    let there = crate::sys::tun::network_namespace(std::os::fd::AsFd::as_fd(&copy));
    let work = move || {
        let device = TunDevice::adopt(copy, fd, options.device.mode)?;
        let index = device.index();
        configure(device, Vec::new(), Some(index), options, owners)
    };
    let opened = match there {
        Ok(there) => namespace::within(&format!("/proc/self/fd/{}", there.as_raw_fd()), work),
        Err(_) => work(),
    }?;
    descriptor::close_given(fd)
        .map_err(|e| Error::os("adopt the descriptor", fd.to_string(), "close", &e))?;
    Ok(opened)
}

fn configure(
    device: TunDevice,
    further: Vec<TunDevice>,
    index_before: Option<u32>,
    options: &OpenOptions,
    owners: &Owners,
) -> Result<Opened> {
    let runtime = super::runtime()?;
    let offloads = if device.has_vnet_header() {
        device.negotiate_offloads(options.offloads)?
    } else {
        // The mask belongs to the device, and an earlier owner may have set it.
        device.negotiate_offloads(Offloads::default())?
    };
    let spec = Spec {
        addresses: &options.addresses,
        routes: &options.routes,
        mtu: options.mtu,
        mac: options.mac,
        tx_queue_length: options.tx_queue_length,
        send_buffer_bytes: options.send_buffer_bytes,
        link_type: options.link_type,
        link_local: options.link_local,
        up: options.up,
        ..Spec::default()
    };
    let (mtu, existed) = runtime.block_on(async {
        let configured = interface::configure(&device, index_before, &spec).await?;
        if let Err(error) = own(&device, options, owners) {
            let _ = configured.undo.run().await;
            return Err(error);
        }
        Ok((configured.mtu, configured.existed))
    })?;
    let queues = std::iter::once(device).chain(further).collect();
    Ok(Opened { queues, mtu, offloads, existed })
}

/// Sets owner, group and persistence. This is the last step, so an earlier failure does not leave a new device.
fn own(device: &TunDevice, options: &OpenOptions, owners: &Owners) -> Result<()> {
    if let Some(uid) = owners.user {
        device.set_owner(uid)?;
    }
    if let Some(gid) = owners.group {
        device.set_group(gid)?;
    }
    options.persist.map_or(Ok(()), |persist| device.set_persistent(persist))
}
