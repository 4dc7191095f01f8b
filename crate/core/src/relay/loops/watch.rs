//! The loops of a relay, from the first datagram that came back until the route is gone.

use crate::error::ErrorCode;
use crate::netlink::{Connection, Datagram};
use crate::relay::peers::Peers;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time between two checks of a loop.
const INTERVAL: Duration = Duration::from_secs(1);
/// Checks without a datagram that came back after which a loop is over, if the kernel cannot be asked about the route.
const QUIET_CHECKS: u32 = 10;
/// The value for "no check is due".
const NEVER: u64 = u64::MAX;

/// The start or end of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relay) struct LoopChange {
    /// The peer whose datagrams come back, or do not any more.
    pub(in crate::relay) peer: SocketAddr,
    /// Whether the loop begins.
    pub(in crate::relay) is_start: bool,
}

/// The properties of a relay that decide about loops.
#[derive(Debug)]
pub(in crate::relay) struct LoopsOptions {
    /// Index of the interface.
    pub(in crate::relay) interface: u32,
    /// Whether the interface is in another network namespace than the sockets.
    pub(in crate::relay) is_elsewhere: bool,
    /// The addresses of the sockets, at least one.
    pub(in crate::relay) locals: Vec<SocketAddr>,
    /// A datagram of the sockets, to any peer.
    pub(in crate::relay) datagram: Datagram,
}

/// The peers whose datagrams come back, shared by all queues.
#[derive(Debug)]
pub(in crate::relay) struct Loops {
    options: LoopsOptions,
    started: Instant,
    is_any: AtomicBool,
    /// When the next check is due, milliseconds since the start.
    due: AtomicU64,
    has_changes: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    loops: Vec<Loop>,
    changes: Vec<LoopChange>,
}

/// The loop of one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Loop {
    peer: SocketAddr,
    /// Whether a datagram came back since the last check.
    came_back: bool,
    /// Checks in a row before which none came back.
    quiet_checks: u32,
    /// Datagrams that were sent until the last check.
    sent: u64,
    /// Whether datagrams were sent in the interval before the last check, and none came back.
    is_proven: bool,
}

impl Loop {
    /// Records a check. `sent`: the number of datagrams sent so far. Returns whether the loop is over because datagrams
    /// were sent and did not come back. Those of the last interval may still be on their way.
    fn check(&mut self, sent: u64) -> bool {
        let has_sent = sent > self.sent;
        self.sent = sent;
        if std::mem::take(&mut self.came_back) {
            (self.quiet_checks, self.is_proven) = (0, false);
            return false;
        }
        self.quiet_checks += 1;
        let was_proven = self.is_proven;
        self.is_proven |= has_sent;
        was_proven
    }
}

impl Loops {
    pub(in crate::relay) fn new(options: LoopsOptions) -> Self {
        Self {
            options,
            started: Instant::now(),
            is_any: AtomicBool::new(false),
            due: AtomicU64::new(NEVER),
            has_changes: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Returns the ports of the sockets, without repeats.
    pub(super) fn ports(&self) -> Vec<u16> {
        let ports: BTreeSet<u16> = self.options.locals.iter().map(SocketAddr::port).collect();
        ports.into_iter().collect()
    }

    /// Returns whether the interface is in another network namespace than the sockets.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.options.is_elsewhere
    }

    /// Returns the address that the socket of an address family is bound to; `None`: any.
    pub(super) fn bound_to(&self, is_ipv4: bool) -> Option<IpAddr> {
        let mut locals = self.options.locals.iter();
        let local = locals.find(|local| local.is_ipv4() == is_ipv4)?;
        Some(local.ip()).filter(|ip| !ip.is_unspecified())
    }

    /// Returns whether there is a loop. Costs one relaxed load.
    #[inline]
    pub(super) fn is_any(&self) -> bool {
        self.is_any.load(Ordering::Relaxed)
    }

    /// Returns whether datagrams to a peer at `address` come back.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.lock().loops.iter().any(|entry| entry.peer.ip() == address)
    }

    /// Records a datagram to `peer` that came back.
    pub(super) fn note(&self, peer: SocketAddr) {
        let mut state = self.lock();
        if let Some(entry) = state.loops.iter_mut().find(|entry| entry.peer == peer) {
            entry.came_back = true;
            return;
        }
        let entry = Loop { peer, came_back: true, quiet_checks: 0, sent: 0, is_proven: false };
        state.loops.push(entry);
        state.changes.push(LoopChange { peer, is_start: true });
        self.is_any.store(true, Ordering::Relaxed);
        self.has_changes.store(true, Ordering::Release);
        self.schedule();
    }

    /// Returns the time until the next check; `None` if there is no loop.
    #[inline]
    pub(in crate::relay) fn time_left(&self) -> Option<Duration> {
        match self.due.load(Ordering::Relaxed) {
            NEVER => None,
            due => Some(Duration::from_millis(due.saturating_sub(self.millis()))),
        }
    }

    /// Checks the loops if it is time, and returns the changes since the last call. If there is no loop and no change,
    /// this costs two relaxed loads. `sent` returns the number of datagrams sent to a peer so far.
    #[inline]
    pub(in crate::relay) fn take_changes(
        &self,
        peers: &Peers,
        sent: &dyn Fn(SocketAddr) -> u64,
    ) -> Vec<LoopChange> {
        if self.time_left() == Some(Duration::ZERO) {
            self.check(peers, sent);
        }
        if !self.has_changes.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut state = self.lock();
        self.has_changes.store(false, Ordering::Release);
        std::mem::take(&mut state.changes)
    }

    /// Removes the loops that are over. One queue does it, without the lock while it asks the kernel.
    #[cold]
    fn check(&self, peers: &Peers, sent: &dyn Fn(SocketAddr) -> u64) {
        let due = self.due.load(Ordering::Relaxed);
        let take = self.due.compare_exchange(due, NEVER, Ordering::Relaxed, Ordering::Relaxed);
        if due == NEVER || take.is_err() {
            return;
        }
        let (mut over, mut quiet) = (Vec::new(), Vec::new());
        for entry in &mut self.lock().loops {
            let is_proven = entry.check(sent(entry.peer));
            match entry.quiet_checks {
                0 => {}
                _ if is_proven || !peers.has_endpoint(entry.peer) => over.push(entry.peer),
                checks => quiet.push((entry.peer, checks)),
            }
        }
        for (peer, checks) in quiet {
            let leads_back = self.leads_back(peer);
            if !leads_back.unwrap_or(checks < QUIET_CHECKS) {
                over.push(peer);
            }
        }
        let mut state = self.lock();
        for peer in over {
            // One that came back in the meantime is the start of another loop.
            state.loops.retain(|entry| entry.peer != peer);
            state.changes.push(LoopChange { peer, is_start: false });
            self.has_changes.store(true, Ordering::Release);
            // Its reports were about the tunnel.
            peers.forget_path_mtu(peer);
        }
        let is_any = !state.loops.is_empty();
        self.is_any.store(is_any, Ordering::Relaxed);
        if is_any {
            self.schedule();
        }
    }

    /// Asks the kernel whether datagrams to `peer` leave by the interface; `None` if it cannot be asked.
    fn leads_back(&self, peer: SocketAddr) -> Option<bool> {
        if self.is_elsewhere() {
            return None;
        }
        let datagram = Datagram {
            destination: peer,
            source: self.bound_to(peer.is_ipv4()),
            ..self.options.datagram
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        runtime.block_on(async {
            match Connection::open().ok()?.route_to(&datagram).await {
                Ok(route) => Some(route.interfaces.contains(&self.options.interface)),
                // Without a route they do not leave at all.
                Err(error) => (error.code() == ErrorCode::Unreachable).then_some(false),
            }
        })
    }

    fn schedule(&self) {
        let due = self.millis() + INTERVAL.as_millis() as u64;
        self.due.store(due, Ordering::Relaxed);
    }

    fn millis(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A check: whether a datagram came back before it, datagrams sent so far, and whether the loop is over.
    fn assert_checks(name: &str, checks: &[(bool, u64, bool)]) {
        let peer = "192.0.2.1:5".parse().unwrap();
        let mut entry = Loop { peer, came_back: true, quiet_checks: 0, sent: 0, is_proven: false };
        for (number, (came_back, sent, is_over)) in checks.iter().enumerate() {
            entry.came_back |= came_back;
            assert_eq!(entry.check(*sent), *is_over, "{name}, check {number}");
        }
    }

    #[test]
    fn a_loop_is_over_when_datagrams_are_sent_and_none_comes_back() {
        assert_checks("sent", &[(true, 10, false), (false, 20, false), (false, 20, true)]);
        assert_checks("idle", &[(true, 10, false), (false, 10, false), (false, 10, false)]);
        assert_checks(
            "on their way",
            &[(true, 10, false), (false, 20, false), (true, 20, false), (false, 20, false)],
        );
        assert_checks(
            "later",
            &[(true, 5, false), (false, 5, false), (false, 6, false), (false, 6, true)],
        );
    }
}
