//! Relays that must report no event, and the balance of their counters.

use tun2udp_core::relay::{Relay, RelayConfig, Stats};

/// Starts a relay; any event except one about a foreign source fails the test.
pub(crate) fn start(config: RelayConfig) -> Relay {
    Relay::start(config, |event| assert_eq!(event.kind, "foreign-source", "{event:?}")).unwrap()
}

/// Ends the relay and returns its last counters, in which no packet may be missing.
pub(crate) fn finish(relay: &Relay) -> Stats {
    relay.close();
    relay.join();
    let stats = relay.stats();
    assert_balanced(&stats);
    stats
}

/// Fails unless each packet and each datagram is counted as passed on or as dropped.
pub(crate) fn assert_balanced(stats: &Stats) {
    let Stats { outbound, inbound, .. } = stats;
    let passed_on = outbound.datagrams_sent + outbound.dropped();
    assert_eq!(outbound.packets_read, passed_on, "{stats:?}");
    let passed_on = inbound.packets_written + inbound.dropped();
    assert_eq!(inbound.datagrams_received, passed_on, "{stats:?}");
}
