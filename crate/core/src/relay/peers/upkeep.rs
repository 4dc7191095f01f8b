//! State that all tables of a relay share.

use super::changes::Changes;
use super::timers::Timers;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// State that all tables of a relay share.
#[derive(Debug)]
pub(super) struct Upkeep {
    pub(super) timers: Timers,
    /// How long a reported path MTU is valid.
    pub(super) path_mtu_lifetime: Duration,
    /// Whether reported path MTUs are recorded.
    pub(super) follows_path_mtu: bool,
    /// Changes of path MTUs that were not taken yet.
    pub(super) changes: Changes,
    /// Changes with each peer's local address.
    pub(super) local_version: AtomicU32,
}

impl Upkeep {
    /// With `follows_path_mtu`, reports of path MTUs are recorded; otherwise they are ignored.
    pub(super) fn new(path_mtu_lifetime: Duration, follows_path_mtu: bool) -> Self {
        let changes = Changes::default();
        let (timers, local_version) = (Timers::new(), AtomicU32::new(0));
        Self { timers, path_mtu_lifetime, follows_path_mtu, changes, local_version }
    }
}
