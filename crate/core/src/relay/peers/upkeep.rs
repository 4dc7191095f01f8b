//! State that all tables of a relay share.

use super::changes::Changes;
use super::timers::Timers;
use super::zone::Zones;
use crate::relay::wire::Wire;
use crate::sys::poll::WakeUp;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

/// State that all tables of a relay share.
#[derive(Debug)]
pub(super) struct Upkeep {
    pub(super) timers: Timers,
    /// How long a reported path MTU is valid.
    pub(super) path_mtu_lifetime: Duration,
    /// Whether reported path MTUs are recorded.
    pub(super) follows_path_mtu: bool,
    /// Changes of peers that were not taken yet.
    pub(super) changes: Changes,
    /// Bytes of payload of datagrams from addresses that are not a peer's.
    pub(super) foreign_bytes: AtomicU64,
    /// Changes with each peer's local address.
    pub(super) local_version: AtomicU32,
    /// Whether all datagrams come from the receiving port. It is known once there are sockets.
    has_one_source_port: AtomicBool,
    /// The format of datagrams.
    pub(super) wire: Wire,
    /// Wakes the queues. It is dropped with them.
    wake_up: OnceLock<Weak<WakeUp>>,
    zones: Mutex<Zones>,
}

impl Upkeep {
    /// With `follows_path_mtu`, reports of path MTUs are recorded; otherwise they are ignored.
    pub(super) fn new(
        path_mtu_lifetime: Duration,
        follows_path_mtu: bool,
        zones: Zones,
        wire: Wire,
    ) -> Self {
        let changes = Changes::default();
        let (timers, local_version) = (Timers::new(), AtomicU32::new(0));
        let zones = Mutex::new(zones);
        let foreign_bytes = AtomicU64::new(0);
        Self {
            timers,
            path_mtu_lifetime,
            follows_path_mtu,
            changes,
            foreign_bytes,
            local_version,
            has_one_source_port: AtomicBool::new(true),
            wire,
            wake_up: OnceLock::new(),
            zones,
        }
    }

    /// The same with another clock.
    pub(super) fn with_timers(self, timers: Timers) -> Self {
        Self { timers, ..self }
    }

    /// Records whether all datagrams come from the receiving port.
    pub(super) fn set_one_source_port(&self, has_one: bool) {
        self.has_one_source_port.store(has_one, Ordering::Relaxed);
    }

    /// Returns whether all datagrams come from the receiving port.
    #[inline]
    pub(super) fn has_one_source_port(&self) -> bool {
        self.has_one_source_port.load(Ordering::Relaxed)
    }

    /// Sets what wakes the queues.
    pub(super) fn set_wake_up(&self, wake_up: &Arc<WakeUp>) {
        let _ = self.wake_up.set(Arc::downgrade(wake_up));
    }

    /// Makes a deadline of peers due now, also if all queues sleep.
    pub(super) fn expire_now(&self) {
        self.timers.schedule(0);
        if let Some(wake_up) = self.wake_up.get().and_then(Weak::upgrade) {
            wake_up.wake();
        }
    }

    /// Locks the interfaces of link-local peers. The lock is held while a table is replaced, since the new table keeps
    /// peers of the old one.
    pub(super) fn lock_table(&self) -> MutexGuard<'_, Zones> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
