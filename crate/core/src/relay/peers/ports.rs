//! Decides whether datagrams to a peer go to another endpoint that the peer sends from.
//!
//! The address of an endpoint is never learned: without authentication, one forged datagram would redirect the traffic.
//! Only a datagram from a configured address, with a packet that is accepted, can change the endpoint: to the port that
//! it came from, or to a configured alternative.
//!
//! After a NAT has changed the port, nothing more comes from the old one. Therefore a new port is used with its first
//! datagram. If the old port sends again later, the peer has several ports (several source ports of a relay), or the
//! datagram from the new one was forged. Then the old port is used again, and from then on the endpoint changes only
//! after a silence. So the endpoint does not alternate.

use std::net::SocketAddr;

/// Datagrams from the old port during this time are late, milliseconds: the network may have reordered them.
const GRACE: u64 = 1_000;

/// How long the current endpoint of a peer with several ports is silent before another one is used, milliseconds.
const SILENCE: u64 = 5_000;

/// The state of the endpoints that a peer sends from. Times are milliseconds of the clock of the relay's timers.
#[derive(Debug, Default)]
pub(super) struct PortHistory {
    /// The endpoint before the last change, and the time of the change.
    left: Option<(SocketAddr, u64)>,
    has_several: bool,
}

impl PortHistory {
    /// Returns whether to use `source`, an endpoint of the peer that is not the `current` one, for the peer from `now`
    /// on. `heard`: time of the last datagram from the current endpoint; `None`: there was none.
    pub(super) fn accepts(
        &mut self,
        source: SocketAddr,
        current: SocketAddr,
        heard: Option<u64>,
        now: u64,
    ) -> bool {
        match self.left {
            Some((left, at)) if left == source && !self.has_several => {
                if now.saturating_sub(at) < GRACE {
                    return false;
                }
                self.has_several = true;
            }
            left if self.has_several => {
                let since = heard.max(left.map(|(_, at)| at)).unwrap_or(0);
                if now.saturating_sub(since) < SILENCE {
                    return false;
                }
            }
            _ => {}
        }
        self.left = Some((current, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer at port 1. Each row: time, port of a datagram, and the port that is used afterwards.
    fn assert_ports(name: &str, rows: &[(u64, u16, u16)]) {
        let endpoint = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
        let (mut history, mut current, mut heard) = (PortHistory::default(), 1, None);
        for (now, port, expected) in rows {
            if *port == current {
                heard = Some(*now);
            } else if history.accepts(endpoint(*port), endpoint(current), heard, *now) {
                (current, heard) = (*port, None);
            }
            assert_eq!(current, *expected, "{name}, at {now} ms");
        }
    }

    #[test]
    fn a_new_port_is_followed_with_its_first_datagram() {
        assert_ports("heard before", &[(10, 1, 1), (11, 2, 2), (12, 2, 2), (9_000, 3, 3)]);
        assert_ports("never heard", &[(10, 2, 2), (20_000, 3, 3), (20_001, 4, 4)]);
        let late = [(10, 1, 1), (11, 2, 2), (500, 1, 2), (1_010, 1, 2), (90_000, 3, 3)];
        assert_ports("late datagrams", &late);
    }

    #[test]
    fn several_ports_do_not_alternate() {
        let mut rows = vec![(10, 1, 1), (20, 2, 2), (30, 1, 2), (1_020, 1, 1)];
        rows.extend((0..1_000).flat_map(|n| [(1_030 + n * 10, 2, 1), (1_035 + n * 10, 1, 1)]));
        assert_ports("interleaved", &rows);
        let idle = [(10, 2, 2), (1_010, 1, 1), (6_009, 2, 1), (6_010, 2, 2), (11_000, 1, 2)];
        assert_ports("the first is idle", &idle);
    }

    #[test]
    fn a_forged_port_is_left_and_the_next_one_needs_a_silence() {
        let mut rows = vec![(0, 1, 1), (5, 666, 666), (600, 1, 666), (1_005, 1, 1)];
        rows.extend(
            (0..100).flat_map(|n| [(1_100 + n * 1_000, 667, 1), (1_200 + n * 1_000, 1, 1)]),
        );
        // The NAT changes the port.
        rows.extend([(105_000, 2, 1), (105_199, 2, 1), (105_200, 2, 2)]);
        assert_ports("forged", &rows);
    }
}
