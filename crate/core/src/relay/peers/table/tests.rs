use super::*;
use crate::packet::samples::Sample;
use crate::relay::peers::LastRoute;
use crate::relay::peers::zone::Zones;
use crate::relay::wire::Wire;
use crate::sys::socket::ErrorOrigin;
use std::time::Duration;

fn address(text: &str) -> Option<SocketAddr> {
    Some(text.parse().unwrap())
}

fn single(
    accept: Accept,
    endpoint: SocketAddr,
    allowed: &[IpNet],
    upkeep: Arc<Upkeep>,
) -> PeerTable {
    PeerTable::single(accept, PeerSettings::at(endpoint), allowed, upkeep)
}

fn upkeep() -> Arc<Upkeep> {
    Arc::new(Upkeep::new(Duration::from_secs(600), true, Zones::default(), Wire::default()))
}

fn accepts(table: &PeerTable, source: Option<SocketAddr>) -> bool {
    table.of_source(source).is_some()
}

fn peer(endpoint: &str, networks: &[&str]) -> PeerConfig {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    PeerConfig::new(endpoint.parse().unwrap(), networks)
}

#[test]
fn the_peer_is_known_by_its_address_whatever_its_port() {
    let table = single(Accept::Peer, "192.0.2.1:5".parse().unwrap(), &[], upkeep());
    assert!(accepts(&table, address("192.0.2.1:6")));
    assert!(!accepts(&table, address("192.0.2.2:5")));
    assert!(!accepts(&table, address("[::ffff:192.0.2.1]:5")));
    assert!(!accepts(&table, None));
}

#[test]
fn a_link_local_peer_is_known_by_its_link_too() {
    let table = single(Accept::Peer, "[fe80::1%3]:5".parse().unwrap(), &[], upkeep());
    assert!(accepts(&table, address("[fe80::1%3]:6")));
    assert!(!accepts(&table, address("[fe80::1%4]:5")));
}

#[test]
fn any_source_is_accepted_when_asked_for() {
    let table = single(Accept::Any, "192.0.2.1:5".parse().unwrap(), &[], upkeep());
    assert!(accepts(&table, address("198.51.100.7:1")));
    assert!(accepts(&table, None));
}

#[test]
fn a_single_peer_gets_everything() {
    let table = single(Accept::Peer, "192.0.2.1:5".parse().unwrap(), &[], upkeep());
    for packet in [&[][..], b"\x45", b"\x60", &[0xff; 60]] {
        assert_eq!(
            table.route(packet, &mut LastRoute::default()),
            Some(PeerIndex(0)),
            "{packet:?}"
        );
    }
}

#[test]
fn of_many_the_destination_of_the_packet_chooses() {
    let peers = [
        peer("192.0.2.1:5", &["10.0.0.0/8", "2001:db8::/32"]),
        peer("192.0.2.2:5", &["10.9.0.0/16", "2001:db8::2/128"]),
    ];
    let table = PeerTable::many(&peers, &[], upkeep()).unwrap();
    for is_v6 in [false, true] {
        let packet = Sample { is_v6, ..Sample::tcp(1, b"x") }.bytes();
        let to = |text: &str| {
            let mut packet = packet.clone();
            match text.parse().unwrap() {
                IpAddr::V4(address) => packet[16..20].copy_from_slice(&address.octets()),
                IpAddr::V6(address) => packet[24..40].copy_from_slice(&address.octets()),
            }
            table.route(&packet, &mut LastRoute::default()).map(|peer| peer.0)
        };
        let found = match is_v6 {
            false => [to("10.1.2.3"), to("10.9.2.3"), to("11.0.0.1")],
            true => [to("2001:db8::1"), to("2001:db8::2"), to("2001:db9::1")],
        };
        assert_eq!(found, [Some(0), Some(1), None]);
    }
    for packet in [&[][..], b"\x45", &[0x45; 19], &[0x60; 39], &[0x50; 60]] {
        assert_eq!(table.route(packet, &mut LastRoute::default()), None, "{packet:?}");
    }
}

#[test]
fn what_belongs_to_two_peers_is_refused() {
    let refused =
        |peers: &[PeerConfig]| PeerTable::many(peers, &[], upkeep()).unwrap_err().to_string();
    let no_port = [peer("192.0.2.1:5", &[]), peer("192.0.2.2:0", &[])];
    assert!(refused(&no_port).contains("port 0"), "{}", refused(&no_port));
    let twice = [peer("192.0.2.1:5", &[]), peer("192.0.2.1:5", &[])];
    assert!(refused(&twice).contains("192.0.2.1:5"), "{}", refused(&twice));
    let shared = [peer("192.0.2.1:5", &["10.0.0.1/8"]), peer("192.0.2.2:5", &["10.0.0.2/8"])];
    assert!(refused(&shared).contains("10.0.0.2/8"), "{}", refused(&shared));
}

/// The path MTU of each peer, bytes.
fn outside(table: &PeerTable) -> Vec<Option<u32>> {
    let stats = table.stats(Instant::now());
    stats.iter().map(|peer| peer.path_mtu.map(|mtu| mtu.outside)).collect()
}

#[test]
fn a_peer_on_a_new_interface_keeps_the_mtu_of_the_start() {
    let endpoint: SocketAddr = "[fe80::1%3]:5".parse().unwrap();
    let table = single(Accept::Peer, endpoint, &[], upkeep());
    table.set_start_mtu("[fe80::2%3]:5".parse().unwrap(), 1_400);
    assert_eq!(outside(&table), [None]);
    table.set_start_mtu(endpoint, 1_500);
    assert_eq!(outside(&table.moved(&[(3, 4)]).unwrap()), [Some(1_500)]);
}

#[test]
fn a_reported_path_mtu_belongs_to_the_peer_it_is_about_and_ages() {
    let peers = [peer("192.0.2.1:5", &[]), peer("192.0.2.2:5", &[])];
    let table = PeerTable::many(&peers, &[], upkeep()).unwrap();
    let report = |origin, destination: &str, mtu| ErrorReport {
        errno: libc::EMSGSIZE,
        origin,
        destination: address(destination),
        mtu,
        reporter: None,
    };
    let mtus = || outside(&table);
    table.note_errors(&[
        report(ErrorOrigin::Network, "192.0.2.9:5", Some(1_100)),
        report(ErrorOrigin::Network, "192.0.2.1:5", None),
    ]);
    assert_eq!((mtus(), table.upkeep.timers.time_left()), (vec![None, None], None));
    // A report of this kernel contains only the address.
    table.note_errors(&[report(ErrorOrigin::Local, "192.0.2.2:0", Some(1_200))]);
    assert_eq!(mtus(), [None, Some(1_200)]);
    table.note_errors(&[report(ErrorOrigin::Network, "192.0.2.2:5", Some(1_300))]);
    assert_eq!(mtus(), [None, Some(1_300)]);
    assert_eq!([0, 1].map(|peer| table.inner_mtu(PeerIndex(peer))), [None, Some(1_272)]);
    // The new table keeps the peer's state and the deadline.
    let table = table.successor(&peers[1..]).unwrap();
    let mtus = || outside(&table);
    assert_eq!(mtus(), [Some(1_300)]);
    let left = table.upkeep.timers.time_left().unwrap();
    assert!(left > Duration::from_secs(590) && left <= Duration::from_secs(600), "{left:?}");
    table.expire(Instant::now() + Duration::from_secs(590));
    assert_eq!(mtus(), [Some(1_300)]);
    table.expire(Instant::now() + Duration::from_secs(601));
    assert_eq!((mtus(), table.upkeep.timers.time_left()), (vec![None], None));
}

#[test]
fn without_path_mtu_discovery_reports_are_ignored() {
    let peers = [peer("192.0.2.1:5", &[])];
    let upkeep =
        Arc::new(Upkeep::new(Duration::from_secs(600), false, Zones::default(), Wire::default()));
    let table = PeerTable::many(&peers, &[], upkeep).unwrap();
    table.note_errors(&[ErrorReport {
        errno: libc::EMSGSIZE,
        origin: ErrorOrigin::Network,
        destination: address("192.0.2.1:5"),
        mtu: Some(1_300),
        reporter: None,
    }]);
    assert_eq!((table.inner_mtu(PeerIndex(0)), table.upkeep.timers.time_left()), (None, None));
    assert_eq!(table.upkeep.changes.take(), []);
}

#[test]
fn a_lifetime_without_end_has_no_deadline_worth_a_wait() {
    let upkeep = Arc::new(Upkeep::new(Duration::MAX, true, Zones::default(), Wire::default()));
    let table = PeerTable::many(&[peer("192.0.2.2:5", &[])], &[], upkeep).unwrap();
    let origin = ErrorOrigin::Network;
    let destination = address("192.0.2.2:5");
    table.note_errors(&[ErrorReport {
        errno: libc::EMSGSIZE,
        origin,
        destination,
        mtu: Some(1_300),
        reporter: None,
    }]);
    assert_eq!(table.upkeep.timers.time_left(), None);
    table.expire(Instant::now() + Duration::from_secs(1 << 30));
    assert_eq!(outside(&table), [Some(1_300)]);
}

#[test]
fn a_path_is_too_narrow_for_ipv6_by_the_packets_that_it_leaves_room_for() {
    for (wire, mtu, expected) in [
        (Wire::Plain, 1_308, false),
        (Wire::Plain, 1_307, true),
        (Wire::Frames, 1_322, false),
        (Wire::Frames, 1_321, true),
    ] {
        let upkeep = Arc::new(Upkeep::new(Duration::MAX, true, Zones::default(), wire));
        let table = PeerTable::many(&[peer("192.0.2.2:5", &[])], &[], upkeep).unwrap();
        table.note_errors(&[ErrorReport {
            errno: libc::EMSGSIZE,
            origin: ErrorOrigin::Network,
            destination: address("192.0.2.2:5"),
            mtu: Some(mtu),
            reporter: None,
        }]);
        assert_eq!(table.is_too_narrow_for_v6(true), expected, "{wire:?} {mtu}");
    }
}

/// The start of a packet from `source`.
fn from(source: &str) -> Vec<u8> {
    match source.parse().unwrap() {
        IpAddr::V4(source) => {
            let mut packet = vec![0x45; 20];
            packet[12..16].copy_from_slice(&source.octets());
            packet
        }
        IpAddr::V6(source) => {
            let mut packet = vec![0x60; 40];
            packet[8..24].copy_from_slice(&source.octets());
            packet
        }
    }
}

#[test]
fn a_peer_may_send_from_its_own_prefixes_only() {
    let peers = [
        peer("192.0.2.1:5", &["10.20.0.0/16", "fd20::/64"]),
        peer("192.0.2.2:5", &["10.20.7.0/24", "0.0.0.0/0", "fd20::7/128"]),
    ];
    let table = PeerTable::many(&peers, &[], upkeep()).unwrap();
    // One source after the other, as in a batch.
    let mut last = LastRoute::default();
    let mut permitted =
        |packet: &[u8]| [0, 1].map(|number| table.permits(PeerIndex(number), packet, &mut last));
    for (source, expected) in [
        ("10.20.0.1", [true, false]),
        ("10.20.0.1", [true, false]),
        // The longer prefix of the other peer decides.
        ("10.20.7.1", [false, true]),
        ("198.51.100.1", [false, true]),
        ("fd20::1", [true, false]),
        ("fd20::7", [false, true]),
        ("fd21::1", [false, false]),
    ] {
        assert_eq!(permitted(&from(source)), expected, "{source}");
    }
    // A packet that ends within its header has no source.
    for packet in [&[][..], &[0x45; 15], &[0x60; 23], &[0x50; 60]] {
        assert_eq!(permitted(packet), [false, false], "{packet:?}");
    }
}

#[test]
fn a_single_peer_with_prefixes_gets_and_sends_only_these() {
    let endpoint = "[fe80::1%3]:5".parse().unwrap();
    let prefixes = ["10.20.0.0/16", "10.21.0.5/32", "10.20.0.0/16", "fd20::/64"];
    let prefixes = prefixes.map(|prefix| prefix.parse().unwrap());
    let limited = single(Accept::Any, endpoint, &prefixes, upkeep());
    let open = single(Accept::Peer, endpoint, &[], upkeep());
    let permits = |table: &PeerTable, packet: &[u8]| {
        table.permits(PeerIndex(0), packet, &mut LastRoute::default())
    };
    for packet in [from("10.0.0.1"), from("::"), vec![], vec![0x45; 15]] {
        assert!(permits(&open, &packet) && !permits(&limited, &packet));
    }
    // The prefixes stay when the peer's interface changes.
    for table in [&limited, &limited.moved(&[(3, 4)]).unwrap()] {
        for (address, expected) in [
            ("10.20.255.255", true),
            ("10.21.0.5", true),
            ("10.21.0.6", false),
            ("0.0.0.0", false),
            ("fd20::9", true),
            ("fd20:0:0:1::9", false),
        ] {
            assert_eq!(permits(table, &from(address)), expected, "from {address}");
            let mut packet = from("10.0.0.1");
            match address.parse().unwrap() {
                IpAddr::V4(to) => packet[16..20].copy_from_slice(&to.octets()),
                IpAddr::V6(to) => {
                    packet = from("::1");
                    packet[24..40].copy_from_slice(&to.octets());
                }
            }
            let found = table.route(&packet, &mut LastRoute::default());
            assert_eq!(found, expected.then_some(PeerIndex(0)), "to {address}");
        }
    }
}
