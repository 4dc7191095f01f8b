//! The configuration of a peer, and its endpoints.

use super::sources::is_same_host;
use crate::relay::config::{FollowPort, PeerConfig};
use std::net::SocketAddr;
use std::time::Duration;

/// The configuration of a peer, except for its inner networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PeerSettings {
    pub(super) name: Option<String>,
    /// The endpoint and the alternatives, at least one.
    pub(super) endpoints: Vec<SocketAddr>,
    /// Time between two keepalives, milliseconds.
    pub(super) keepalive: Option<u64>,
    pub(super) follow_port: FollowPort,
}

impl PeerSettings {
    pub(super) fn of(config: &PeerConfig) -> Self {
        Self {
            name: config.name.clone(),
            endpoints: config.endpoints().collect(),
            keepalive: config.keepalive.map(millis),
            follow_port: config.follow_port,
        }
    }

    /// Creates the settings of a peer without a name at this endpoint.
    #[cfg(test)]
    pub(super) fn at(endpoint: SocketAddr) -> Self {
        Self::of(&PeerConfig::new(endpoint, Vec::new()))
    }

    /// Returns the endpoint that is used first.
    pub(super) fn first(&self) -> SocketAddr {
        // There is at least one.
        self.endpoints.first().copied().unwrap_or_else(|| SocketAddr::from(([0; 4], 0)))
    }

    /// Returns whether datagrams may go to this endpoint.
    pub(super) fn permits(&self, endpoint: SocketAddr) -> bool {
        let may_follow = self.follow_port != FollowPort::Never;
        let is_other_port = |own: &SocketAddr| may_follow && own.ip() == endpoint.ip();
        self.endpoints.iter().any(|own| *own == endpoint || is_other_port(own))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Returns whether a datagram from `source` comes from this endpoint.
pub(super) fn is_at(endpoint: SocketAddr, source: SocketAddr) -> bool {
    endpoint.port() == source.port() && is_same_host(endpoint, source)
}
