//! The state of a peer that another relay continues with.

use super::{Peer, PeerCounters, PeerTraffic, Traffic};
use crate::relay::handover::{PeerState, ReportedMtu};
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Peer {
    /// Returns the state at `now`.
    pub(in crate::relay::peers) fn state(&self, now: u64) -> PeerState {
        let reported = self.reported_mtu().zip(self.path().valid_until());
        PeerState {
            name: self.name().map(str::to_owned),
            configured: self.settings().first(),
            endpoint: self.endpoint(),
            traffic: self.traffic(now),
            is_up: self.liveness().is_up(),
            local: self.local(),
            path_mtu: reported.map(|(mtu, until)| ReportedMtu {
                outside: mtu.outside,
                router: mtu.router,
                valid_for: Duration::from_millis(until.saturating_sub(now)),
            }),
        }
    }

    /// Continues with a state at `now`, except for its endpoint. Returns until when the MTU of the path is valid, if it
    /// has one.
    pub(in crate::relay::peers) fn restore(&self, state: &PeerState, now: u64) -> Option<u64> {
        self.counters.add(&state.traffic);
        if let Some(silent_for) = state.traffic.silent_for {
            let heard = now.saturating_sub(millis(silent_for));
            self.counters.last_heard.store(heard + 1, Ordering::Relaxed);
            if state.is_up == Some(true) {
                self.liveness().note_heard(heard);
            }
        }
        self.update_local(|_| state.local);
        let mtu = state.path_mtu.filter(|mtu| !mtu.valid_for.is_zero())?;
        let until = now.saturating_add(millis(mtu.valid_for));
        self.path().restore(mtu.outside, mtu.router, self.endpoint(), until);
        Some(until)
    }
}

impl PeerCounters {
    fn add(&self, counts: &PeerTraffic) {
        let add = |traffic: &Traffic, datagrams, bytes, dropped| {
            traffic.add(datagrams, bytes);
            traffic.dropped.fetch_add(dropped, Ordering::Relaxed);
        };
        add(&self.sent, counts.datagrams_sent, counts.bytes_sent, counts.outbound_dropped);
        add(
            &self.received,
            counts.datagrams_received,
            counts.bytes_received,
            counts.inbound_dropped,
        );
        self.foreign_prefix.fetch_add(counts.foreign_prefix, Ordering::Relaxed);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
