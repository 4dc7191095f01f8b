//! State that all tables of a relay share.

use super::changes::Changes;
use super::timers::Timers;
use super::zone::Zones;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
    zones: Mutex<Zones>,
}

impl Upkeep {
    /// With `follows_path_mtu`, reports of path MTUs are recorded; otherwise they are ignored.
    pub(super) fn new(path_mtu_lifetime: Duration, follows_path_mtu: bool, zones: Zones) -> Self {
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
            zones,
        }
    }

    /// Locks the interfaces of link-local peers. The lock is held while a table is replaced, since the new table keeps
    /// peers of the old one.
    pub(super) fn lock_table(&self) -> MutexGuard<'_, Zones> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
