//! Events about a configuration or a peer that probably differ from what the user means.

use super::config::{Accept, Event, RelayConfig};
use super::loops::LoopChange;
use super::peers::{
    EndpointChange, LivenessChange, PathMtu, PathMtuChange, PathMtuSource, PeerChange,
};
use super::setup::MIN_MTU_V6;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Foreign addresses that are reported at most.
const MAX_FOREIGN: usize = 64;
/// Time between two reports of foreign addresses.
const INTERVAL: Duration = Duration::from_secs(1);

/// Returns the event of a relay whose peer is its own socket.
pub(super) fn self_peer(peer: SocketAddr) -> Event {
    let message = format!(
        "the peer {peer} is the relay's own socket, so it sends to itself: give the address and port of the other end"
    );
    Event { kind: "self-peer", errno: None, address: None, message }
}

/// Returns the event of a relay that accepts datagrams from any address on all addresses of this machine, if it is one.
/// `local` is where it receives them.
pub(super) fn open_to_any(config: &RelayConfig, local: SocketAddr) -> Option<Event> {
    if config.accept != Accept::Any || !local.ip().is_unspecified() {
        return None;
    }
    let prefixes =
        if config.allowed_prefixes.is_empty() { "allow only prefixes of the peer, " } else { "" };
    let message = format!(
        "datagrams from any address are accepted on all addresses of this machine, so anyone who can reach UDP port \
         {} can put packets into the interface: listen on one address, {prefixes}or block the port in a firewall",
        local.port()
    );
    Some(Event { kind: "open-to-any", errno: None, address: None, message })
}

/// Returns the event of an interface that no network leads to, if it is one.
pub(super) fn no_network(config: &RelayConfig) -> Option<Event> {
    let is_host = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
    let first = config.addresses.first()?;
    if !config.routes.is_empty() || !config.addresses.iter().all(is_host) {
        return None;
    }
    let (address, example) = (first.addr(), if first.addr().is_ipv4() { 24 } else { 64 });
    let message = format!(
        "{first} is a single host, so no network is routed into the interface: give a prefix, such as \
         {address}/{example}, or add a route"
    );
    Some(Event { kind: "no-network", errno: None, address: None, message })
}

/// Returns the event of an MTU above what the path to a peer leaves, bytes.
pub(super) fn mtu_above_path(mtu: u32, path: u32) -> Event {
    let message = format!(
        "the MTU {mtu} is above the {path} bytes that the path to the peer leaves, so longer packets are \
         fragmented, or refused with an ICMP error: use at most {path}"
    );
    Event { kind: "mtu-above-path", errno: None, address: None, message }
}

/// Returns the event of a path to a peer that leaves `inner` bytes, less than IPv6 needs.
pub(super) fn outer_fragments(peer: SocketAddr, inner: u32) -> Event {
    let message = format!(
        "the path to {peer} leaves {inner} bytes, less than the {MIN_MTU_V6} that IPv6 needs: datagrams with longer \
         packets are fragmented"
    );
    Event { kind: "outer-fragments", errno: None, address: Some(peer.ip()), message }
}

/// Returns the event of a path that has just become too narrow for IPv6, if it has.
pub(super) fn narrowed_below_v6(change: &PathMtuChange) -> Option<Event> {
    let PathMtuChange { peer, reported, before } = *change;
    let is_narrow = |inner: &u32| *inner < MIN_MTU_V6;
    let inner = |path: Option<PathMtu>| path.map(|path| path.inside).filter(is_narrow);
    let narrow = inner(reported)?;
    inner(before).is_none().then(|| outer_fragments(peer, narrow))
}

/// Returns the event of a change of a peer.
pub(super) fn peer_change(change: &PeerChange) -> Event {
    match change {
        PeerChange::PathMtu(change) => path_mtu(change),
        PeerChange::Endpoint(change) => endpoint_changed(change),
        PeerChange::Liveness(change) => liveness(change),
    }
}

/// Returns the event of a peer whose datagrams go to another endpoint.
fn endpoint_changed(change: &EndpointChange) -> Event {
    let EndpointChange { name, before, endpoint } = change;
    let peer = name.as_deref().map_or_else(|| before.to_string(), str::to_owned);
    let message = format!("datagrams to the peer {peer} go to {endpoint} instead of {before}");
    Event { kind: "endpoint-changed", errno: None, address: Some(endpoint.ip()), message }
}

/// Returns the event of a peer that is up now, or down.
fn liveness(change: &LivenessChange) -> Event {
    let LivenessChange { name, endpoint, is_up } = change;
    let peer = match name {
        Some(name) => format!("{name} at {endpoint}"),
        None => endpoint.to_string(),
    };
    let (kind, message) = match is_up {
        true => ("peer-up", format!("the peer {peer} is up: a datagram came from it")),
        false => {
            let reason = "nothing came from it for three intervals of the keepalive";
            ("peer-down", format!("the peer {peer} is down: {reason}"))
        }
    };
    Event { kind, errno: None, address: Some(endpoint.ip()), message }
}

/// Returns the event of a path MTU that was reported, or that is not valid any more.
fn path_mtu(change: &PathMtuChange) -> Event {
    let PathMtuChange { peer, reported, .. } = change;
    let message = match reported {
        Some(PathMtu { outside, inside, source, router }) => {
            let reporter = match (source, router) {
                (PathMtuSource::Router, Some(router)) => format!("the router {router} reports"),
                (PathMtuSource::Router, None) => "a router reports".to_owned(),
                _ => "the kernel reports for its route".to_owned(),
            };
            format!(
                "the path to {peer} carries {outside} bytes, {reporter}: packets of more than {inside} bytes are \
                 fragmented, or refused with an ICMP error"
            )
        }
        None => {
            format!("the reported MTU of the path to {peer} is too old and is not used any more")
        }
    };
    Event { kind: "path-mtu", errno: None, address: Some(peer.ip()), message }
}

/// Returns the event of a loop that begins or ends.
pub(super) fn loop_change(change: &LoopChange) -> Event {
    let LoopChange { peer, is_start } = change;
    let (kind, message) = if *is_start {
        let message = format!(
            "a route leads the datagrams to {peer} into the tunnel, and they are dropped when they come back out of \
             it: delete the route, or give the peer a longer route of its own"
        );
        ("loop", message)
    } else {
        ("loop-ended", format!("the datagrams to {peer} do not come back any more"))
    };
    Event { kind, errno: None, address: Some(peer.ip()), message }
}

/// Returns the event of the first datagram from an address that is not a peer's. `single` is the address of a single
/// peer.
pub(super) fn foreign_source(address: IpAddr, single: Option<IpAddr>) -> Event {
    let cure = match single {
        Some(peer) => format!(
            "the peer is {peer}; if {address} is the other end, make it the peer, or accept any"
        ),
        None => "no peer has that address".to_owned(),
    };
    let message = format!("datagrams from {address} are dropped: {cure}");
    Event { kind: "foreign-source", errno: None, address: Some(address), message }
}

/// Addresses that are not a peer's, each reported once and not too often.
#[derive(Debug, Default)]
pub(super) struct ForeignSources {
    reported: Vec<IpAddr>,
    last: Option<Instant>,
}

impl ForeignSources {
    /// Returns whether to report the address now. One that comes too soon is reported by a later datagram.
    pub(super) fn should_report(&mut self, address: IpAddr, now: Instant) -> bool {
        let is_soon = self.last.is_some_and(|last| now.duration_since(last) < INTERVAL);
        if is_soon || self.reported.len() >= MAX_FOREIGN || self.reported.contains(&address) {
            return false;
        }
        self.reported.push(address);
        self.last = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(addresses: &[&str]) -> RelayConfig {
        let mut config =
            RelayConfig::new(addresses[0].parse().unwrap(), "192.0.2.2:5".parse().unwrap(), 0);
        config.addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        config
    }

    #[test]
    fn hosts_alone_without_a_route_have_no_network() {
        for (addresses, expected) in [
            (&["10.9.0.1/32"][..], Some("10.9.0.1/24")),
            (&["fd00::1/128"], Some("fd00::1/64")),
            (&["10.9.0.1/32", "fd00::1/64"], None),
            (&["10.9.0.1/31"], None),
        ] {
            let message = no_network(&config(addresses)).map(|event| event.message);
            assert_eq!(message.is_some(), expected.is_some(), "{message:?}");
            assert!(message.unwrap_or_default().contains(expected.unwrap_or_default()));
        }
        let mut routed = config(&["10.9.0.1/32"]);
        routed.routes.push("10.8.0.0/16".parse().unwrap());
        assert_eq!(no_network(&routed), None);
    }

    #[test]
    fn a_relay_that_anyone_can_send_to_is_reported() {
        let report = |accept, prefixes: &[&str], local: &str| {
            let mut config = RelayConfig { accept, ..config(&["10.9.0.1/24"]) };
            config.allowed_prefixes = prefixes.iter().map(|net| net.parse().unwrap()).collect();
            open_to_any(&config, local.parse().unwrap()).map(|event| event.message)
        };
        for local in ["0.0.0.0:5001", "[::]:5001"] {
            let message = report(Accept::Any, &[], local).unwrap();
            assert!(message.contains("port 5001") && message.contains("prefixes"), "{message}");
            let message = report(Accept::Any, &["10.9.0.0/24"], local).unwrap();
            assert!(message.contains("firewall") && !message.contains("prefixes"), "{message}");
            assert_eq!(report(Accept::Peer, &[], local), None);
        }
        for local in ["127.0.0.1:5001", "192.0.2.1:5001", "[2001:db8::1]:5001"] {
            assert_eq!(report(Accept::Any, &[], local), None);
        }
    }

    #[test]
    fn a_path_mtu_is_reported_with_its_source() {
        let peer = "192.0.2.2:5".parse().unwrap();
        let router: IpAddr = "192.0.2.254".parse().unwrap();
        for (source, router, expected) in [
            (PathMtuSource::Router, Some(router), "the router 192.0.2.254 reports"),
            (PathMtuSource::Router, None, "a router reports"),
            (PathMtuSource::Route, None, "the kernel reports for its route"),
        ] {
            let reported = Some(PathMtu { outside: 1_400, inside: 1_372, source, router });
            let event = path_mtu(&PathMtuChange { peer, reported, before: None });
            let expected = format!(
                "the path to 192.0.2.2:5 carries 1400 bytes, {expected}: packets of more than 1372 bytes are \
                 fragmented, or refused with an ICMP error"
            );
            assert_eq!((event.kind, event.address), ("path-mtu", Some(peer.ip())));
            assert_eq!(event.message, expected);
        }
        let event = path_mtu(&PathMtuChange { peer, reported: None, before: None });
        assert!(event.message.contains("too old"), "{}", event.message);
    }

    #[test]
    fn a_path_that_becomes_too_narrow_for_ipv6_is_reported_once() {
        let report = |peer: &str, before: Option<u32>, mtu: Option<u32>| {
            let headers = if peer.starts_with('[') { 48 } else { 28 };
            let path = |outside: u32| PathMtu {
                outside,
                inside: outside - headers,
                source: PathMtuSource::Route,
                router: None,
            };
            let (reported, before) = (mtu.map(path), before.map(path));
            let change = PathMtuChange { peer: peer.parse().unwrap(), reported, before };
            narrowed_below_v6(&change).map(|event| event.kind)
        };
        let (v4, v6) = ("192.0.2.2:5", "[2001:db8::2]:5");
        for (peer, before, mtu, is_reported) in [
            (v4, None, Some(1_308), false),
            (v4, None, Some(1_307), true),
            (v4, Some(1_308), Some(1_307), true),
            (v4, Some(1_307), Some(1_200), false),
            (v4, Some(1_200), Some(1_400), false),
            (v4, Some(1_200), None, false),
            (v6, None, Some(1_328), false),
            (v6, Some(1_400), Some(1_327), true),
        ] {
            let expected = is_reported.then_some("outer-fragments");
            assert_eq!(report(peer, before, mtu), expected, "{peer} {before:?} {mtu:?}");
        }
    }

    #[test]
    fn each_foreign_address_is_reported_once_and_not_too_often() {
        let (mut sources, start) = (ForeignSources::default(), Instant::now());
        let mut report = |address: u8, millis: u64| {
            let address = IpAddr::from([192, 0, 2, address]);
            sources.should_report(address, start + Duration::from_millis(millis))
        };
        assert!(report(1, 0));
        assert!(!report(1, 5_000), "once");
        assert!(report(2, 6_000));
        assert!(!report(3, 6_999), "too soon");
        assert!(report(3, 7_000), "later");
        let reported = (4..=200).filter(|number| report(*number, 10_000 * u64::from(*number)));
        assert_eq!(reported.count(), MAX_FOREIGN - 3);
    }
}
