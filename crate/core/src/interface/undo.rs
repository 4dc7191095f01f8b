//! Records changes of an interface that outlives its user, and rolls them back.

use super::identity::{Found, Identity};
use super::present;
use crate::error::{Error, ErrorCode, Result};
use crate::netlink::{Connection, Link, LinkChange, MacAddress};
use crate::sys::tun_control;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{fmt, io};

/// The changes of one interface, to be rolled back in the opposite order.
///
/// A device that ends with its descriptor discards its changes, so nothing is recorded for it.
#[derive(Default)]
pub(crate) struct Undo {
    subject: Option<Subject>,
    changes: Vec<Change>,
}

/// The interface that was changed.
struct Subject {
    identity: Identity,
    /// A connection to the network namespace where it was configured.
    connection: Connection,
}

/// A property of a link: its value before the change, and the value that was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting<T> {
    pub(crate) before: T,
    pub(crate) set: T,
}

/// One change, with the data to roll it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// The MTU, bytes.
    Mtu(Setting<u32>),
    /// The length of the transmit queue, packets.
    TxQueueLength(Setting<u32>),
    /// The hardware address.
    Mac(Setting<String>),
    /// The limit of written bytes that the stack has not taken, before a write waits.
    SendBuffer(Setting<i32>),
    /// The link type, `ARPHRD_*`.
    LinkType(Setting<u16>),
    /// This address was added.
    Address(IpNet),
    /// The link was brought up (`true`) or down.
    Up(bool),
    /// This route was added.
    Route(IpNet),
}

impl Undo {
    /// Creates an empty record for the interface of `identity`; `connection` is to its network
    /// namespace.
    pub(crate) fn new(identity: Identity, connection: Connection) -> Self {
        Self { subject: Some(Subject { identity, connection }), changes: Vec::new() }
    }

    pub(crate) fn record(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Returns the changes in the order in which they were made.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Adds the changes that the former owner of the interface made, which are rolled back last.
    pub(crate) fn inherit(&mut self, changes: &[Change]) {
        self.changes.splice(0..0, changes.iter().cloned());
    }

    /// Rolls back every change that is still in force, only on the interface that was changed: before
    /// each step the device's descriptor identifies it. A step that fails does not stop the next ones.
    ///
    /// Some changes are skipped without an error:
    ///
    /// - everything, if the interface was deleted;
    /// - a property that has another value now;
    /// - an address or route that no longer exists;
    /// - after a move to another namespace, the addresses, routes and state that the kernel removed with
    ///   it.
    ///
    /// # Errors
    ///
    /// The first failure, with the list of the remaining changes.
    pub(crate) async fn run(&self) -> Result<()> {
        let Some(subject) = &self.subject else { return Ok(()) };
        let mut first = None;
        let mut left = Vec::new();
        for change in self.changes.iter().rev() {
            match subject.roll_back(change).await {
                Ok(()) => {}
                Err(error) => {
                    left.push(change.to_string());
                    first.get_or_insert(error);
                }
            }
        }
        let Some(error) = first else { return Ok(()) };
        let name = subject.identity.name();
        let reason = format!("{error}; the interface keeps {}", left.join(", "));
        Err(Error::new(error.code(), "restore the settings of", name, reason))
    }
}

impl Subject {
    async fn roll_back(&self, change: &Change) -> Result<()> {
        let Some(found) = self.identity.find(&self.connection).await? else { return Ok(()) };
        let Found { link, elsewhere, has_moved, .. } = &found;
        let connection = elsewhere.as_ref().unwrap_or(&self.connection);
        let result = match change {
            Change::Address(_) | Change::Route(_) | Change::Up(_) if *has_moved => Ok(()),
            Change::Address(address) => connection.delete_address(link.if_index, *address).await,
            Change::Route(route) => self.delete_route(link.if_index, *route).await,
            Change::SendBuffer(buffer) => self.restore_send_buffer(buffer),
            Change::LinkType(kind) => self.restore_link_type(kind, link),
            _ => match change.opposite(link) {
                Some(opposite) => connection.set_link(link.if_index, &link.name, &opposite).await,
                None => Ok(()),
            },
        };
        unless_gone(result)
    }

    /// Deletes a route that was added. The kernel deletes the first one that matches. If ours no longer
    /// exists, this may be another program's route with another metric or protocol.
    async fn delete_route(&self, index: u32, route: IpNet) -> Result<()> {
        if !present::has_own_route(&present::routes(index).await?, route) {
            return Ok(());
        }
        self.connection.delete_route(index, route).await
    }

    fn restore_send_buffer(&self, buffer: &Setting<i32>) -> Result<()> {
        let failed = |request, e: &io::Error| {
            Error::os("set the send buffer of", self.identity.name(), request, e)
        };
        let fd = self.identity.fd();
        let now = tun_control::send_buffer(fd).map_err(|e| failed("ioctl(TUNGETSNDBUF)", &e))?;
        if now != buffer.set {
            return Ok(());
        }
        tun_control::set_send_buffer(fd, buffer.before)
            .map_err(|e| failed("ioctl(TUNSETSNDBUF)", &e))
    }

    fn restore_link_type(&self, kind: &Setting<u16>, link: &Link) -> Result<()> {
        if link.link_type.0 != kind.set {
            return Ok(());
        }
        tun_control::set_link_type(self.identity.fd(), kind.before).map_err(|e| {
            Error::os("set the link type of", self.identity.name(), "ioctl(TUNSETLINK)", &e)
        })
    }
}

/// Returns the result of a deletion, and success if the address, the route or the interface no longer exists.
pub(super) fn unless_gone(result: Result<()>) -> Result<()> {
    result.or_else(|error| match error.code() {
        ErrorCode::NotFound | ErrorCode::AddressNotAvailable => Ok(()),
        _ => Err(error),
    })
}

impl Change {
    /// Returns the change that restores a property of the link. Returns nothing if another value than the
    /// set one is in force.
    fn opposite(&self, link: &Link) -> Option<LinkChange> {
        let nothing = LinkChange::default;
        match self {
            Self::Mtu(mtu) => {
                (link.mtu == mtu.set).then(|| LinkChange { mtu: Some(mtu.before), ..nothing() })
            }
            Self::TxQueueLength(length) => (link.tx_queue_length == length.set)
                .then(|| LinkChange { tx_queue_length: Some(length.before), ..nothing() }),
            Self::Mac(mac) => (link.mac_address.as_ref() == Some(&mac.set)).then(|| {
                let mac_address = MacAddress::parse(&mac.before);
                LinkChange { mac_address, ..nothing() }
            }),
            Self::Up(up) => (link.up == *up).then(|| LinkChange { up: Some(!up), ..nothing() }),
            Self::SendBuffer(_) | Self::LinkType(_) | Self::Address(_) | Self::Route(_) => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mtu(mtu) => write!(f, "MTU {} (was {})", mtu.set, mtu.before),
            Self::TxQueueLength(length) => {
                write!(f, "queue length {} (was {})", length.set, length.before)
            }
            Self::Mac(mac) => write!(f, "hardware address {} (was {})", mac.set, mac.before),
            Self::SendBuffer(buffer) => {
                write!(f, "send buffer {} (was {})", buffer.set, buffer.before)
            }
            Self::LinkType(kind) => write!(f, "link type {} (was {})", kind.set, kind.before),
            Self::Address(address) => write!(f, "address {address}"),
            Self::Up(true) => f.write_str("state up (was down)"),
            Self::Up(false) => f.write_str("state down (was up)"),
            Self::Route(route) => write!(f, "route {route}"),
        }
    }
}
