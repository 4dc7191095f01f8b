//! Configuring an interface: what the relay and `tuntap::open` do alike, and where they differ on
//! purpose (docs/architecture.md, "Configuring an interface").
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/capabilities.rs"]
mod capabilities;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod namespace;
#[path = "support/refusal.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod refusal;

use namespace::{in_namespace, ip};
use refusal::{Call, Verdict};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use tun2udp_core::device::{DeviceOptions, Mode};
use tun2udp_core::relay::{Relay, RelayConfig};
use tun2udp_core::sys::{tun, tun_control};
use tun2udp_core::tuntap::{self, OpenOptions, Opened};
use tun2udp_core::{Error, ErrorCode};

/// Who configures the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    Relay,
    Open,
}

const BOTH: [User; 2] = [User::Relay, User::Open];

/// The settings that both know.
#[derive(Clone, Debug, Default)]
struct Wanted {
    name: Option<&'static str>,
    addresses: &'static [&'static str],
    routes: &'static [&'static str],
    mtu: Option<u32>,
}

/// A configured interface; it is in use until this is dropped.
enum InUse {
    Relay(Relay),
    Open(Opened),
}

impl InUse {
    fn mtu(&self) -> u32 {
        match self {
            Self::Relay(relay) => relay.info().mtu,
            Self::Open(opened) => opened.mtu,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Relay(relay) => relay.info().interface_name.clone(),
            Self::Open(opened) => opened.queues[0].name().to_owned(),
        }
    }
}

fn networks<T: std::str::FromStr<Err: std::fmt::Debug>>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn open_options(wanted: &Wanted) -> OpenOptions {
    let name = wanted.name.map(str::to_owned);
    OpenOptions {
        device: DeviceOptions { mode: Mode::Tun, name, ..DeviceOptions::default() },
        queues: 1,
        addresses: networks(wanted.addresses),
        routes: networks(wanted.routes),
        mtu: wanted.mtu,
        up: Some(true),
        ..OpenOptions::default()
    }
}

impl User {
    fn configure(self, wanted: &Wanted) -> Result<InUse, Error> {
        if self == Self::Open {
            return tuntap::open(&open_options(wanted)).map(InUse::Open);
        }
        let peer = "127.0.0.1:9".parse().unwrap();
        let mut config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0);
        config.name = wanted.name.map(str::to_owned);
        config.addresses = networks(wanted.addresses);
        config.routes = networks(wanted.routes);
        config.mtu = wanted.mtu;
        config.queues = 1;
        Relay::start(config, |event| panic!("unexpected event: {event:?}")).map(InUse::Relay)
    }

    fn refuse(self, wanted: &Wanted) -> Error {
        self.configure(wanted).map(drop).expect_err("a refused configuration")
    }
}

/// Runs `body` for both users, each in a network namespace of its own.
fn for_both(test: &str, body: impl Fn(User)) {
    for user in BOTH {
        in_namespace(test, || body(user));
    }
}

/// Creates the persistent TUN device `keep0`, which is down and belongs to root. It has an address of
/// its own: with the last one the kernel removes all IPv4 routes.
fn make_persistent() {
    ip("tuntap add dev keep0 mode tun user 0");
    ip("link set dev keep0 addrgenmode none");
    ip("address add 10.8.0.1/32 dev keep0");
}

const PLAIN: Wanted =
    Wanted { name: Some("keep0"), addresses: &["10.9.0.1/24"], routes: &[], mtu: None };

fn link(name: &str) -> String {
    ip(&format!("-o -d link show dev {name}"))
}

#[test]
fn a_route_that_a_persistent_interface_has_is_accepted_by_both_and_stays() {
    for_both("a_route_that_a_persistent_interface_has_is_accepted_by_both_and_stays", |user| {
        make_persistent();
        ip("link set up dev keep0");
        ip("route add 10.6.0.0/16 dev keep0");
        ip("-6 route add fd06::/32 dev keep0");
        let wanted = Wanted { routes: &["10.6.0.0/16", "fd06::/32", "10.5.0.0/16"], ..PLAIN };
        drop(user.configure(&wanted).unwrap());
        assert!(ip("route show dev keep0").contains("10.6.0.0/16"));
        assert!(ip("-6 route show dev keep0").contains("fd06::/32"));
        let is_kept = ip("route show dev keep0").contains("10.5.0.0/16");
        assert_eq!(is_kept, user == User::Open, "only a relay rolls back at its end");
    });
}

#[test]
fn the_network_of_an_address_is_no_route_to_add_for_either() {
    for_both("the_network_of_an_address_is_no_route_to_add_for_either", |user| {
        let wanted = Wanted { name: Some("new0"), routes: &["10.9.0.0/24"], ..PLAIN };
        let in_use = user.configure(&wanted).unwrap();
        assert_eq!(ip("route show dev new0").lines().count(), 1);
        drop(in_use);
    });
}

#[test]
fn a_route_through_another_interface_is_refused_by_both() {
    for_both("a_route_through_another_interface_is_refused_by_both", |user| {
        make_persistent();
        ip("route add 10.6.0.0/16 dev lo");
        let error = user.refuse(&Wanted { routes: &["10.6.0.0/16"], mtu: Some(1_300), ..PLAIN });
        assert_eq!(error.code(), ErrorCode::Exists, "{error}");
        assert!(link("keep0").contains("mtu 1500") && !link("keep0").contains(",UP"));
    });
}

#[test]
fn a_route_of_another_metric_is_neither_taken_for_the_wanted_one_nor_deleted() {
    let test = "a_route_of_another_metric_is_neither_taken_for_the_wanted_one_nor_deleted";
    in_namespace(test, || {
        make_persistent();
        ip("link set up dev keep0");
        for route in ["10.6.0.0/16", "fd06::/32"] {
            ip(&format!("route add {route} dev keep0 proto static metric 100"));
        }
        let routes = || ip("route show dev keep0") + &ip("-6 route show dev keep0");
        let before = routes();
        let wanted = Wanted { routes: &["10.6.0.0/16", "fd06::/32"], ..PLAIN };
        let in_use = User::Relay.configure(&wanted).unwrap();
        assert_eq!(routes().matches("fd06::/32").count(), 2, "{}", routes());
        assert_eq!(routes().matches("10.6.0.0/16").count(), 2, "{}", routes());
        ip("route delete 10.6.0.0/16 dev keep0 metric 0");
        drop(in_use);
        assert_eq!(routes(), before);
    });
}

#[test]
fn an_address_that_a_persistent_interface_has_is_accepted_by_both_with_its_prefix_only() {
    let test =
        "an_address_that_a_persistent_interface_has_is_accepted_by_both_with_its_prefix_only";
    for_both(test, |user| {
        make_persistent();
        // IPv6 addresses end when a link goes down.
        ip("link set up dev keep0");
        ip("address add 10.9.0.1/24 dev keep0");
        ip("address add fd09::1/64 dev keep0");
        let addresses: [&'static [&'static str]; 2] =
            [&["10.9.0.1/24", "fd09::1/64"], &["10.9.0.1/24", "fd09::1/48"]];
        drop(user.configure(&Wanted { addresses: addresses[0], ..PLAIN }).unwrap());
        assert!(ip("address show dev keep0").contains("10.9.0.1/24"));
        let error = user.refuse(&Wanted { addresses: addresses[1], ..PLAIN });
        assert_eq!(error.code(), ErrorCode::Exists, "{error}");
        assert!(error.to_string().contains("keep0 has it with the prefix /64"), "{error}");
    });
}

#[test]
fn an_address_or_a_route_given_twice_is_refused_by_both() {
    for_both("an_address_or_a_route_given_twice_is_refused_by_both", |user| {
        let twice: [(&[&str], &[&str]); 2] =
            [(&["10.9.0.1/24", "10.9.0.1/24"], &[]), (&["10.9.0.1/24"], &["10.6.0.0/16"; 2])];
        for (addresses, routes) in twice {
            let error = user.refuse(&Wanted { name: Some("new0"), addresses, routes, mtu: None });
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
            assert!(error.to_string().contains("it is given twice"), "{error}");
        }
        assert!(!ip("-o link show").contains("new0"));
    });
}

#[test]
fn the_kernel_generates_addresses_on_no_new_interface_and_an_existing_one_keeps_its_mode() {
    let test =
        "the_kernel_generates_addresses_on_no_new_interface_and_an_existing_one_keeps_its_mode";
    for_both(test, |user| {
        let in_use = user.configure(&Wanted { name: Some("new0"), ..PLAIN }).unwrap();
        assert!(link("new0").contains("addrgenmode none"), "{}", link("new0"));
        drop(in_use);
        make_persistent();
        ip("link set dev keep0 addrgenmode random");
        let in_use = user.configure(&PLAIN).unwrap();
        assert!(link("keep0").contains("addrgenmode random"), "{}", link("keep0"));
        drop(in_use);
    });
    in_namespace(test, || {
        let wanted = Wanted { name: Some("new0"), ..PLAIN };
        let options = OpenOptions { link_local: true, ..open_options(&wanted) };
        let _opened = tuntap::open(&options).unwrap();
        assert!(ip("-6 address show dev new0").contains("fe80::"));
    });
}

#[test]
fn without_an_mtu_a_persistent_interface_keeps_its_own_and_the_relay_checks_it() {
    let test = "without_an_mtu_a_persistent_interface_keeps_its_own_and_the_relay_checks_it";
    for_both(test, |user| {
        assert_eq!(user.configure(&Wanted { name: None, ..PLAIN }).unwrap().mtu(), 1_500);
        make_persistent();
        ip("link set mtu 1400 dev keep0");
        assert_eq!(user.configure(&PLAIN).unwrap().mtu(), 1_400);
        // One datagram over IPv4 carries 65,507 bytes.
        ip("link set mtu 65508 dev keep0");
        match user {
            User::Relay => {
                let error = user.refuse(&PLAIN);
                assert!(error.to_string().starts_with("use the MTU 65508: "), "{error}");
            }
            User::Open => assert_eq!(user.configure(&PLAIN).unwrap().mtu(), 65_508),
        }
    });
}

#[test]
fn only_the_relay_limits_the_segments_of_super_packets() {
    for_both("only_the_relay_limits_the_segments_of_super_packets", |user| {
        let in_use = user.configure(&Wanted { name: None, ..PLAIN }).unwrap();
        let limit = if user == User::Relay { "gso_max_segs 43 " } else { "gso_max_segs 65535 " };
        assert!(link(&in_use.name()).contains(limit), "{}", link(&in_use.name()));
    });
}

#[test]
fn both_wait_for_a_device_that_was_closed_a_moment_ago() {
    let test = "both_wait_for_a_device_that_was_closed_a_moment_ago";
    if let Some(reason) = refusal::missing() {
        println!("SKIP {test}: {reason}");
        return;
    }
    for_both(test, |user| {
        make_persistent();
        let refused = AtomicU32::new(0);
        let judge = move |call: &Call| {
            let is_opening = call.arguments[1] == u64::from(libc::TUNSETIFF as u32);
            match is_opening && refused.fetch_add(1, Ordering::Relaxed) < 2 {
                true => Verdict::Refuse(libc::EBUSY),
                false => Verdict::Pass,
            }
        };
        refusal::under(&[libc::SYS_ioctl], judge, || drop(user.configure(&PLAIN).unwrap()));
    });
}

/// `tuntap::open` of `keep0` that fails at its last step.
fn fail(options: OpenOptions) -> Error {
    ip("route add 10.6.0.0/16 dev lo");
    let routes = networks(&["10.6.0.0/16"]);
    tuntap::open(&OpenOptions { routes, ..options }).map(drop).expect_err("a refused route")
}

#[test]
fn a_failed_open_restores_state_link_type_queue_length_and_send_buffer() {
    let test = "a_failed_open_restores_state_link_type_queue_length_and_send_buffer";
    in_namespace(test, || {
        make_persistent();
        let before = link("keep0");
        let changes = OpenOptions {
            link_type: Some(1),
            tx_queue_length: Some(77),
            send_buffer_bytes: Some(50_000),
            up: Some(false),
            mtu: Some(1_300),
            ..open_options(&PLAIN)
        };
        fail(changes);
        assert_eq!(link("keep0"), before);
        let opened = tuntap::open(&open_options(&PLAIN)).unwrap();
        let buffer = tun_control::send_buffer(opened.queues[0].as_fd()).unwrap();
        assert_eq!(buffer, i32::MAX);
        drop(opened);
        ip("route delete 10.6.0.0/16 dev lo");
        // It is up now, and is to be up again.
        fail(OpenOptions { up: Some(false), ..open_options(&PLAIN) });
        assert!(link("keep0").contains("UP"), "{}", link("keep0"));
    });
}

#[test]
fn changes_to_an_interface_that_another_process_holds_are_rolled_back_too() {
    in_namespace("changes_to_an_interface_that_another_process_holds_are_rolled_back_too", || {
        let held: OwnedFd = tun::open(Path::new("/dev/net/tun")).unwrap();
        let flags = tun::IFF_TUN | tun::IFF_NO_PI | tun::IFF_MULTI_QUEUE;
        tun::set_interface(held.as_fd(), "keep0", flags).unwrap();
        let before = link("keep0");
        let mut options = OpenOptions { mtu: Some(1_300), ..open_options(&PLAIN) };
        options.device.is_multi_queue = true;
        fail(options);
        let after = link("keep0").replace("numqueues 2", "numqueues 1");
        let words = |text: &str| {
            let kept = text.split_whitespace().filter(|word| !word.contains("queue"));
            kept.map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(after.contains("mtu 1500") && !after.contains(",UP"), "{after}");
        assert_eq!(words(&after).len(), words(&before).len());
    });
}

/// `keep0` with all that [`COMPLETE`] asks for.
fn make_complete() {
    make_persistent();
    for command in [
        "link set mtu 1300 dev keep0",
        "address add 10.9.0.1/24 dev keep0",
        "address add fd09::1/64 dev keep0",
        "link set up dev keep0",
        "route add 10.6.0.0/16 dev keep0",
    ] {
        ip(command);
    }
}

const COMPLETE: Wanted = Wanted {
    name: Some("keep0"),
    addresses: &["10.9.0.1/24", "fd09::1/64"],
    routes: &["10.6.0.0/16"],
    mtu: Some(1_300),
};

#[test]
fn an_owner_without_capabilities_uses_an_interface_that_is_configured_completely() {
    let test = "an_owner_without_capabilities_uses_an_interface_that_is_configured_completely";
    for_both(test, |user| {
        make_complete();
        let state = || ip("-o address show dev keep0") + &ip("-d route show dev keep0");
        let before = state();
        capabilities::without(|| {
            let in_use = user.configure(&COMPLETE).unwrap();
            assert_eq!(in_use.mtu(), 1_300);
        });
        let without_carrier = |text: &str| text.replace(" linkdown", "").replace(" tentative", "");
        assert_eq!(without_carrier(&state()), without_carrier(&before));
    });
}

#[test]
fn an_owner_without_capabilities_is_told_the_command_that_is_missing() {
    for_both("an_owner_without_capabilities_is_told_the_command_that_is_missing", |user| {
        make_complete();
        let cases: [(Wanted, &str); 3] = [
            (Wanted { mtu: Some(1_301), ..COMPLETE }, "ip link set dev keep0 mtu 1301"),
            (
                Wanted { addresses: &["10.9.0.2/24"], ..COMPLETE },
                "ip address add 10.9.0.2/24 dev keep0",
            ),
            (Wanted { routes: &["10.5.0.0/16"], ..COMPLETE }, "ip route add 10.5.0.0/16 dev keep0"),
        ];
        for (wanted, command) in cases {
            let error = capabilities::without(|| user.refuse(&wanted));
            assert_eq!(error.code(), ErrorCode::Permission, "{error}");
            assert!(error.to_string().ends_with(command), "{error}");
        }
    });
}

#[test]
fn an_adopted_descriptor_whose_interface_is_elsewhere_leaves_a_namesake_alone() {
    let test = "an_adopted_descriptor_whose_interface_is_elsewhere_leaves_a_namesake_alone";
    if let Some(reason) = refusal::missing() {
        println!("SKIP {test}: {reason}");
        return;
    }
    in_namespace(test, || {
        let flags = tun::IFF_TUN | tun::IFF_NO_PI;
        let queue = || {
            let fd: OwnedFd = tun::open(Path::new("/dev/net/tun")).unwrap();
            tun_control::set_index(fd.as_fd(), 4_711).unwrap();
            tun::set_interface(fd.as_fd(), "keep0", flags).unwrap();
            fd
        };
        let given = queue();
        let _second = tun2udp_core::sys::netns::unshare().unwrap();
        let _namesake = queue();
        let before = link("keep0");
        // The process may change interfaces here, but not where the given one is.
        let judge = |call: &Call| match call.arguments[1] == u64::from(libc::TUNGETDEVNETNS as u32)
        {
            true => Verdict::Refuse(libc::EPERM),
            false => Verdict::Pass,
        };
        let fd = given.into_raw_fd();
        let options = OpenOptions { adopt: Some(fd), mtu: Some(1_300), ..open_options(&PLAIN) };
        let opened = refusal::under(&[libc::SYS_ioctl], judge, || tuntap::open(&options));
        assert_eq!(opened.map(drop).unwrap_err().code(), ErrorCode::Permission);
        assert_eq!(link("keep0"), before);
        tun_control::close_given(fd).unwrap();
    });
}
