//! Decides whether datagrams to a peer go to another endpoint that the peer sends from.
//!
//! The address of an endpoint is never learned: without authentication, one forged datagram would redirect the traffic.
//! Only a datagram from a configured address, with a packet that is accepted, can change the endpoint: to the port that
//! it came from, or to a configured alternative.
//!
//! After a NAT has changed the port, nothing more comes from the old one. Therefore a new port is used with its first
//! datagram. If an old port sends again later, the peer has several ports (several source ports of a relay), or a
//! datagram from a new one was forged. From then on the endpoint changes only after a silence, except back to a configured
//! one, until no other port has sent for a while. So the endpoint does not alternate.

use crate::relay::config::FollowPort;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Datagrams from an old port during this time are late, milliseconds: the network may have reordered them.
const GRACE: u64 = 1_000;

/// The number of changes with less than [`GRACE`] between them.
const QUICK: u32 = 8;

/// How long the current endpoint of a peer with several ports is silent before another one is used, milliseconds.
const SILENCE: u64 = 5_000;

/// A peer has one port again if only its current one has sent for this time, milliseconds.
const MEMORY: u64 = 60_000;

/// The number of endpoints that are remembered.
const ENDPOINTS: usize = 8;

/// The state of the endpoints that a peer sends from. Times are milliseconds of the clock of the relay's timers.
#[derive(Debug, Default)]
struct PortHistory {
    /// The endpoints before the last changes, the newest last.
    left: Vec<SocketAddr>,
    /// The time of the last change.
    changed: Option<u64>,
    /// Changes in a row with less than [`GRACE`] between them.
    quick: u32,
    /// The last datagram from another endpoint than the current one.
    other: u64,
    has_several: bool,
}

impl PortHistory {
    /// Returns whether to use `source`, an endpoint of the peer that is not the `current` one, for the peer from `now`
    /// on. `is_configured`: it is a configured endpoint. `heard`: time of the last datagram from the current endpoint;
    /// `None`: there was none.
    fn accepts(
        &mut self,
        (source, is_configured): (SocketAddr, bool),
        current: SocketAddr,
        heard: Option<u64>,
        now: u64,
    ) -> bool {
        if now.saturating_sub(self.other) > MEMORY {
            self.has_several = false;
            self.left.clear();
        }
        self.other = now;
        let is_known = self.left.contains(&source);
        if self.changed.is_some_and(|at| now.saturating_sub(at) < GRACE) {
            // One from the last port may be late.
            if self.left.last() == Some(&source) || self.quick == QUICK {
                return false;
            }
            self.quick += 1;
        } else {
            self.quick = 0;
        }
        if self.has_several && !is_configured {
            let since = heard.max(self.changed).unwrap_or(0);
            if now.saturating_sub(since) < SILENCE {
                return false;
            }
        }
        self.has_several |= is_known;
        self.left.retain(|left| *left != source && *left != current);
        if self.left.len() == ENDPOINTS {
            self.left.remove(0);
        }
        self.left.push(current);
        self.changed = Some(now);
        true
    }
}

/// The ports that a peer sends from, shared by all queues.
#[derive(Debug, Default)]
pub(super) struct Ports {
    /// Time of the last datagram from the current endpoint, plus one; 0: there was none.
    heard: AtomicU64,
    /// Whether the peer is known to receive on the port that it sends from: a datagram has come from its endpoint, or a
    /// keepalive from another port.
    is_receiving: AtomicBool,
    /// The last port that was not followed because this was not known; 0: none.
    ignored: AtomicU32,
    history: Mutex<PortHistory>,
}

impl Ports {
    /// Records a datagram from the current endpoint.
    pub(super) fn note_current(&self, now: u64) {
        self.heard.store(now + 1, Ordering::Relaxed);
        self.note_receiving();
    }

    /// Records a keepalive, which leaves from the receiving port.
    pub(super) fn note_keepalive(&self) {
        self.note_receiving();
        self.ignored.store(0, Ordering::Relaxed);
    }

    fn note_receiving(&self) {
        if !self.is_receiving.load(Ordering::Relaxed) {
            self.is_receiving.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether a new port is followed now. A port that sent before the peer was known to receive where it sends
    /// from is that of a socket for sending only: a NAT changes to a port that did not send before.
    pub(super) fn follows(&self, follow_port: FollowPort, port: u16) -> bool {
        match follow_port {
            FollowPort::Never => false,
            FollowPort::Known if self.is_receiving.load(Ordering::Relaxed) => {
                self.ignored.load(Ordering::Relaxed) != u32::from(port)
            }
            FollowPort::Known => {
                self.ignored.store(u32::from(port), Ordering::Relaxed);
                false
            }
            FollowPort::Always => true,
        }
    }

    /// Returns whether to use `source` for the peer from `now` on, as [`PortHistory::accepts`].
    pub(super) fn accepts(
        &self,
        source: (SocketAddr, bool),
        current: SocketAddr,
        now: u64,
    ) -> bool {
        let heard = self.heard.load(Ordering::Relaxed).checked_sub(1);
        self.history().accepts(source, current, heard, now)
    }

    /// Begins with another endpoint of the peer.
    pub(super) fn restart(&self) {
        self.heard.store(0, Ordering::Relaxed);
    }

    /// Forgets everything: another endpoint was configured.
    pub(super) fn reset(&self) {
        self.restart();
        self.is_receiving.store(false, Ordering::Relaxed);
        self.ignored.store(0, Ordering::Relaxed);
        *self.history() = PortHistory::default();
    }

    fn history(&self) -> MutexGuard<'_, PortHistory> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer whose configured port is 1. Each row: time, port of a datagram, and the port that is used afterwards.
    fn assert_ports(name: &str, rows: &[(u64, u16, u16)]) {
        let endpoint = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
        let (mut history, mut current, mut heard) = (PortHistory::default(), 1, None);
        for (now, port, expected) in rows {
            let source = (endpoint(*port), *port == 1);
            if *port == current {
                heard = Some(*now);
            } else if history.accepts(source, endpoint(current), heard, *now) {
                (current, heard) = (*port, None);
            }
            assert_eq!(current, *expected, "{name}, at {now} ms");
        }
    }

    #[test]
    fn a_new_port_is_followed_with_its_first_datagram() {
        assert_ports("heard before", &[(10, 1, 1), (11, 2, 2), (12, 2, 2), (9_000, 3, 3)]);
        assert_ports("never heard", &[(10, 2, 2), (20_000, 3, 3), (20_500, 4, 4)]);
        let late = [(10, 1, 1), (11, 2, 2), (500, 1, 2), (1_010, 1, 2), (90_000, 3, 3)];
        assert_ports("late datagrams", &late);
    }

    #[test]
    fn several_ports_do_not_alternate() {
        let mut rows = vec![(10, 1, 1), (20, 2, 2), (30, 1, 2), (1_020, 1, 1)];
        rows.extend((0..1_000).flat_map(|n| [(1_030 + n * 10, 2, 1), (1_035 + n * 10, 1, 1)]));
        assert_ports("interleaved", &rows);
        let idle = [(10, 2, 2), (1_010, 1, 1), (6_009, 2, 1), (6_010, 2, 2), (11_000, 1, 1)];
        assert_ports("the first is idle", &idle);
    }

    #[test]
    fn many_ports_change_the_endpoint_a_few_times_only() {
        let endpoint = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
        for ports in 2..=8 {
            let (mut history, mut current, mut heard) = (PortHistory::default(), 1, None);
            let mut changes = 0;
            for now in 1..120_000_u64 {
                let port = 1 + (now * 7_919 % 104_729 % ports) as u16;
                let source = (endpoint(port), port == 1);
                if port == current {
                    heard = Some(now);
                } else if history.accepts(source, endpoint(current), heard, now) {
                    (current, heard, changes) = (port, None, changes + 1);
                }
            }
            assert!(changes <= 2 + ports, "{ports} ports: {changes} changes");
            assert_eq!(current, 1, "{ports} ports: the configured one is used");
        }
    }

    #[test]
    fn forged_ports_that_count_up_change_the_endpoint_a_few_times_only() {
        let endpoint = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
        let (mut history, mut current, mut changes) = (PortHistory::default(), 1, 0);
        for now in 1..60_000_u64 {
            let port = 2 + now as u16;
            if history.accepts((endpoint(port), false), endpoint(current), None, now) {
                (current, changes) = (port, changes + 1);
            }
        }
        assert!(changes <= 60 * (1 + QUICK), "{changes} changes in a minute");
    }

    #[test]
    fn a_forged_port_is_left_and_the_next_one_needs_a_silence() {
        let mut rows = vec![(0, 1, 1), (5, 666, 666), (600, 1, 666), (1_005, 1, 1)];
        rows.extend(
            (0..100).flat_map(|n| [(2_100 + n * 1_000, 667, 1), (2_200 + n * 1_000, 1, 1)]),
        );
        // The NAT changes the port.
        rows.extend([(106_000, 2, 1), (106_199, 2, 1), (106_200, 2, 2)]);
        assert_ports("forged", &rows);
        // A forger cannot keep the endpoint from a configured port.
        let mut rows = vec![(0, 1, 1), (5, 666, 666), (1_005, 1, 1), (6_100, 666, 666)];
        rows.extend((0..10).map(|n| (6_200 + n * 90, 666, 666)));
        rows.push((7_100, 1, 1));
        assert_ports("kept", &rows);
    }

    #[test]
    fn a_nat_that_returns_to_an_old_port_is_followed_at_once_later() {
        let rows = [
            (0, 1, 1),
            (10_000, 2, 2),
            (30_000, 1, 1),
            (31_500, 3, 1),
            // Nothing but the current port for a minute.
            (40_000, 1, 1),
            (92_000, 4, 4),
        ];
        assert_ports("back", &rows);
    }
}
