//! Devices that outlive their process: creating, removing and listing them with their holders.
//!
//! This needs both the driver's ioctls and RTNETLINK, which are independent of each other. Therefore this
//! module is above both. Each function works in the calling thread's network namespace, or on a new
//! thread in a specified one. It blocks until it is done.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

use crate::device::{self, Attachment, DeviceOptions, Holder, Mode, principal};
use crate::error::{Error, ErrorCode, Result};
use crate::namespace;
use crate::netlink::{Connection, TunLink, until_consistent};
use crate::sys::interface;
use std::path::PathBuf;

/// The options of [`create`].
#[derive(Clone, Debug, Default)]
pub struct CreateOptions {
    /// Mode, name, queues, clone device.
    pub device: DeviceOptions,
    /// Name or number of the user who may attach to it; `None` does not change it.
    pub owner: Option<String>,
    /// Name or number of the group whose members may attach to it; `None` does not change it.
    pub group: Option<String>,
    /// Name, path or process id of a network namespace; `None`: the calling thread's.
    pub netns: Option<String>,
}

/// A device and the processes that hold a queue of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The kernel's description of the device.
    pub link: TunLink,
    /// The holders, sorted by process id; only processes that the caller may inspect.
    pub holders: Vec<Holder>,
}

/// Creates a persistent device, or makes an existing device persistent: `ip tuntap add`.
///
/// An existing device keeps its settings, except for the owner and group if given. If a step fails, a
/// device that this call created is removed.
pub fn create(options: &CreateOptions) -> Result<TunLink> {
    let owner = options.owner.as_deref().map(principal::user).transpose()?;
    let group = options.group.as_deref().map(principal::group).transpose()?;
    within(options.netns.as_deref(), || {
        let device = attach(&options.device)?;
        if let Some(uid) = owner {
            device.set_owner(uid)?;
        }
        if let Some(gid) = group {
            device.set_group(gid)?;
        }
        // This is the last step, so a failure before it does not leave a new device.
        device.set_persistent(true)?;
        links()?.into_iter().find(|link| link.name == device.name()).ok_or_else(|| {
            let reason = "it was deleted meanwhile";
            Error::new(ErrorCode::DeviceDeleted, "make persistent", device.name(), reason)
        })
    })
}

/// Attaches to the device. An existing device keeps its header flags: they belong to the device, and
/// another process may be reading from it.
fn attach(options: &DeviceOptions) -> Result<Attachment> {
    let name = options.name.as_deref();
    // An alternative name resolves to the same index.
    let index = name.and_then(|name| interface::index_of(name).ok());
    let there = match index {
        Some(index) => links()?.into_iter().find(|link| link.index == index),
        None => None,
    };
    let has_vnet_header =
        there.as_ref().map_or(options.has_vnet_header, |link| link.has_vnet_header);
    let has_packet_information = there.is_some_and(|link| link.has_packet_information);
    let options = DeviceOptions { has_vnet_header, ..options.clone() };
    Attachment::open(&options, has_packet_information)
}

/// The options of [`remove`].
#[derive(Clone, Debug)]
pub struct RemoveOptions {
    /// The name of the device, or one of its alternative names.
    pub name: String,
    /// Path of the clone device.
    pub clone_device: PathBuf,
    /// Name, path or process id of a network namespace; `None`: the calling thread's.
    pub netns: Option<String>,
}

/// Ends the persistence of a device: `ip tuntap delete`. The device ends too, unless a process holds it.
pub fn remove(options: &RemoveOptions) -> Result<()> {
    within(options.netns.as_deref(), || {
        let link = find(&options.name)?;
        let device = DeviceOptions {
            mode: if link.is_tap { Mode::Tap } else { Mode::Tun },
            name: Some(link.name),
            clone_device: options.clone_device.clone(),
            has_vnet_header: link.has_vnet_header,
            is_multi_queue: link.is_multi_queue,
            ..DeviceOptions::default()
        };
        Attachment::open(&device, link.has_packet_information)?.set_persistent(false)
    })
}

/// Returns all TUN and TAP devices, sorted by index, each with the processes that hold it.
pub fn list(netns: Option<&str>) -> Result<Vec<Listed>> {
    within(netns, || {
        let links = links()?;
        let mut holders = device::holders();
        let listed = links.into_iter().map(|link| {
            let holders = holders.remove(&link.name).unwrap_or_default();
            Listed { link, holders }
        });
        Ok(listed.collect())
    })
}

/// Returns the persistent device of that name.
fn find(name: &str) -> Result<TunLink> {
    device::check_name(name)?;
    let index = interface::index_of(name).map_err(|e| {
        Error::os("remove", name, "if_nametoindex", &e)
            .with_code(ErrorCode::NotFound)
            .with_advice("see \"ip link show type tun\" for those that are there")
    })?;
    let Some(link) = links()?.into_iter().find(|link| link.index == index) else {
        let reason = "not a TUN or TAP device";
        return Err(Error::new(ErrorCode::DeviceMismatch, "remove", name, reason)
            .with_advice("remove it by \"ip link delete\""));
    };
    if !link.is_persistent {
        let reason = "it is not persistent";
        return Err(Error::new(ErrorCode::DeviceMismatch, "remove", name, reason)
            .with_advice("it ends with the process that holds it"));
    }
    Ok(link)
}

fn links() -> Result<Vec<TunLink>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::os("start", "the runtime of a netlink socket", "epoll_create1", &e))?;
    // If other programs add and delete links all the time, the table may change while it is read.
    runtime.block_on(until_consistent(async || Connection::open()?.tun_links().await))
}

fn within<T: Send>(netns: Option<&str>, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    match netns {
        Some(name) => namespace::within(name, work),
        None => work(),
    }
}
