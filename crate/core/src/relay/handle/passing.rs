//! Passes a running relay on to another one, which may be in another process.

use super::Relay;
use crate::error::Result;
use crate::relay::handover::{QueueDescriptors, RelayState, closed};
use std::time::Duration;

/// How long the queues may take to pause.
const PAUSE_LIMIT: Duration = Duration::from_secs(2);

impl Relay {
    /// Duplicates the descriptors of all queues. The caller owns the duplicates: as long as one of a device is open, the
    /// interface exists.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Closed`](crate::ErrorCode::Closed) if the relay has ended.
    pub fn descriptors(&self) -> Result<Vec<QueueDescriptors>> {
        self.holdings.duplicate()
    }

    /// Returns the state that another relay continues with. It is exact while the relay is paused.
    #[must_use]
    pub fn state(&self) -> RelayState {
        let mut state = RelayState {
            addresses: self.info.addresses.clone(),
            routes: self.routes.clone(),
            changes: self.holdings.changes(),
            ..RelayState::default()
        };
        self.meter.save(&mut state);
        self.peers.save(&mut state);
        state
    }

    /// Returns the state as [`Relay::state`] does, and records the settings of the interface, which [`Relay::reclaim`]
    /// restores. Blocks on the kernel.
    #[must_use]
    pub fn offer(&self) -> RelayState {
        self.holdings.record_settings();
        self.state()
    }

    /// Pauses the relay: its queues send and write the packets that they have, and read no more. Returns the state. Blocks
    /// for at most two seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Closed`](crate::ErrorCode::Closed) if the relay has ended, or does not pause in time. Then it runs on.
    pub fn pause(&self) -> Result<RelayState> {
        if self.stop.pause(self.info.queues, PAUSE_LIMIT) {
            Ok(self.state())
        } else {
            Err(closed())
        }
    }

    /// Lets a relay run that began paused, and continues with `state`.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Closed`](crate::ErrorCode::Closed) if the relay is not paused.
    pub fn resume(&self, state: &RelayState) -> Result<()> {
        if !self.stop.is_pausing() {
            return Err(closed());
        }
        self.meter.restore(state);
        self.peers.restore(state);
        if self.stop.resume() { Ok(()) } else { Err(closed()) }
    }

    /// Sets everything again that another process may have changed through duplicates of the descriptors, lets the relay
    /// run if it is paused, and restores the settings of the interface at the time of [`Relay::offer`]. Blocks on the kernel.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Closed`](crate::ErrorCode::Closed) if the relay has ended. Otherwise the kernel refused a setting, and
    /// the relay runs.
    pub fn reclaim(&self) -> Result<()> {
        let is_set = self.holdings.set_again();
        self.stop.resume();
        is_set.and(self.holdings.restore_settings())
    }

    /// Ends a paused relay without removing anything: the interface and its settings belong to another relay.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Closed`](crate::ErrorCode::Closed) if the relay is not paused.
    pub fn release(&self) -> Result<()> {
        if self.stop.release() { Ok(()) } else { Err(closed()) }
    }
}
