//! What a relay added to a device that was there before, and how to take it back.

use crate::netlink::{Connection, LinkChange, MacAddress};
use ipnet::IpNet;

/// The changes to one interface, to be taken back in the opposite order.
///
/// A device of the relay's own ends with its descriptor and takes everything along, so nothing is
/// recorded for it. Taking back goes on past what is gone already.
#[derive(Default)]
pub(crate) struct Undo {
    interface_index: u32,
    interface: String,
    connection: Option<Connection>,
    changes: Vec<Change>,
}

/// One change, as it has to be known to take it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The MTU was this before, bytes.
    Mtu(u32),
    /// The queue length was this before, packets.
    TxQueueLength(u32),
    /// The hardware address was this before.
    Mac(Option<String>),
    /// The most segments of a super-packet were this before.
    GsoMaxSegments(u32),
    /// This address was added.
    Address(IpNet),
    /// The link was brought up.
    Up,
    /// This route was added.
    Route(IpNet),
}

impl Undo {
    /// Takes over `connection`, which must be of the interface's network namespace.
    pub(crate) fn new(interface_index: u32, interface: &str, connection: Connection) -> Self {
        let interface = interface.to_owned();
        Self { interface_index, interface, connection: Some(connection), changes: Vec::new() }
    }

    pub(crate) fn record(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Takes everything back. Errors are of things that are gone already, or cannot be helped.
    pub(crate) async fn run(&self) {
        let Some(connection) = &self.connection else { return };
        for change in self.changes.iter().rev() {
            let _ = self.take_back(connection, change).await;
        }
    }

    async fn take_back(&self, connection: &Connection, change: &Change) -> crate::Result<()> {
        let index = self.interface_index;
        match change {
            Change::Mtu(mtu) => {
                let change = LinkChange { mtu: Some(*mtu), ..LinkChange::default() };
                connection.set_link(index, &self.interface, &change).await
            }
            Change::TxQueueLength(packets) => {
                let change =
                    LinkChange { tx_queue_length: Some(*packets), ..LinkChange::default() };
                connection.set_link(index, &self.interface, &change).await
            }
            Change::Mac(address) => {
                let mac_address = address.as_deref().and_then(MacAddress::parse);
                let change = LinkChange { mac_address, ..LinkChange::default() };
                connection.set_link(index, &self.interface, &change).await
            }
            Change::GsoMaxSegments(segments) => {
                let change = LinkChange { gso_max_segs: Some(*segments), ..LinkChange::default() };
                connection.set_link(index, &self.interface, &change).await
            }
            Change::Address(address) => connection.delete_address(index, *address).await,
            Change::Up => {
                let change = LinkChange { up: Some(false), ..LinkChange::default() };
                connection.set_link(index, &self.interface, &change).await
            }
            Change::Route(route) => connection.delete_route(index, *route).await,
        }
    }
}
