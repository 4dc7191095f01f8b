//! Persistent devices: creating, listing with their holders, and removing.

#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod namespace;

use namespace::{in_namespace, ip};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use tun2udp_core::ErrorCode;
use tun2udp_core::device::tunctl::{self, Action, Stage};
use tun2udp_core::device::{DeviceOptions, Mode};
use tun2udp_core::persistent::{self, CreateOptions, Listed, RemoveOptions};
use tun2udp_core::sys::{netns, tun};

const CLONE_DEVICE: &str = "/dev/net/tun";

fn named(name: &str, mode: Mode) -> CreateOptions {
    let device = DeviceOptions { mode, name: Some(name.to_owned()), ..DeviceOptions::default() };
    CreateOptions { device, ..CreateOptions::default() }
}

fn removal(name: &str) -> RemoveOptions {
    RemoveOptions { name: name.to_owned(), clone_device: PathBuf::from(CLONE_DEVICE), netns: None }
}

fn listed(name: &str) -> Option<Listed> {
    persistent::list(None).unwrap().into_iter().find(|device| device.link.name == name)
}

/// Waits until `is_gone` is true. A device ends with its last descriptor. A process that another test forks,
/// or another test's search for holders, has a copy of it for a moment.
fn wait_until_gone(is_gone: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_gone() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the device is still there: {:?}", persistent::list(None));
}

fn wait_until_none() {
    wait_until_gone(|| persistent::list(None).unwrap().is_empty());
}

/// A queue that the test holds.
fn hold(name: &str, flags: i32) -> std::os::fd::OwnedFd {
    let fd = tun::open(Path::new(CLONE_DEVICE)).unwrap();
    tun::set_interface(fd.as_fd(), name, flags).unwrap();
    fd
}

#[test]
fn made_listed_and_removed() {
    in_namespace(|| {
        let options = CreateOptions {
            owner: Some("1000".to_owned()),
            group: Some("root".to_owned()),
            ..named("vpn%d", Mode::Tap)
        };
        let made = persistent::create(&options).unwrap();
        assert_eq!((made.name.as_str(), made.is_tap, made.is_persistent), ("vpn0", true, true));
        assert_eq!((made.owner, made.group, made.is_multi_queue), (Some(1000), Some(0), false));
        assert_eq!(listed("vpn0"), Some(Listed { link: made, holders: Vec::new() }));
        let details = ip("-d link show vpn0");
        assert!(details.contains("tun type tap pi off vnet_hdr off persist on"), "{details}");
        persistent::remove(&removal("vpn0")).unwrap();
        wait_until_none();
    });
}

#[test]
fn made_again_it_keeps_its_owner() {
    in_namespace(|| {
        let options = CreateOptions { owner: Some("7".to_owned()), ..named("t", Mode::Tun) };
        persistent::create(&options).unwrap();
        let again = persistent::create(&named("t", Mode::Tun)).unwrap();
        assert_eq!((again.owner, again.group, again.is_tap), (Some(7), None, false));
        let error = persistent::create(&named("t", Mode::Tap)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::DeviceMismatch);
    });
}

#[test]
fn holders_are_named_and_those_of_another_namespace_are_not() {
    in_namespace(|| {
        let _held = hold("same", tun::IFF_TUN | tun::IFF_NO_PI);
        let device = listed("same").unwrap();
        let pids: Vec<u32> = device.holders.iter().map(|holder| holder.pid).collect();
        assert_eq!(pids, [std::process::id()]);
        assert!(!device.link.is_persistent);
        let error = persistent::create(&named("same", Mode::Tun)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Busy);
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        let error = persistent::remove(&removal("same")).unwrap_err();
        assert!(error.to_string().contains("it is not persistent"), "{error}");

        let _elsewhere = netns::unshare().unwrap();
        persistent::create(&named("same", Mode::Tun)).unwrap();
        assert_eq!(listed("same").unwrap().holders, Vec::new());
    });
}

#[test]
fn removing_leaves_the_headers_of_one_in_use_alone() {
    in_namespace(|| {
        let options = CreateOptions {
            device: DeviceOptions { is_multi_queue: true, ..named("mq", Mode::Tun).device },
            ..CreateOptions::default()
        };
        persistent::create(&options).unwrap();
        // With packet information, and with a vnet header.
        let held = hold("mq", tun::IFF_TUN | tun::IFF_VNET_HDR | tun::IFF_MULTI_QUEUE);
        tun::set_offload(held.as_fd(), tun::TUN_F_CSUM | tun::TUN_F_TSO4).unwrap();
        let before = listed("mq").unwrap();
        assert!(before.link.has_packet_information && before.link.has_vnet_header);
        persistent::remove(&removal("mq")).unwrap();
        let after = listed("mq").unwrap().link;
        assert!(after.has_packet_information && after.has_vnet_header && !after.is_persistent);
        assert_eq!(after.queues, Some((1, 0)));
        drop(held);
        wait_until_none();
    });
}

#[test]
fn what_cannot_be_removed_is_named() {
    in_namespace(|| {
        let error = persistent::remove(&removal("absent")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
        let error = persistent::remove(&removal("lo")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::DeviceMismatch, "{error}");
        let error = persistent::remove(&removal("a/b")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidName, "{error}");
    });
}

#[test]
fn in_another_namespace_by_its_path() {
    in_namespace(|| {
        let first = netns::current().unwrap();
        let _second = netns::unshare().unwrap();
        let path = format!("/proc/self/fd/{}", first.as_raw_fd());
        let options = CreateOptions { netns: Some(path.clone()), ..named("x", Mode::Tun) };
        persistent::create(&options).unwrap();
        assert_eq!(listed("x"), None);
        let there = persistent::list(Some(&path)).unwrap();
        assert_eq!(there.iter().map(|device| &device.link.name).collect::<Vec<_>>(), ["x"]);
        persistent::remove(&RemoveOptions { netns: Some(path.clone()), ..removal("x") }).unwrap();
        wait_until_gone(|| persistent::list(Some(&path)).unwrap().is_empty());
        let error = persistent::list(Some("no-such-namespace")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound);
    });
}

#[test]
fn tunctl_tells_the_step_that_failed() {
    let request = |path: &str, name: &[u8]| tunctl::Request {
        mode: Mode::Tap,
        is_multi_queue: false,
        name: name.to_vec(),
        clone_device: path.into(),
        action: Action::Delete,
    };
    let (step, cause) = tunctl::run(&request("/nowhere/tun", b"x")).unwrap_err();
    assert_eq!((step, cause.raw_os_error()), (Stage::Open, Some(libc::ENOENT)));
    in_namespace(|| {
        let (step, cause) = tunctl::run(&request(CLONE_DEVICE, b"a/b")).unwrap_err();
        assert_eq!((step, cause.raw_os_error()), (Stage::Attach, Some(libc::EINVAL)));
        let done = tunctl::run(&request(CLONE_DEVICE, b"sixteen-bytes-xx")).unwrap();
        assert_eq!(done.name, b"sixteen-bytes-x");
        wait_until_none();
    });
}
