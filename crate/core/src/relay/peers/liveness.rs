//! Whether datagrams of a peer arrive, and when the next keepalive is due.
//!
//! Times are milliseconds of the clock of the relay's timers. In the atomic fields they are increased by one; 0: never.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// A peer is down after this number of silent intervals. Each of its endpoints is tried for the same time.
const SILENT_INTERVALS: u64 = 3;

/// Without a keepalive: the time after a change of the endpoint, or after a packet of the peer, during which errors do
/// not change the endpoint, milliseconds.
const ERROR_PAUSE: u64 = 1_000;

const UNKNOWN: u8 = 0;
const UP: u8 = 1;
const DOWN: u8 = 2;

/// The liveness of a peer. All queues share it.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    state: AtomicU8,
    /// The last accepted datagram from the peer.
    heard: AtomicU64,
    /// The last datagram to the peer, or the last trial to send a keepalive.
    sent: AtomicU64,
    /// When the present endpoint was tried first.
    tried: AtomicU64,
    /// Whether the kernel reported that the endpoint cannot be reached.
    has_failed: AtomicBool,
}

/// The actions that a deadline of a peer requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// A keepalive is due.
    pub(super) keepalive: bool,
    /// The peer is down from now on.
    pub(super) is_down: bool,
    /// Another endpoint is due, if the peer has several.
    pub(super) endpoint: bool,
    /// The next deadline.
    pub(super) next: u64,
}

impl Liveness {
    /// Records an accepted datagram from the peer. Returns whether the peer is up from now on.
    #[inline]
    pub(super) fn note_heard(&self, now: u64) -> bool {
        self.heard.store(now + 1, Ordering::Relaxed);
        self.state.load(Ordering::Relaxed) != UP && self.state.swap(UP, Ordering::Relaxed) != UP
    }

    /// Records datagrams to the peer.
    #[inline]
    pub(super) fn note_sent(&self, now: u64) {
        self.sent.store(now + 1, Ordering::Relaxed);
    }

    /// Records that the kernel reported the endpoint as unreachable.
    pub(super) fn note_failure(&self) {
        self.has_failed.store(true, Ordering::Relaxed);
    }

    /// Begins with a new endpoint: it gets a keepalive at once.
    pub(super) fn restart(&self, now: u64) {
        self.tried.store(now + 1, Ordering::Relaxed);
        self.sent.store(0, Ordering::Relaxed);
        self.has_failed.store(false, Ordering::Relaxed);
    }

    /// Forgets whether the peer is up, and begins again: its endpoint or its keepalive was changed.
    pub(super) fn reset(&self) {
        self.state.store(UNKNOWN, Ordering::Relaxed);
        for time in [&self.heard, &self.sent, &self.tried] {
            time.store(0, Ordering::Relaxed);
        }
        self.has_failed.store(false, Ordering::Relaxed);
    }

    /// Returns whether the peer is up. `None`: this is not known yet.
    pub(super) fn is_up(&self) -> Option<bool> {
        match self.state.load(Ordering::Relaxed) {
            UP => Some(true),
            DOWN => Some(false),
            _ => None,
        }
    }

    /// Returns what is due at `now` for a peer with this interval between keepalives, milliseconds. The caller sends the
    /// keepalive.
    pub(super) fn due(&self, interval: u64, now: u64) -> Due {
        let _ = self.tried.compare_exchange(0, now + 1, Ordering::Relaxed, Ordering::Relaxed);
        let sent = self.sent.load(Ordering::Relaxed).checked_sub(1);
        let keepalive = sent.is_none_or(|at| at.saturating_add(interval) <= now);
        if keepalive {
            self.note_sent(now);
        }
        let send_at = if keepalive { now } else { sent.unwrap_or(now) }.saturating_add(interval);
        let limit = interval.saturating_mul(SILENT_INTERVALS);
        let silent_at = self.since().saturating_add(limit);
        let is_silent = silent_at <= now;
        let was_down = is_silent && self.state.swap(DOWN, Ordering::Relaxed) == DOWN;
        if is_silent {
            self.tried.store(now + 1, Ordering::Relaxed);
        }
        let silent_at = if is_silent { now.saturating_add(limit) } else { silent_at };
        Due {
            keepalive,
            is_down: is_silent && !was_down,
            endpoint: is_silent,
            next: send_at.min(silent_at),
        }
    }

    /// Returns whether a peer without keepalives needs another endpoint, because the kernel reported that the present one
    /// cannot be reached.
    pub(super) fn take_failure(&self, now: u64) -> bool {
        self.has_failed.load(Ordering::Relaxed)
            && self.has_failed.swap(false, Ordering::Relaxed)
            && (self.since() == 0 || self.since().saturating_add(ERROR_PAUSE) <= now)
    }

    /// Returns when the last datagram of the peer arrived, or when the present endpoint was tried first, if that was later.
    fn since(&self) -> u64 {
        let read = |time: &AtomicU64| time.load(Ordering::Relaxed);
        read(&self.heard).max(read(&self.tried)).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keepalive_is_due_an_interval_after_the_last_datagram() {
        let peer = Liveness::default();
        let due = |now| {
            let Due { keepalive, next, .. } = peer.due(100, now);
            (keepalive, next)
        };
        assert_eq!(due(1_000), (true, 1_100));
        assert_eq!(due(1_000), (false, 1_100));
        peer.note_sent(1_090);
        assert_eq!(due(1_100), (false, 1_190));
        assert_eq!(due(1_195), (true, 1_295));
    }

    #[test]
    fn a_peer_is_down_after_three_silent_intervals_and_up_when_it_is_heard() {
        let peer = Liveness::default();
        let due = |now| {
            peer.note_sent(now);
            let Due { is_down, endpoint, next, .. } = peer.due(100, now);
            assert!(next > now);
            (is_down, endpoint)
        };
        assert_eq!((due(1_000), peer.is_up()), ((false, false), None));
        assert_eq!((due(1_299), peer.is_up()), ((false, false), None));
        assert_eq!((due(1_300), peer.is_up()), ((true, true), Some(false)));
        // It is reported once, and each endpoint is tried for the same time.
        assert_eq!(
            [due(1_301), due(1_599), due(1_600)],
            [(false, false), (false, false), (false, true)]
        );
        assert!(peer.note_heard(1_650));
        assert!(!peer.note_heard(1_700));
        assert_eq!(peer.is_up(), Some(true));
        assert_eq!([due(1_999), due(2_000)], [(false, false), (true, true)]);
        peer.note_heard(2_001);
        peer.reset();
        assert_eq!(peer.is_up(), None);
    }

    #[test]
    fn errors_change_an_endpoint_that_is_silent() {
        let peer = Liveness::default();
        assert!(!peer.take_failure(10_000));
        peer.note_failure();
        assert!(peer.take_failure(5), "at the start");
        assert!(!peer.take_failure(5), "once");
        peer.restart(5);
        peer.note_failure();
        assert!(!peer.take_failure(1_004), "too soon");
        peer.note_failure();
        assert!(peer.take_failure(1_005));
        peer.note_heard(2_000);
        peer.note_failure();
        assert!(!peer.take_failure(2_999), "it was heard");
    }
}
