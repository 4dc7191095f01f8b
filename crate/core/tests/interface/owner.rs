//! A persistent interface that its owner uses without capabilities.

use crate::capabilities;
use crate::namespace::ip;
use crate::settled::settled;
use crate::user::{Wanted, for_both, make_persistent};
use tun2udp_core::ErrorCode;

/// Creates `keep0` with all settings of [`COMPLETE`].
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
    for_both(|user| {
        make_complete();
        let state = || settled(&(ip("-o address show dev keep0") + &ip("-d route show dev keep0")));
        let before = state();
        capabilities::without(|| {
            let in_use = user.configure(&COMPLETE).unwrap();
            assert_eq!(in_use.mtu(), 1_300);
        });
        assert_eq!(state(), before);
    });
}

#[test]
fn the_error_of_an_owner_without_capabilities_names_the_missing_command() {
    for_both(|user| {
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
