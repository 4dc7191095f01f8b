//! The deadlines of peers: path MTUs that expire, keepalives, and silence.

use super::{PathMtuChange, Peer, PeerChange, PeerIndex, PeerTable};
use crate::relay::peers::changes::LivenessChange;
use crate::relay::peers::settings::is_at;
use crate::sys::socket::ErrorReport;
use crate::udp::{ErrorKind, Sent};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// The actions that passed deadlines require of the caller.
#[derive(Debug, Default)]
pub(in crate::relay::peers) struct Expired {
    /// Peers to which a keepalive is due.
    pub(in crate::relay::peers) keepalives: Vec<PeerIndex>,
    /// Silent peers, and the endpoint that is tried next.
    pub(in crate::relay::peers) moves: Vec<(Arc<Peer>, SocketAddr)>,
}

impl PeerTable {
    /// Returns whether a peer has a keepalive.
    pub(in crate::relay::peers) fn has_keepalive(&self) -> bool {
        self.has_keepalive
    }

    /// Handles deadlines that have passed. Returns what is left to the caller.
    pub(in crate::relay::peers) fn expire(&self, now: Instant) -> Expired {
        let (timers, mut expired) = (&self.upkeep.timers, Expired::default());
        let now = timers.millis(now);
        if !timers.take_due(now) {
            return expired;
        }
        for (peer, number) in self.peers.iter().zip(0..) {
            self.expire_path_mtu(peer, now);
            let is_silent = match peer.settings().keepalive {
                None => peer.has_alternatives() && peer.liveness().take_failure(now),
                Some(interval) => {
                    let due = peer.liveness().due(interval, now);
                    if due.keepalive {
                        expired.keepalives.push(PeerIndex(number));
                    }
                    if due.is_down {
                        self.note_liveness(peer, false);
                    }
                    timers.schedule(due.next);
                    due.endpoint
                }
            };
            if let Some(next) = peer.next_endpoint().filter(|_| is_silent) {
                peer.liveness().restart(now);
                expired.moves.push((Arc::clone(peer), next));
                timers.schedule(now);
            }
        }
        expired
    }

    fn expire_path_mtu(&self, peer: &Peer, now: u64) {
        // One that is learned later has a deadline of its own.
        if peer.path().learned().is_none() {
            return;
        }
        let before = peer.reported_mtu();
        match peer.path().expire(now) {
            Some(at) => self.upkeep.timers.schedule(at),
            None if before.is_some() => {
                let change = PathMtuChange { peer: peer.endpoint(), reported: None, before };
                self.upkeep.changes.add(PeerChange::PathMtu(change));
            }
            None => {}
        }
    }

    /// Reports that a peer is up or down.
    #[cold]
    pub(in crate::relay::peers) fn note_liveness(&self, peer: &Peer, is_up: bool) {
        let (name, endpoint) = (peer.name().map(str::to_owned), peer.endpoint());
        self.upkeep.changes.add(PeerChange::Liveness(LivenessChange { name, endpoint, is_up }));
    }

    /// Records error reports about endpoints that refuse datagrams or cannot be reached.
    pub(super) fn note_failures(&self, reports: &[ErrorReport]) {
        for report in reports {
            if let (Some(ErrorKind::Refused | ErrorKind::Unreachable), Some(destination)) =
                (ErrorKind::of(report), report.destination)
            {
                let is_concerned = |peer: &&Arc<Peer>| is_at(peer.endpoint(), destination);
                self.peers.iter().filter(is_concerned).for_each(|peer| self.note_failure(peer));
            }
        }
    }

    /// Records that the kernel refused messages to a peer because it cannot be reached.
    #[cold]
    pub(in crate::relay) fn note_unreachable(&self, messages: &[Sent]) {
        for message in messages.iter().filter(|message| message.dropped > 0) {
            self.peers
                .get(message.shape.to as usize)
                .into_iter()
                .for_each(|peer| self.note_failure(peer));
        }
    }

    /// Records a failure of the endpoint of a peer, if it has several and no keepalive.
    fn note_failure(&self, peer: &Peer) {
        if peer.has_alternatives() && peer.settings().keepalive.is_none() {
            peer.liveness().note_failure();
            self.upkeep.timers.schedule(self.upkeep.timers.millis(Instant::now()));
        }
    }
}
