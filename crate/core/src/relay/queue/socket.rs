//! One socket of a queue, as its loop sees it.

use super::inbound::Inbound;
use super::pause::Pause;
use super::step::Step;
use crate::sys::poll::Interest;
use crate::udp::UdpEndpoint;
use std::sync::Arc;

/// While packets arrive all the time, the poller is not asked. So after this many rounds all sockets are read.
const ROUNDS_UNTIL_ALL: u32 = 16;

/// Counts the rounds for which the poller was not asked.
#[derive(Debug, Default)]
pub(super) struct Rounds(u32);

impl Rounds {
    /// Counts a round. Returns whether to read all sockets in it.
    #[inline]
    pub(super) fn is_for_all(&mut self) -> bool {
        self.0 = (self.0 + 1) % ROUNDS_UNTIL_ALL;
        self.0 == 0
    }
}

/// A socket and what it receives.
pub(super) struct Socket {
    pub(super) endpoint: Arc<UdpEndpoint>,
    pub(super) inbound: Inbound,
    /// Whether it is at a further source port. Peers send to the receiving port, so it rarely receives a datagram.
    is_further: bool,
    is_ipv4: bool,
    /// The events that the socket is watched for.
    pub(super) watched: Interest,
    /// Reading the socket.
    pub(super) pause: Pause,
    /// Whether there may be something to receive.
    pub(super) is_ready: bool,
    /// The progress of the last round.
    pub(super) step: Step,
}

impl Socket {
    pub(super) fn new(endpoint: Arc<UdpEndpoint>, inbound: Inbound, is_further: bool) -> Self {
        Self {
            is_ipv4: endpoint.local().is_ipv4(),
            endpoint,
            inbound,
            is_further,
            watched: Interest { readable: true, writable: false },
            pause: Pause::default(),
            is_ready: true,
            step: Step::Drained,
        }
    }

    /// Lets the socket be read in the next round, although the poller was not asked. A socket that rarely receives a
    /// datagram is read only if it received something in the last round, or if `all` are.
    #[inline]
    pub(super) fn expect_more(&mut self, all: bool) {
        self.is_ready = all || !self.is_rare() || self.step != Step::Drained;
    }

    /// Returns whether the socket rarely receives a datagram: it is at a further source port, or no peer has an endpoint
    /// of its address family.
    #[inline]
    fn is_rare(&self) -> bool {
        self.is_further || !self.inbound.is_expecting(self.is_ipv4)
    }

    /// Returns whether the last messages received were a single datagram. A socket that rarely receives a datagram counts
    /// only if it was read in this round, since its last datagrams may be old.
    pub(super) fn is_quiet(&self) -> bool {
        let is_idle = self.is_rare() && !self.is_ready;
        self.pause.is_none() && (is_idle || self.inbound.is_quiet())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sockets_are_read_in_some_of_the_rounds() {
        let mut rounds = Rounds::default();
        let all: Vec<usize> = (1..=40).filter(|_| rounds.is_for_all()).collect();
        assert_eq!(all, [16, 32]);
    }
}
