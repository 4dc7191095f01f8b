//! The state of the interface of an open device, with the kernel's counter of packets that it dropped instead of passing
//! them to its reader.

use super::identity::Identity;
use crate::device::TunDevice;
use crate::error::{Error, Result};
use crate::netlink::names::OperState;
use crate::netlink::{Connection, RawSocket};
use tokio::runtime::{Builder, Runtime};

/// The state of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceState {
    /// Its present name.
    pub name: String,
    /// Whether it is up.
    pub is_up: bool,
    /// Its MTU, bytes.
    pub mtu: u32,
    /// Operational state (RFC 2863).
    pub oper_state: OperState,
    /// The most packets that wait for its reader.
    pub tx_queue_length: u32,
    /// The number of times that the carrier appeared or disappeared.
    pub carrier_changes: u32,
    /// Packets that it dropped instead of passing them to its reader (`tx_dropped`).
    pub dropped: u64,
    /// Packets that the kernel dropped after they were written (`rx_dropped`).
    pub rx_dropped: u64,
}

/// Reads the state of the interface of an open device, also after it was renamed or moved.
///
/// The driver counts a packet as dropped if the queue that it belongs to is full or has no reader. It keeps one counter per
/// interface, not per queue. Reading it needs no privilege.
pub(crate) struct StateReader {
    identity: Identity,
    socket: Option<RawSocket>,
    connected: Option<Connected>,
}

/// A connection, and the event loop that it is registered with.
struct Connected {
    connection: Connection,
    runtime: Runtime,
}

impl StateReader {
    /// Prepares reading the state of the interface of `device`, which is in the calling thread's network namespace.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorCode::Exhausted`] if the process has no descriptor left.
    pub(crate) fn of(device: &TunDevice) -> Result<Self> {
        let identity = Identity::of(device)?;
        Ok(Self { identity, socket: Some(RawSocket::open(&[])?), connected: None })
    }

    /// Returns the state; `None` if the interface was deleted. Waits while another process changes interfaces.
    pub(crate) fn read(&mut self) -> Result<Option<InterfaceState>> {
        if let Some(socket) = self.socket.take() {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|e| {
                Error::os("read the state of", self.identity.name(), "epoll_create1", &e)
            })?;
            let connection = {
                let _entered = runtime.enter();
                Connection::over(socket)?
            };
            self.connected = Some(Connected { connection, runtime });
        }
        let Some(Connected { connection, runtime }) = &self.connected else { return Ok(None) };
        let found = runtime.block_on(self.identity.look_up(connection))?;
        Ok(found.map(|found| InterfaceState {
            is_up: found.link.up,
            mtu: found.link.mtu,
            oper_state: found.link.oper_state,
            tx_queue_length: found.link.tx_queue_length,
            carrier_changes: found.link.carrier_changes,
            dropped: found.link.stats.as_ref().map_or(0, |stats| stats.tx_dropped),
            rx_dropped: found.link.stats.as_ref().map_or(0, |stats| stats.rx_dropped),
            name: found.link.name,
        }))
    }
}
