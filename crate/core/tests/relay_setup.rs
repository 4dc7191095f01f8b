//! The interface of a relay: where it is created, why a start is refused, and how it is rolled back.

#[path = "support/elsewhere.rs"]
mod elsewhere;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod namespace;
#[path = "support/running.rs"]
mod running;
#[path = "support/settled.rs"]
mod settled;

use elsewhere::Elsewhere;
use namespace::{in_namespace, ip, loopback_socket};
use running::{finish, start};
use settled::settled;
use std::net::SocketAddr;
use tun2udp_core::relay::{Relay, RelayConfig};
use tun2udp_core::{Error, ErrorCode};

fn config(peer: SocketAddr) -> RelayConfig {
    RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0)
}

fn start_error(config: RelayConfig) -> Error {
    Relay::start(config, |_| {}).map(drop).expect_err("a refused start")
}

#[test]
fn the_settings_of_a_persistent_device_are_restored() {
    in_namespace(|| {
        ip("tuntap add dev keep0 mode tun");
        ip("link set keep0 mtu 1400");
        ip("address add 10.9.0.1/24 dev keep0");
        ip("address add 10.8.0.1/24 dev keep0");
        // Without the queueing discipline, which the kernel attaches when the link first comes up.
        let link = || ip("-o link show dev keep0").replace("pfifo_fast", "noop");
        let describe = || settled(&(ip("-o address show dev keep0") + &link()));
        let before = describe();
        let mut config = config("127.0.0.1:9".parse().unwrap());
        config.name = Some("keep0".to_owned());
        config.addresses.push("10.7.0.1/24".parse().unwrap());
        config.routes.push("10.6.0.0/16".parse().unwrap());
        config.mtu = Some(1_300);
        let relay = start(config.clone());
        assert!(ip("-o address show dev keep0").contains("10.7.0.1/24"));
        assert!(ip("route show dev keep0").contains("10.6.0.0/16"));
        finish(&relay);
        assert_eq!(describe(), before);
        assert_eq!(ip("route show"), "");
        let relay = start(RelayConfig { mtu: None, ..config.clone() });
        assert_eq!(relay.info().mtu, 1_400, "its own MTU stays unless another is asked for");
        finish(&relay);
        let error = start_error(RelayConfig { user: Some("nobody".to_owned()), ..config });
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert_eq!(describe(), before);
    });
}

#[test]
fn a_failed_start_leaves_no_interface() {
    in_namespace(|| {
        let taken = loopback_socket();
        let peer = "127.0.0.1:9".parse().unwrap();
        let before = settled(&ip("-o link show"));
        let port = taken.local_addr().unwrap().port();
        let refused = [
            (RelayConfig { receive_port: port, ..config(peer) }, ErrorCode::AddressInUse),
            (
                RelayConfig { listen: "192.0.2.1".parse().ok(), ..config(peer) },
                ErrorCode::AddressNotAvailable,
            ),
            (
                RelayConfig { listen: "::1".parse().ok(), ..config(peer) },
                ErrorCode::InvalidArgument,
            ),
            (
                RelayConfig { netns: Some("no-such".to_owned()), ..config(peer) },
                ErrorCode::NotFound,
            ),
            (RelayConfig { name: Some("a/b".to_owned()), ..config(peer) }, ErrorCode::InvalidName),
            (
                RelayConfig { user: Some("no-such-user".to_owned()), ..config(peer) },
                ErrorCode::NotFound,
            ),
            (
                RelayConfig { clone_device: "/dev/net/none".into(), ..config(peer) },
                ErrorCode::NoDeviceNode,
            ),
            (RelayConfig { mtu: Some(65_508), ..config(peer) }, ErrorCode::InvalidArgument),
        ];
        for (config, code) in refused {
            let error = start_error(config);
            assert_eq!(error.code(), code, "{error}");
            assert_eq!(settled(&ip("-o link show")), before, "{error}");
        }
    });
}

#[test]
fn a_busy_device_names_its_holder() {
    in_namespace(|| {
        let named = RelayConfig {
            name: Some("held0".to_owned()),
            ..config("127.0.0.1:9".parse().unwrap())
        };
        let relay = start(named.clone());
        let error = start_error(named);
        assert_eq!(error.code(), ErrorCode::Busy, "{error}");
        let holder = format!("process {} ", std::process::id());
        assert!(error.to_string().contains(&holder), "{error}");
        finish(&relay);
    });
}

#[test]
fn the_interface_may_be_in_another_namespace() {
    in_namespace(|| {
        let other = Elsewhere::new();
        let peer = loopback_socket();
        let netns = Some(other.path.clone());
        let relay = start(RelayConfig { netns, ..config(peer.local_addr().unwrap()) });
        assert!(!ip("-o link show").contains(&relay.info().interface_name));
        let inside = other.ip("-o -4 address show");
        assert!(inside.contains("10.9.0.1/24"), "{inside}");
        finish(&relay);
    });
}

#[test]
fn an_address_that_is_still_checked_for_duplicates_is_refused_with_this_reason() {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        ip("link set v1 up");
        std::fs::write("/proc/sys/net/ipv6/conf/v0/dad_transmits", "100").unwrap();
        ip("link set v0 up");
        ip("address add 2001:db8::1/64 dev v0");
        let peer = "[2001:db8::2]:9".parse().unwrap();
        let listen = |address: &str| RelayConfig {
            listen: Some(address.parse().unwrap()),
            addresses: vec!["fd09::1/64".parse().unwrap()],
            ..config(peer)
        };
        let error = start_error(listen("2001:db8::1"));
        assert_eq!(error.code(), ErrorCode::AddressNotAvailable, "{error}");
        assert!(error.to_string().contains("duplicate address detection is running"), "{error}");
        let error = start_error(listen("2001:db8::7"));
        assert!(error.to_string().contains("not a local address"), "{error}");
        // The advice is true.
        ip("address add 2001:db8::3/64 dev v0 nodad");
        finish(&start(listen("2001:db8::3")));
    });
}
