//! The state of all peers that another relay continues with.

use super::Peers;
use crate::relay::handover::{PeerState, RelayState};
use crate::relay::peers::peer::Peer;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

impl Peers {
    /// Adds the state of all peers to `state`.
    pub(in crate::relay) fn save(&self, state: &mut RelayState) {
        let _zones = self.upkeep.lock_table();
        let table = self.current.load();
        let now = self.upkeep.timers.millis(Instant::now());
        state.peers = table.peers().iter().map(|peer| peer.state(now)).collect();
        state.removed = self.removed().counts();
        state.foreign_bytes = table.foreign_bytes();
    }

    /// Continues with the peers of `state`. A peer is the one with its name; without a name, or if one of them has none,
    /// the one with its configured endpoint; a single peer is the single peer. The others count as removed.
    ///
    /// An endpoint that was learned is used if the settings of the peer permit it.
    pub(in crate::relay) fn restore(&self, state: &RelayState) {
        let _zones = self.upkeep.lock_table();
        let table = self.current.load_full();
        let now = self.upkeep.timers.millis(Instant::now());
        let is_single = !table.is_many() && state.peers.len() == 1;
        let known = Known::of(table.peers());
        let mut moves: Vec<(&Peer, SocketAddr)> = Vec::new();
        for before in &state.peers {
            let single = table.peers().first().filter(|_| is_single);
            let Some(peer) = single.or_else(|| known.find(before)) else {
                self.removed().add_counts(before.traffic);
                continue;
            };
            if let Some(until) = peer.restore(before, now) {
                self.upkeep.timers.schedule(until);
            }
            if before.endpoint != peer.endpoint() && before.configured == peer.settings().first() {
                moves.push((peer, before.endpoint));
            }
        }
        self.removed().add_counts(state.removed);
        self.upkeep.foreign_bytes.fetch_add(state.foreign_bytes, Ordering::Relaxed);
        if let Some(moved) = table.with_moves(&moves) {
            self.current.store(Arc::new(moved));
        }
        self.upkeep.local_version.fetch_add(1, Ordering::Relaxed);
    }
}

/// Peers by what identifies them: there may be many.
struct Known<'a> {
    names: HashMap<&'a str, &'a Arc<Peer>>,
    endpoints: HashMap<SocketAddr, &'a Arc<Peer>>,
}

impl<'a> Known<'a> {
    fn of(peers: &'a [Arc<Peer>]) -> Self {
        Self {
            names: peers.iter().filter_map(|peer| Some((peer.name()?, peer))).collect(),
            endpoints: peers.iter().map(|peer| (peer.settings().first(), peer)).collect(),
        }
    }

    /// Returns the peer that `before` is the state of.
    fn find(&self, before: &PeerState) -> Option<&'a Arc<Peer>> {
        let name = before.name.as_deref();
        let named = name.and_then(|name| self.names.get(name));
        let at = || self.endpoints.get(&before.configured);
        let is_it = |peer: &&&Arc<Peer>| name.is_none() || peer.name().is_none();
        named.or_else(|| at().filter(is_it)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::config::{FollowPort, PeerConfig, RelayConfig};
    use crate::relay::handover::ReportedMtu;
    use crate::relay::peers::PeerTraffic;
    use std::time::Duration;

    fn peers(names: &[(&str, &str, &str)]) -> Peers {
        let configs = names.iter().map(|(name, endpoint, prefix)| PeerConfig {
            name: Some((*name).to_owned()),
            follow_port: FollowPort::Always,
            ..PeerConfig::new(endpoint.parse().unwrap(), vec![prefix.parse().unwrap()])
        });
        let address = "10.9.0.1/24".parse().unwrap();
        let mut config = RelayConfig::with_peers(address, configs.collect(), 0).unwrap();
        Peers::continued(&mut config).unwrap()
    }

    fn state(name: &str, configured: &str, endpoint: &str, datagrams: u64) -> PeerState {
        PeerState {
            name: Some(name.to_owned()),
            configured: configured.parse().unwrap(),
            endpoint: endpoint.parse().unwrap(),
            traffic: PeerTraffic {
                datagrams_sent: datagrams,
                bytes_received: 7,
                silent_for: Some(Duration::from_secs(90)),
                ..PeerTraffic::default()
            },
            is_up: None,
            local: Some("192.0.2.77".parse().unwrap()),
            path_mtu: Some(ReportedMtu {
                outside: 1_400,
                router: Some("192.0.2.254".parse().unwrap()),
                valid_for: Duration::from_secs(300),
            }),
        }
    }

    #[test]
    fn peers_continue_with_counts_path_and_learned_port() {
        let first = ("a", "192.0.2.1:5", "10.9.0.2/32");
        let new = peers(&[first, ("b", "192.0.2.2:5", "10.9.0.3/32")]);
        let before = RelayState {
            peers: vec![
                state("a", "192.0.2.1:5", "192.0.2.1:777", 10),
                state("gone", "192.0.2.9:5", "192.0.2.9:5", 3),
                state("b", "198.51.100.2:5", "198.51.100.2:9", 20),
            ],
            removed: PeerTraffic { datagrams_sent: 4, ..PeerTraffic::default() },
            foreign_bytes: 11,
            ..RelayState::default()
        };
        new.restore(&before);
        let stats = new.stats();
        let endpoints: Vec<String> = stats.iter().map(|peer| peer.endpoint.to_string()).collect();
        assert_eq!(endpoints, ["192.0.2.1:777", "192.0.2.2:5"], "b has another address now");
        let traffic: Vec<PeerTraffic> = stats.iter().filter_map(|peer| peer.traffic).collect();
        assert_eq!((traffic[0].datagrams_sent, traffic[1].datagrams_sent), (10, 20));
        let silent = traffic[0].silent_for.unwrap();
        assert!((90..150).contains(&silent.as_secs()), "{silent:?}");
        let path = stats[0].path_mtu.unwrap();
        assert_eq!((path.outside, path.router), (1_400, Some("192.0.2.254".parse().unwrap())));
        let mut saved = RelayState::default();
        new.save(&mut saved);
        assert_eq!((saved.removed.datagrams_sent, saved.foreign_bytes), (7, 11));
        assert_eq!(saved.peers[0].configured, "192.0.2.1:5".parse().unwrap());
        assert_eq!(saved.peers[0].local, Some("192.0.2.77".parse().unwrap()));
        let valid = saved.peers[0].path_mtu.unwrap().valid_for.as_secs();
        assert!((200..=300).contains(&valid), "{valid}");
    }

    #[test]
    fn thousands_of_peers_continue_at_their_learned_ports() {
        let hosts = 0..3_000;
        let configs: Vec<[String; 3]> = hosts
            .clone()
            .map(|n| {
                let (high, low) = (n / 200, n % 200 + 1);
                [format!("p{n}"), format!("192.1.{high}.{low}:5"), format!("10.8.{high}.{low}/32")]
            })
            // A second peer at the address of the first one.
            .chain([["twin".into(), "192.1.0.1:6".into(), "10.9.9.9/32".into()]])
            .collect();
        let at = |endpoint: &str, port: u32| {
            let mut endpoint: SocketAddr = endpoint.parse().unwrap();
            endpoint.set_port(port as u16);
            endpoint.to_string()
        };
        let learned = |n: u32| if n.is_multiple_of(3) { 5 } else { 7_000 + n };
        let mut states: Vec<PeerState> = configs
            .iter()
            .zip(hosts.clone())
            .map(|([name, configured, _], n)| {
                state(name, configured, &at(configured, learned(n)), n.into())
            })
            .collect();
        // Both want one port, and the first has it. Another one has a configured port, and one is of another host.
        states[0].endpoint = "192.1.0.1:777".parse().unwrap();
        states.push(state("twin", "192.1.0.1:6", "192.1.0.1:777", 0));
        states[4].endpoint = "192.1.0.9:5".parse().unwrap();
        states[5].endpoint = "198.51.100.1:5".parse().unwrap();
        let borrowed: Vec<_> =
            configs.iter().map(|[a, b, c]| (a.as_str(), b.as_str(), c.as_str())).collect();
        let new = peers(&borrowed);
        new.restore(&RelayState { peers: states, ..RelayState::default() });
        let stats = new.stats();
        let expected = hosts.map(|n| match n {
            0 => at(&configs[0][1], 777),
            4 | 5 => configs[n as usize][1].clone(),
            _ => at(&configs[n as usize][1], learned(n)),
        });
        let expected: Vec<String> = expected.chain(["192.1.0.1:6".to_owned()]).collect();
        let endpoints: Vec<String> = stats.iter().map(|peer| peer.endpoint.to_string()).collect();
        assert_eq!(endpoints, expected);
        assert_eq!(stats[2_999].traffic.unwrap().datagrams_sent, 2_999);
        let table = new.current.load();
        for (peer, number) in table.peers().iter().zip(0..) {
            let found = table.of_source(Some(peer.endpoint()));
            assert_eq!(found, Some(crate::relay::peers::table::PeerIndex(number)), "{peer:?}");
        }
    }

    #[test]
    fn the_state_is_read_from_json_of_another_version() {
        let text = r#"{"outbound":{"packets_read":5,"new_counter":1},"future":true,"peers":
            [{"configured":"192.0.2.1:5","endpoint":"[fe80::1%2]:6","more":[1]}]}"#;
        let state: RelayState = serde_json::from_str(text).unwrap();
        assert_eq!((state.outbound.packets_read, state.inbound.packets_written), (5, 0));
        assert_eq!(state.peers[0].endpoint.port(), 6);
        let again = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<RelayState>(&again).unwrap(), state);
    }
}
