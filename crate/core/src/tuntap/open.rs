//! Opening a device and making it what the options say. A failure at any point leaves nothing
//! behind.

use super::identity::Identity;
use super::options::OpenOptions;
use super::undo::{Change, Setting, Undo};
use crate::device::{DeviceOptions, Offloads, TunDevice, principal};
use crate::error::{Error, ErrorCode, Result};
use crate::namespace;
use crate::netlink::{Connection, LinkChange, LinkRef};
use crate::sys::{interface, tun_control};
use ipnet::IpNet;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

/// An open device.
#[derive(Debug)]
pub struct Opened {
    /// Its queues, one at least.
    pub queues: Vec<TunDevice>,
    /// Its MTU, bytes.
    pub mtu: u32,
    /// Which super-packets the kernel hands over.
    pub offloads: Offloads,
    /// The interface was there before.
    pub existed: bool,
}

/// Owner and group, looked up before anything is touched.
struct Owners {
    user: Option<u32>,
    group: Option<u32>,
}

/// Opens the device that `options` describe, and configures it; waits until that is done.
///
/// What is added to an interface that was there before stays after the end, as with `ip`.
pub fn open(options: &OpenOptions) -> Result<Opened> {
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
    let existed = name.is_some_and(|name| interface::index_of(name).is_ok());
    if options.must_exist && !existed {
        let reason = "there is no such interface";
        let subject = name.unwrap_or("an interface");
        return Err(Error::new(ErrorCode::NotFound, "attach to", subject, reason)
            .with_advice("make it first, or do not ask for one that exists"));
    }
    let first = open_patiently(&options.device)?;
    let further = further_queues(&first, options)?;
    configure(first, further, existed, options, owners)
}

/// How often a device that is busy is tried again, and when.
const BUSY_RETRIES: u32 = 5;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Opens a device; one that was closed a moment ago may be busy for another: a process that was forked
/// meanwhile and has not begun its program, or one that looks who holds what, has a copy of its descriptor.
fn open_patiently(options: &DeviceOptions) -> Result<TunDevice> {
    for _ in 0..BUSY_RETRIES {
        match TunDevice::open(options) {
            Err(error) if error.code() == ErrorCode::Busy => thread::sleep(BUSY_PAUSE),
            result => return result,
        }
    }
    TunDevice::open(options)
}

/// The other queues of a device, which is there now.
fn further_queues(first: &TunDevice, options: &OpenOptions) -> Result<Vec<TunDevice>> {
    let further = DeviceOptions {
        name: Some(first.name().to_owned()),
        is_exclusive: false,
        index: None,
        ..options.device.clone()
    };
    (1..options.queues.max(1)).map(|_| TunDevice::open(&further)).collect()
}

/// The descriptor given stays the caller's until all is done.
fn adopt(options: &OpenOptions, fd: i32, owners: &Owners) -> Result<Opened> {
    let copy = tun_control::duplicate(fd)
        .map_err(|e| Error::os("adopt the descriptor", fd.to_string(), "fcntl(F_DUPFD)", &e))?;
    let there = crate::sys::tun::network_namespace(std::os::fd::AsFd::as_fd(&copy));
    let work = move || configure(TunDevice::adopt(copy)?, Vec::new(), true, options, owners);
    let opened = match there {
        Ok(there) => namespace::within(&format!("/proc/self/fd/{}", there.as_raw_fd()), work),
        Err(_) => work(),
    }?;
    tun_control::close_given(fd)
        .map_err(|e| Error::os("adopt the descriptor", fd.to_string(), "close", &e))?;
    Ok(opened)
}

fn configure(
    device: TunDevice,
    further: Vec<TunDevice>,
    existed: bool,
    options: &OpenOptions,
    owners: &Owners,
) -> Result<Opened> {
    let runtime = super::runtime()?;
    let offloads = if device.has_vnet_header() {
        device.negotiate_offloads(options.offloads)?
    } else {
        // The mask belongs to the device and may be left over from an earlier owner.
        device.negotiate_offloads(Offloads::default())?
    };
    let mtu = runtime.block_on(async {
        let connection = Connection::open()?;
        let mut undo = if existed {
            Undo::new(Identity::of(&device)?, Connection::open()?)
        } else {
            Undo::default()
        };
        let work = Work { device: &device, existed, options, connection };
        let configured = match work.configure(&mut undo).await {
            Ok(mtu) => own(&device, options, owners).map(|()| mtu),
            Err(error) => Err(error),
        };
        if configured.is_err() {
            let _ = undo.run().await;
        }
        configured
    })?;
    let queues = std::iter::once(device).chain(further).collect();
    Ok(Opened { queues, mtu, offloads, existed })
}

/// Owner, group and persistence: last, so that what failed before leaves no new device behind.
fn own(device: &TunDevice, options: &OpenOptions, owners: &Owners) -> Result<()> {
    if let Some(uid) = owners.user {
        device.set_owner(uid)?;
    }
    if let Some(gid) = owners.group {
        device.set_group(gid)?;
    }
    options.persist.map_or(Ok(()), |persist| device.set_persistent(persist))
}

struct Work<'a> {
    device: &'a TunDevice,
    existed: bool,
    options: &'a OpenOptions,
    connection: Connection,
}

impl Work<'_> {
    /// Makes the interface what the options say, and answers its MTU.
    async fn configure(&self, undo: &mut Undo) -> Result<u32> {
        let Self { device, options, connection, .. } = self;
        let (index, name) = (device.index(), device.name());
        if let Some(bytes) = options.send_buffer_bytes {
            device.set_send_buffer(bytes)?;
        }
        if let Some(link_type) = options.link_type {
            device.set_link_type(link_type)?;
        }
        let before = connection.link(&LinkRef::Index(index)).await?;
        if let Some(mac) = options.mac {
            device.set_mac(mac)?;
            if let Some(before) = before.mac_address.clone() {
                let set = mac.map(|byte| format!("{byte:02x}")).join(":");
                undo.record(Change::Mac(Setting { before, set }));
            }
        }
        if !self.existed && !options.link_local {
            // It must be a message of its own, before the link is up.
            connection.disable_address_generation(index, name).await?;
        }
        let mtu = options.mtu.unwrap_or(before.mtu);
        if mtu != before.mtu {
            let change = LinkChange { mtu: Some(mtu), ..LinkChange::default() };
            connection.set_link(index, name, &change).await?;
            undo.record(Change::Mtu(Setting { before: before.mtu, set: mtu }));
        }
        if let Some(set) = options.tx_queue_length {
            let change = LinkChange { tx_queue_length: Some(set), ..LinkChange::default() };
            connection.set_link(index, name, &change).await?;
            undo.record(Change::TxQueueLength(Setting { before: before.tx_queue_length, set }));
        }
        for address in &options.addresses {
            self.add_address(*address, undo).await?;
        }
        if let Some(up) = options.up.filter(|up| *up != before.up) {
            let change = LinkChange { up: Some(up), ..LinkChange::default() };
            connection.set_link(index, name, &change).await?;
            undo.record(Change::Up(up));
        }
        for route in &options.routes {
            self.add_route(*route, undo).await?;
        }
        Ok(mtu)
    }

    /// What an interface had before is what was asked for.
    async fn add_address(&self, address: IpNet, undo: &mut Undo) -> Result<()> {
        match self.connection.add_address(self.device.index(), address).await {
            Ok(()) => undo.record(Change::Address(address)),
            Err(error) if error.code() == ErrorCode::Exists && self.existed => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn add_route(&self, route: IpNet, undo: &mut Undo) -> Result<()> {
        match self.connection.add_route(self.device.index(), route).await {
            Ok(()) => undo.record(Change::Route(route)),
            Err(error) if error.code() == ErrorCode::Exists && self.existed => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
