//! Changes of peers on their way to the relay's owner.

use super::path_mtu::PathMtu;
use crate::relay::wire::Wire;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Maximum number of changes that are kept until they are taken. Further ones are not reported; the statistics of the
/// peers have the newest values.
const MAX_CHANGES: usize = 4_096;

/// A change of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::relay) enum PeerChange {
    /// Its path MTU changed.
    PathMtu(PathMtuChange),
    /// Its datagrams go to another endpoint, which the relay chose.
    Endpoint(EndpointChange),
    /// It is up now, or down.
    Liveness(LivenessChange),
}

/// A peer that is up now, or down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::relay) struct LivenessChange {
    /// The name of the peer.
    pub(in crate::relay) name: Option<String>,
    /// Its endpoint.
    pub(in crate::relay) endpoint: SocketAddr,
    /// Whether it is up from now on.
    pub(in crate::relay) is_up: bool,
}

/// Another endpoint of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::relay) struct EndpointChange {
    /// The name of the peer.
    pub(in crate::relay) name: Option<String>,
    /// The endpoint until now.
    pub(in crate::relay) before: SocketAddr,
    /// The endpoint from now on.
    pub(in crate::relay) endpoint: SocketAddr,
}

/// A new path MTU of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relay) struct PathMtuChange {
    /// The endpoint of the peer.
    pub(in crate::relay) peer: SocketAddr,
    /// The MTU that was reported; `None`: the last report is not valid any more.
    pub(in crate::relay) reported: Option<PathMtu>,
    /// The MTU that was reported before; `None`: none.
    pub(in crate::relay) before: Option<PathMtu>,
}

impl PeerChange {
    /// Returns the same for datagrams of this format ([`PathMtu::within`]).
    pub(super) fn within(self, wire: Wire) -> Self {
        match self {
            Self::PathMtu(change) => Self::PathMtu(change.within(wire)),
            other => other,
        }
    }
}

impl PathMtuChange {
    fn within(self, wire: Wire) -> Self {
        let within = |path: PathMtu| path.within(wire);
        Self { reported: self.reported.map(within), before: self.before.map(within), ..self }
    }
}

/// Changes that were not taken yet. While there are none, taking them costs one relaxed load.
#[derive(Debug, Default)]
pub(super) struct Changes {
    is_any: AtomicBool,
    changes: Mutex<Vec<PeerChange>>,
}

impl Changes {
    pub(super) fn add(&self, change: PeerChange) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.len() < MAX_CHANGES {
            changes.push(change);
        }
        self.is_any.store(true, Ordering::Release);
    }

    #[inline]
    pub(super) fn take(&self) -> Vec<PeerChange> {
        if !self.is_any.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_any.store(false, Ordering::Release);
        std::mem::take(&mut changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::peers::PathMtuSource;

    #[test]
    fn changes_are_taken_once_and_are_bounded() {
        let changes = Changes::default();
        assert_eq!(changes.take(), []);
        let peer = "192.0.2.1:5".parse().unwrap();
        let source = PathMtuSource::Router;
        let reported = Some(PathMtu { outside: 1_400, inside: 1_372, source, router: None });
        let change =
            |reported, before| PeerChange::PathMtu(PathMtuChange { peer, reported, before });
        let both = [change(reported, None), change(None, reported)];
        both.iter().cloned().for_each(|change| changes.add(change));
        assert_eq!(changes.take(), both);
        assert_eq!(changes.take(), []);
        for _ in 0..2 * MAX_CHANGES {
            changes.add(change(None, None));
        }
        assert_eq!(changes.take().len(), MAX_CHANGES);
    }
}
