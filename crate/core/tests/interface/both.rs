//! The common behaviour of a relay and an opened device, and their intended differences.

use crate::namespace::{in_namespace, ip, skip};
use crate::refusal::{self, Call, Verdict};
use crate::settled::settled;
use crate::user::{PLAIN, User, Wanted, for_both, link, make_persistent, open_options};
use std::sync::atomic::{AtomicU32, Ordering};
use tun2udp_core::ErrorCode;
use tun2udp_core::port::{self, OpenOptions};

#[test]
fn a_route_that_a_persistent_interface_has_is_accepted_by_both_and_stays() {
    for_both(|user| {
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
    for_both(|user| {
        let wanted = Wanted { name: Some("new0"), routes: &["10.9.0.0/24"], ..PLAIN };
        let in_use = user.configure(&wanted).unwrap();
        assert_eq!(ip("route show dev new0").lines().count(), 1);
        drop(in_use);
    });
}

#[test]
fn a_route_through_another_interface_is_refused_by_both() {
    for_both(|user| {
        make_persistent();
        ip("route add 10.6.0.0/16 dev lo");
        let error = user.refuse(&Wanted { routes: &["10.6.0.0/16"], mtu: Some(1_300), ..PLAIN });
        assert_eq!(error.code(), ErrorCode::Exists, "{error}");
        assert!(link("keep0").contains("mtu 1500") && !link("keep0").contains(",UP"));
    });
}

#[test]
fn a_route_of_another_metric_is_neither_taken_for_the_wanted_one_nor_deleted() {
    in_namespace(|| {
        make_persistent();
        ip("link set up dev keep0");
        for route in ["10.6.0.0/16", "fd06::/32"] {
            ip(&format!("route add {route} dev keep0 proto static metric 100"));
        }
        let routes = || settled(&(ip("route show dev keep0") + &ip("-6 route show dev keep0")));
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
    for_both(|user| {
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
    for_both(|user| {
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
    for_both(|user| {
        let in_use = user.configure(&Wanted { name: Some("new0"), ..PLAIN }).unwrap();
        assert!(link("new0").contains("addrgenmode none"), "{}", link("new0"));
        drop(in_use);
        make_persistent();
        ip("link set dev keep0 addrgenmode random");
        let in_use = user.configure(&PLAIN).unwrap();
        assert!(link("keep0").contains("addrgenmode random"), "{}", link("keep0"));
        drop(in_use);
    });
    in_namespace(|| {
        let wanted = Wanted { name: Some("new0"), ..PLAIN };
        let options = OpenOptions { link_local: true, ..open_options(&wanted) };
        let _opened = port::open(&options).unwrap();
        assert!(ip("-6 address show dev new0").contains("fe80::"));
    });
}

#[test]
fn without_an_mtu_a_persistent_interface_keeps_its_own_and_the_relay_checks_it() {
    for_both(|user| {
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
fn neither_limits_the_segments_of_super_packets() {
    for_both(|user| {
        let in_use = user.configure(&Wanted { name: None, ..PLAIN }).unwrap();
        let link = link(&in_use.name());
        assert!(link.contains("gso_max_segs 65535 "), "{link}");
    });
}

#[test]
fn both_wait_for_a_device_that_was_closed_a_moment_ago() {
    if skip::because(refusal::missing()) {
        return;
    }
    for_both(|user| {
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
