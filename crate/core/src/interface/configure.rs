//! Applies the settings of an interface.

use super::identity::{Found, Identity};
use super::present;
use super::spec::{self, Spec};
use super::undo::{Change, Setting, Undo};
use crate::advice;
use crate::device::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::{Connection, Link, LinkChange};
use crate::sys::capability::Capability;
use crate::sys::{interface, tun_control};
use ipnet::IpNet;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// The time between two checks whether an IPv6 address has its local route, and their number: half a second in all.
const LOCAL_ROUTE_INTERVAL: Duration = Duration::from_millis(1);
const LOCAL_ROUTE_CHECKS: u32 = 500;

/// An interface that was configured.
pub(crate) struct Configured {
    /// The MTU of the interface, bytes.
    pub(crate) mtu: u32,
    /// The changes, if the interface outlives the device; empty otherwise.
    pub(crate) undo: Undo,
    /// The interface existed before the device was opened.
    pub(crate) existed: bool,
}

/// Returns the index of the interface `name` in the calling thread's network namespace, to be read before
/// a device is opened. If the device then has the same index, its interface existed.
pub(crate) fn index_of(name: Option<&str>) -> Option<u32> {
    name.and_then(|name| interface::index_of(name).ok())
}

/// Applies the settings of `spec` to the interface of `device`, and rolls back if one fails.
///
/// `index_before` is the result of [`index_of`] before the device was opened. An interface that had this
/// index, or is persistent, existed. Only the changes of an existing interface are recorded, because a
/// new one ends with its descriptor. Settings that are already in force are skipped without a request, so
/// an interface that is already configured needs no privilege.
pub(crate) async fn configure(
    device: &TunDevice,
    index_before: Option<u32>,
    spec: &Spec<'_>,
) -> Result<Configured> {
    let connection = Connection::open()?;
    let identity = Identity::of(device)?;
    let Found { link, elsewhere, is_certain, .. } =
        identity.look_up(&connection).await?.ok_or_else(|| deleted(device))?;
    if elsewhere.is_some() {
        let reason = "it was moved to another network namespace while it was opened";
        return Err(Error::new(ErrorCode::NotFound, "configure", device.name(), reason));
    }
    let existed =
        device.is_persistent() || index_before == Some(link.if_index) || spec.before.is_some();
    let undo = if existed { Undo::new(identity, Connection::open()?) } else { Undo::default() };
    let mut work = Work { device, spec, connection, link, existed, is_certain, undo };
    match work.apply().await {
        Ok(mtu) => Ok(Configured { mtu, undo: work.undo, existed }),
        Err(error) => {
            let _ = work.undo.run().await;
            Err(error)
        }
    }
}

/// Adds the advice to a refused route. A route of this interface is not added, so an equal one is that of another.
fn of_route(error: Error) -> Error {
    if error.code() != ErrorCode::Exists {
        return error;
    }
    error.with_advice(
        "another interface has this route: use the two halves of the network, or delete that route first",
    )
}

fn deleted(device: &TunDevice) -> Error {
    let reason = "the interface was deleted while it was opened";
    Error::new(ErrorCode::DeviceDeleted, "configure", device.name(), reason)
}

struct Work<'a> {
    device: &'a TunDevice,
    spec: &'a Spec<'a>,
    connection: Connection,
    /// The interface before the changes.
    link: Link,
    existed: bool,
    /// This process may change the interface: see [`Found`].
    is_certain: bool,
    undo: Undo,
}

mod former;

impl Work<'_> {
    /// Applies the settings in the order that the kernel requires. Returns the MTU.
    async fn apply(&mut self) -> Result<u32> {
        self.set_device()?;
        if !self.existed && !self.spec.link_local {
            // Otherwise the kernel would send router solicitations from a link-local address that it
            // generates. This must be a separate message, before the link is up.
            let Link { if_index, name, .. } = &self.link;
            self.connection.disable_address_generation(*if_index, name).await?;
        }
        let mtu = self.set_mtu().await?;
        self.set_queue_length().await?;
        self.remove_former_routes().await?;
        self.remove_former_addresses().await?;
        self.add_addresses().await?;
        self.set_state().await?;
        self.await_addresses().await;
        self.add_routes().await?;
        Ok(mtu)
    }

    /// Applies the settings that the driver has ioctls for. They affect only this device.
    fn set_device(&mut self) -> Result<()> {
        if let Some(set) = self.spec.send_buffer_bytes {
            let before = tun_control::send_buffer(self.device.as_fd()).map_err(|e| {
                let name = self.device.name();
                Error::os("read the send buffer of", name, "ioctl(TUNGETSNDBUF)", &e)
            })?;
            if before != set {
                self.device.set_send_buffer(set)?;
                self.undo.record(Change::SendBuffer(Setting { before, set }));
            }
        }
        let before = self.link.link_type.0;
        if let Some(set) = self.spec.link_type.filter(|set| *set != before) {
            self.device.set_link_type(set)?;
            self.undo.record(Change::LinkType(Setting { before, set }));
        }
        if let Some(mac) = self.spec.mac {
            let set = mac.map(|byte| format!("{byte:02x}")).join(":");
            let before = self.link.mac_address.clone().unwrap_or_default();
            if set != before {
                self.device.set_mac(mac)?;
                self.undo.record(Change::Mac(Setting { before, set }));
            }
        }
        Ok(())
    }

    async fn set_mtu(&mut self) -> Result<u32> {
        let before = self.link.mtu;
        let own = if self.existed { None } else { self.spec.new_mtu };
        let set = self.spec.mtu.or(own).unwrap_or(before);
        if let Some(check) = self.spec.check_mtu {
            check(set)?;
        }
        if set != before {
            self.may_change("set the MTU of", &self.link.name, &format!("mtu {set}"))?;
            self.set_link(LinkChange { mtu: Some(set), ..LinkChange::default() }).await?;
            self.undo.record(Change::Mtu(Setting { before, set }));
        }
        Ok(set)
    }

    async fn set_queue_length(&mut self) -> Result<()> {
        let before = self.link.tx_queue_length;
        if let Some(set) = self.spec.tx_queue_length.filter(|set| *set != before) {
            let setting = format!("txqueuelen {set}");
            self.may_change("set the queue length of", &self.link.name, &setting)?;
            self.set_link(LinkChange { tx_queue_length: Some(set), ..LinkChange::default() })
                .await?;
            self.undo.record(Change::TxQueueLength(Setting { before, set }));
        }
        Ok(())
    }

    async fn add_addresses(&mut self) -> Result<()> {
        let index = self.link.if_index;
        let present = if self.existed && !self.spec.addresses.is_empty() {
            present::addresses(index).await?
        } else {
            Vec::new()
        };
        for address in self.spec.addresses {
            if present::has_address(&present, *address, &self.link.name)? {
                continue;
            }
            self.may_add("add the address", "address", *address)?;
            self.connection.add_address(index, *address).await?;
            self.undo.record(Change::Address(*address));
        }
        Ok(())
    }

    async fn set_state(&mut self) -> Result<()> {
        if let Some(up) = self.spec.up.filter(|up| *up != self.link.up) {
            let (operation, advice) = if up { ("bring up", "up") } else { ("bring down", "down") };
            self.may_change(operation, &self.link.name, advice)?;
            self.set_link(LinkChange { up: Some(up), ..LinkChange::default() }).await?;
            self.undo.record(Change::Up(up));
        }
        Ok(())
    }

    /// Waits until the kernel receives packets to the IPv6 addresses. It adds their local routes a moment after the
    /// link is up, in a work queue (`addrconf_dad_work` in net/ipv6/addrconf.c), and drops packets to them until then.
    /// If it does not add one in time, the address is used as it is.
    async fn await_addresses(&self) {
        if self.spec.up != Some(true) {
            return;
        }
        let is_v6 = |address: &&IpNet| matches!(address, IpNet::V6(_));
        for address in self.spec.addresses.iter().filter(is_v6) {
            for _ in 0..LOCAL_ROUTE_CHECKS {
                if present::has_local_route(&self.connection, *address, self.link.if_index).await {
                    break;
                }
                tokio::time::sleep(LOCAL_ROUTE_INTERVAL).await;
            }
        }
    }

    /// Adds the routes, a default route as two halves. A route that the interface already has is
    /// accepted, for example the network of an address. A route through another interface is not.
    async fn add_routes(&mut self) -> Result<()> {
        let index = self.link.if_index;
        if self.spec.routes.is_empty() {
            return Ok(());
        }
        let present = present::routes(index).await?;
        let mut added = Vec::new();
        let missing =
            self.spec.routes.iter().filter(|route| !present::has_route(&present, **route));
        for route in missing.flat_map(|route| spec::halves(*route)) {
            if present::has_route(&present, route) || added.contains(&route) {
                continue;
            }
            self.may_add("add the route", "route", route)?;
            self.connection.add_route(index, route).await.map_err(of_route)?;
            self.undo.record(Change::Route(route));
            added.push(route);
        }
        Ok(())
    }

    async fn set_link(&self, change: LinkChange) -> Result<()> {
        self.connection.set_link(self.link.if_index, &self.link.name, &change).await
    }

    fn may_change(&self, operation: &'static str, subject: &str, setting: &str) -> Result<()> {
        self.permit(operation, subject, &format!("ip link set dev {} {setting}", self.link.name))
    }

    fn may_add(&self, operation: &'static str, object: &str, network: IpNet) -> Result<()> {
        let command = format!("ip {object} add {network} dev {}", self.link.name);
        self.permit(operation, &network.to_string(), &command)
    }

    fn may_remove(&self, operation: &'static str, object: &str, network: IpNet) -> Result<()> {
        let command = format!("ip {object} delete {network} dev {}", self.link.name);
        self.permit(operation, &network.to_string(), &command)
    }

    /// Refuses a change of an interface that may be another one of the same name. The error is the
    /// kernel's error for a change without `CAP_NET_ADMIN`.
    fn permit(&self, operation: &'static str, subject: &str, command: &str) -> Result<()> {
        if self.is_certain {
            return Ok(());
        }
        let cause = io::Error::from_raw_os_error(libc::EPERM);
        let advice = format!(
            "{}, or have root prepare the interface: {command}",
            advice::permission(Capability::NetAdmin, "the interface's network namespace")
        );
        Err(Error::os(operation, subject, "ioctl(TUNGETDEVNETNS)", &cause).with_advice(advice))
    }
}
