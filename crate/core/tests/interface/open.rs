//! A `port::open` that fails, and an adopted descriptor.

use crate::namespace::{in_namespace, ip, skip};
use crate::refusal::{self, Call, Verdict};
use crate::user::{PLAIN, link, make_persistent, networks, open_options};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
use std::path::Path;
use tun2udp_core::device::Mode;
use tun2udp_core::port::{self, OpenOptions};
use tun2udp_core::sys::{descriptor, netns, tun, tun_control};
use tun2udp_core::{Error, ErrorCode};

/// Calls `port::open` of `keep0` so that it fails at its last step.
fn fail(options: OpenOptions) -> Error {
    ip("route add 10.6.0.0/16 dev lo");
    let routes = networks(&["10.6.0.0/16"]);
    port::open(&OpenOptions { routes, ..options }).map(drop).expect_err("a refused route")
}

#[test]
fn a_failed_open_restores_state_link_type_queue_length_and_send_buffer() {
    in_namespace(|| {
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
        let opened = port::open(&open_options(&PLAIN)).unwrap();
        let buffer = tun_control::send_buffer(opened.queues[0].as_fd()).unwrap();
        assert_eq!(buffer, i32::MAX);
        drop(opened);
        ip("route delete 10.6.0.0/16 dev lo");
        // The interface is up now, and must be up again afterwards.
        fail(OpenOptions { up: Some(false), ..open_options(&PLAIN) });
        assert!(link("keep0").contains("UP"), "{}", link("keep0"));
    });
}

#[test]
fn a_failed_open_restores_the_mac_address() {
    in_namespace(|| {
        ip("tuntap add dev keep0 mode tap user 0");
        ip("link set dev keep0 addrgenmode none address 02:00:00:00:00:01 up");
        let before = link("keep0");
        let with_mac = |mac: [u8; 6]| {
            let mut options = OpenOptions { mac: Some(mac), ..open_options(&PLAIN) };
            options.device.mode = Mode::Tap;
            options
        };
        fail(with_mac([2, 0, 0, 0, 0, 0x77]));
        assert_eq!(link("keep0"), before);
        // The control: the same options without the refused route do change the address.
        drop(port::open(&with_mac([2, 0, 0, 0, 0, 0x77])).unwrap());
        assert!(link("keep0").contains("02:00:00:00:00:77"), "{}", link("keep0"));
    });
}

#[test]
fn changes_to_an_interface_that_another_process_holds_are_rolled_back_too() {
    in_namespace(|| {
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

#[test]
fn an_adopted_descriptor_whose_interface_is_elsewhere_leaves_a_namesake_alone() {
    if skip::because(refusal::missing()) {
        return;
    }
    in_namespace(|| {
        let flags = tun::IFF_TUN | tun::IFF_NO_PI;
        let queue = || {
            let fd: OwnedFd = tun::open(Path::new("/dev/net/tun")).unwrap();
            tun_control::set_index(fd.as_fd(), 4_711).unwrap();
            tun::set_interface(fd.as_fd(), "keep0", flags).unwrap();
            fd
        };
        let given = queue();
        let _second = netns::unshare().unwrap();
        let _namesake = queue();
        let before = link("keep0");
        // The process may change interfaces in this namespace, but not in that of the given device.
        let judge = |call: &Call| match call.arguments[1] == u64::from(libc::TUNGETDEVNETNS as u32)
        {
            true => Verdict::Refuse(libc::EPERM),
            false => Verdict::Pass,
        };
        let fd = given.into_raw_fd();
        let options = OpenOptions { adopt: Some(fd), mtu: Some(1_300), ..open_options(&PLAIN) };
        let opened = refusal::under(&[libc::SYS_ioctl], judge, || port::open(&options));
        assert_eq!(opened.map(drop).unwrap_err().code(), ErrorCode::Permission);
        assert_eq!(link("keep0"), before);
        descriptor::close_given(fd).unwrap();
    });
}
