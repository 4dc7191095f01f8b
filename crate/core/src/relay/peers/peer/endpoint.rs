//! The endpoint of a peer: which one is used next, and what the sources of datagrams show.

use super::{Liveness, Peer, Ports, is_at, is_same_host};
use crate::relay::config::FollowPort;
use std::net::SocketAddr;

impl Peer {
    /// Returns whether the sources of the peer's datagrams decide about its endpoint, or about whether it is up.
    #[inline]
    pub(in crate::relay::peers) fn notes_sources(&self) -> bool {
        self.settings.follow_port != FollowPort::Never
            || self.has_alternatives()
            || self.settings.keepalive.is_some()
    }

    /// Returns whether the peer has several endpoints.
    pub(in crate::relay::peers) fn has_alternatives(&self) -> bool {
        self.settings.endpoints.len() > 1
    }

    /// Returns the endpoint that is tried after the present one; `None` if the peer has only one.
    pub(in crate::relay::peers) fn next_endpoint(&self) -> Option<SocketAddr> {
        let endpoints = &self.settings.endpoints;
        let exact = endpoints.iter().position(|endpoint| is_at(*endpoint, self.endpoint));
        let at_host = || endpoints.iter().position(|own| is_same_host(*own, self.endpoint));
        let present = exact.or_else(at_host).unwrap_or(0);
        let next = endpoints.get((present + 1) % endpoints.len().max(1)).copied();
        next.filter(|next| *next != self.endpoint)
    }

    pub(in crate::relay::peers) fn liveness(&self) -> &Liveness {
        &self.counters.liveness
    }

    /// Records an accepted datagram from `source` at `now`. One of another host, which may be accepted too, does not count.
    /// Returns whether the peer is up from now on.
    pub(in crate::relay::peers) fn hears(&self, source: SocketAddr, now: u64) -> bool {
        self.endpoints().any(|endpoint| is_same_host(endpoint, source))
            && self.counters.liveness.note_heard(now)
            && self.settings.keepalive.is_some()
    }

    /// Records an accepted datagram that came from `source` at `now`. Returns the endpoint that the peer's datagrams go to
    /// from then on, if it is another one.
    ///
    /// `is_keepalive`: it is a keepalive, which leaves from the receiving port. `is_shared`: other peers have the same
    /// address, so that a new port can be the port of any of them.
    pub(in crate::relay::peers) fn note_source(
        &self,
        source: SocketAddr,
        is_keepalive: bool,
        is_shared: impl FnOnce() -> bool,
        now: u64,
    ) -> Option<SocketAddr> {
        if self.settings.follow_port == FollowPort::Never && !self.has_alternatives() {
            return None;
        }
        if is_at(self.endpoint, source) {
            self.ports().note_current(now);
            return None;
        }
        if is_keepalive {
            self.ports().note_keepalive();
        }
        let mut configured = self.settings.endpoints.iter().copied();
        let is_host = |endpoint: &SocketAddr| is_same_host(*endpoint, source);
        let exact = configured.clone().find(|endpoint| is_at(*endpoint, source));
        let endpoint = exact.or_else(|| {
            let follows =
                |_: &SocketAddr| self.ports().follows(self.settings.follow_port, source.port());
            let host = configured.find(is_host).filter(follows)?;
            let host = Some(host).filter(|_| !is_shared());
            host.map(|mut endpoint| {
                endpoint.set_port(source.port());
                endpoint
            })
        })?;
        let source = (endpoint, exact.is_some());
        self.ports().accepts(source, self.endpoint, now).then_some(endpoint)
    }

    pub(super) fn ports(&self) -> &Ports {
        &self.counters.ports
    }
}
