//! The kernel's counter of packets that an interface dropped instead of passing them to its reader.

use super::identity::Identity;
use crate::device::TunDevice;
use crate::error::{Error, Result};
use crate::netlink::{Connection, RawSocket};
use tokio::runtime::{Builder, Runtime};

/// Reads `tx_dropped` of the interface of an open device, also after it was renamed or moved.
///
/// The driver counts a packet there if the queue that it belongs to is full or has no reader. It keeps one counter per
/// interface, not per queue. Reading it needs no privilege.
pub(crate) struct DropCounter {
    identity: Identity,
    socket: Option<RawSocket>,
    connected: Option<Connected>,
}

/// A connection, and the event loop that it is registered with.
struct Connected {
    connection: Connection,
    runtime: Runtime,
}

impl DropCounter {
    /// Prepares reading the counter of `device`, whose interface is in the calling thread's network namespace.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorCode::Exhausted`] if the process has no descriptor left.
    pub(crate) fn of(device: &TunDevice) -> Result<Self> {
        let identity = Identity::of(device)?;
        Ok(Self { identity, socket: Some(RawSocket::open(&[])?), connected: None })
    }

    /// Returns the counter; `None` if the interface was deleted. Waits while another process changes interfaces.
    pub(crate) fn read(&mut self) -> Result<Option<u64>> {
        if let Some(socket) = self.socket.take() {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|e| {
                Error::os("read the counters of", self.identity.name(), "epoll_create1", &e)
            })?;
            let connection = {
                let _entered = runtime.enter();
                Connection::over(socket)?
            };
            self.connected = Some(Connected { connection, runtime });
        }
        let Some(Connected { connection, runtime }) = &self.connected else { return Ok(None) };
        let found = runtime.block_on(self.identity.look_up(connection))?;
        Ok(found.and_then(|found| found.link.stats).map(|stats| stats.tx_dropped))
    }
}
