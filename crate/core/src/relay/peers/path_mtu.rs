//! The MTU of the path to a peer, and where it is known from.

use crate::relay::setup::{MIN_MTU_V6, inner_mtu, interface_mtu};
use crate::relay::wire::Wire;
use crate::sys::socket::{ErrorOrigin, ErrorReport};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The smallest path MTU over IPv4 that is accepted from a report, bytes.
const MIN_PATH_V4: u32 = 552;

/// The current MTU of the path to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathMtu {
    /// The longest outer IP packet that the path carries, bytes.
    pub outside: u32,
    /// The longest packet inside the tunnel whose datagram fits into the path, bytes.
    pub inside: u32,
    /// Where the value is known from.
    pub source: PathMtuSource,
    /// The router that reported it; `None` unless `source` is `Router`.
    pub router: Option<IpAddr>,
}

/// Where the MTU of a path is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathMtuSource {
    /// The route to the peer had it when the relay started.
    Start,
    /// The kernel of this machine refused a longer datagram: its route or its network device has this MTU.
    Route,
    /// A router reported it (ICMP).
    Router,
}

impl PathMtu {
    /// Returns the same with the longest IP packet inside, for datagrams of this format: a frame has a header too.
    pub(super) fn within(self, wire: Wire) -> Self {
        Self { inside: interface_mtu(self.inside, wire), ..self }
    }
}

impl PathMtuSource {
    /// Returns the name: `start`, `route`, `router`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Route => "route",
            Self::Router => "router",
        }
    }
}

/// The MTU of the path to one peer. All queues share it. Times are milliseconds of the clock of the relay's timers.
#[derive(Debug, Default)]
pub(super) struct PathState {
    learned: LearnedMtu,
    /// The source of `learned`. It is locked while either changes, and never by the packet path.
    source: Mutex<Option<(PathMtuSource, Option<IpAddr>)>>,
    /// MTU of the route when the relay started, bytes; 0: unknown.
    start: AtomicU32,
}

/// An MTU and the end of its validity, in one word: the time in the upper bits; 0: none.
#[derive(Debug, Default)]
struct LearnedMtu(AtomicU64);

impl PathState {
    /// Records the MTU that an error report states for the path to `peer`, which is valid until `deadline`. The
    /// newest report counts. Returns whether the MTU changed; if only the source changed, the first one is kept.
    ///
    /// A smaller MTU than the kernel itself accepts is raised to that minimum (`min_pmtu` of ip-sysctl, RFC 8200, 5):
    /// a forged report must not make packets arbitrarily small.
    pub(super) fn learn(
        &self,
        mtu: u32,
        report: &ErrorReport,
        peer: SocketAddr,
        deadline: u64,
    ) -> bool {
        let least = if peer.is_ipv4() { MIN_PATH_V4 } else { MIN_MTU_V6 };
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.learned.get();
        self.learned.set(mtu.max(least), deadline);
        let is_changed = before != self.learned.get();
        if is_changed {
            let is_network = report.origin == ErrorOrigin::Network;
            let kind = if is_network { PathMtuSource::Router } else { PathMtuSource::Route };
            *source = Some((kind, report.reporter.filter(|_| is_network)));
        }
        is_changed
    }

    /// Continues with an MTU that was reported to another relay, which is valid until `deadline`.
    pub(super) fn restore(
        &self,
        mtu: u32,
        router: Option<IpAddr>,
        peer: SocketAddr,
        deadline: u64,
    ) {
        let origin = if router.is_some() { ErrorOrigin::Network } else { ErrorOrigin::Local };
        let (destination, errno) = (Some(peer), libc::EMSGSIZE);
        let report = ErrorReport { errno, origin, destination, mtu: Some(mtu), reporter: router };
        self.learn(mtu, &report, peer, deadline);
    }

    /// Returns until when the reported MTU is valid.
    pub(super) fn valid_until(&self) -> Option<u64> {
        self.learned.deadline()
    }

    /// Forgets the reported MTU when it expires. Otherwise returns the time until which it is valid.
    pub(super) fn expire(&self, now: u64) -> Option<u64> {
        self.learned.expire(now)
    }

    /// Forgets the reported MTU.
    pub(super) fn forget(&self) {
        self.learned.set(0, 0);
    }

    /// Returns the MTU that was reported, bytes.
    #[inline]
    pub(super) fn learned(&self) -> Option<u32> {
        self.learned.get()
    }

    /// Records the MTU of the route when the relay started, bytes.
    pub(super) fn set_start(&self, mtu: u32) {
        self.start.store(mtu, Ordering::Relaxed);
    }

    /// Returns the MTU of the route when the relay started, bytes; 0: unknown.
    pub(super) fn start(&self) -> u32 {
        self.start.load(Ordering::Relaxed)
    }

    /// Returns the MTU that was reported for the path to `peer`, with its source.
    pub(super) fn reported(&self, peer: SocketAddr) -> Option<PathMtu> {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let (outside, (source, router)) = self.learned.get().zip(*source)?;
        Some(PathMtu { outside, inside: inner_mtu(outside, peer), source, router })
    }

    /// Returns the MTU of the path to `peer`; `None` if it is unknown.
    pub(super) fn current(&self, peer: SocketAddr) -> Option<PathMtu> {
        self.reported(peer).or_else(|| {
            let outside = Some(self.start()).filter(|mtu| *mtu > 0)?;
            let (inside, source) = (inner_mtu(outside, peer), PathMtuSource::Start);
            Some(PathMtu { outside, inside, source, router: None })
        })
    }
}

impl LearnedMtu {
    /// Bits of the MTU: the longest IPv4 packet has 65,535 bytes, the longest IPv6 packet 65,575.
    const MTU_BITS: u32 = 24;
    const MTU_MASK: u64 = (1 << Self::MTU_BITS) - 1;

    fn set(&self, mtu: u32, deadline: u64) {
        let mtu = u64::from(mtu).min(Self::MTU_MASK);
        let deadline = deadline.min(u64::MAX >> Self::MTU_BITS);
        self.0.store(deadline << Self::MTU_BITS | mtu, Ordering::Relaxed);
    }

    fn get(&self) -> Option<u32> {
        let mtu = (self.0.load(Ordering::Relaxed) & Self::MTU_MASK) as u32;
        (mtu > 0).then_some(mtu)
    }

    fn deadline(&self) -> Option<u64> {
        let value = self.0.load(Ordering::Relaxed);
        (value != 0).then_some(value >> Self::MTU_BITS)
    }

    fn expire(&self, now: u64) -> Option<u64> {
        let value = self.0.load(Ordering::Relaxed);
        let deadline = value >> Self::MTU_BITS;
        if value == 0 || deadline > now {
            return (value != 0).then_some(deadline);
        }
        // An MTU that another queue has learned in the meantime is kept.
        let forgotten = self.0.compare_exchange(value, 0, Ordering::Relaxed, Ordering::Relaxed);
        forgotten.err().map(|newer| newer >> Self::MTU_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(origin: ErrorOrigin, reporter: Option<&str>) -> ErrorReport {
        let reporter = reporter.map(|address| address.parse().unwrap());
        ErrorReport { errno: libc::EMSGSIZE, origin, destination: None, mtu: None, reporter }
    }

    #[test]
    fn the_newest_path_mtu_counts_until_its_time_is_over() {
        let (path, peer) = (PathState::default(), "192.0.2.1:5".parse().unwrap());
        let local = report(ErrorOrigin::Local, None);
        assert_eq!((path.learned(), path.expire(0)), (None, None));
        assert!(path.learn(1_300, &local, peer, 1_000));
        assert!(path.learn(1_400, &local, peer, 2_000));
        assert_eq!((path.expire(1_999), path.learned()), (Some(2_000), Some(1_400)));
        assert_eq!((path.expire(2_000), path.learned()), (None, None));
        path.learn(u32::MAX, &local, peer, u64::MAX);
        assert_eq!(path.learned(), Some((1 << 24) - 1));
        assert_eq!(path.expire(1 << 39), Some(u64::MAX >> 24));
    }

    #[test]
    fn the_source_is_that_of_the_report_that_changed_the_mtu() {
        use PathMtuSource::{Route, Router, Start};
        let router: IpAddr = "192.0.2.254".parse().unwrap();
        for (peer, headers) in [("192.0.2.1:5", 28), ("[2001:db8::1]:5", 48)] {
            let (path, peer) = (PathState::default(), peer.parse().unwrap());
            let current = |outside, source, router| {
                Some(PathMtu { outside, inside: outside - headers, source, router })
            };
            assert_eq!(path.current(peer), None);
            path.set_start(1_500);
            assert_eq!(path.current(peer), current(1_500, Start, None));
            let from_router = report(ErrorOrigin::Network, Some("192.0.2.254"));
            assert!(path.learn(1_400, &from_router, peer, 1_000));
            assert_eq!(path.current(peer), current(1_400, Router, Some(router)));
            // The kernel keeps what the router reported, and refuses longer datagrams itself.
            assert!(!path.learn(1_400, &report(ErrorOrigin::Local, None), peer, 2_000));
            assert_eq!(path.current(peer), current(1_400, Router, Some(router)));
            assert!(path.learn(1_380, &report(ErrorOrigin::Local, None), peer, 3_000));
            assert_eq!(path.reported(peer), current(1_380, Route, None));
            assert_eq!(path.expire(3_000), None);
            assert_eq!(path.reported(peer), None);
            assert_eq!(path.current(peer), current(1_500, Start, None));
            // It is reported again after it was forgotten.
            assert!(path.learn(1_380, &from_router, peer, 4_000));
            assert_eq!(path.current(peer), current(1_380, Router, Some(router)));
        }
        assert_eq!([Start, Route, Router].map(PathMtuSource::name), ["start", "route", "router"]);
    }

    #[test]
    fn a_forged_report_cannot_go_below_the_kernels_minimum() {
        let router = report(ErrorOrigin::Network, Some("192.0.2.254"));
        for (peer, least) in [("192.0.2.1:5", 552), ("[2001:db8::1]:5", 1_280)] {
            let (path, peer) = (PathState::default(), peer.parse().unwrap());
            assert!(path.learn(1, &router, peer, 1_000));
            assert_eq!(path.learned(), Some(least));
        }
    }
}
