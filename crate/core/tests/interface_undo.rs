//! Rolling back the settings of a persistent interface: only of that interface, wherever it is now, and only
//! settings that are still in force.

#[path = "support/elsewhere.rs"]
mod elsewhere;
#[path = "support/namespace.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod namespace;
#[path = "support/refusal.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod refusal;
#[path = "support/settled.rs"]
mod settled;

use elsewhere::Elsewhere;
use namespace::{in_namespace, ip, skip};
use refusal::{Call, Verdict};
use settled::settled;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{Event, Relay, RelayConfig};
use tun2udp_core::sys::{tun, tun_control};

/// The index of the persistent interface. The kernel assigns it to no other link of the test.
const INDEX: u32 = 4_711;

/// Settings of the relay that a stranger has too, so that they differ only in their identity.
const SETTINGS: [&str; 3] =
    ["address add 10.9.0.1/24 dev", "link set mtu 1300 dev", "link set up dev"];

/// Creates a persistent TUN device with that index and MTU 1400, down.
fn make_persistent(name: &str) {
    let fd: OwnedFd = tun::open(Path::new("/dev/net/tun")).unwrap();
    tun_control::set_index(fd.as_fd(), INDEX).unwrap();
    tun::set_interface(fd.as_fd(), name, tun::IFF_TUN | tun::IFF_NO_PI | tun::IFF_VNET_HDR)
        .unwrap();
    tun::set_persistent(fd.as_fd(), true).unwrap();
    drop(fd);
    ip(&format!("link set mtu 1400 dev {name}"));
}

/// Creates a link of another kind with the same index and with all settings of the relay.
fn make_stranger() {
    ip(&format!("link add stranger0 index {INDEX} type veth peer name stranger1"));
    for setting in SETTINGS {
        ip(&format!("{setting} stranger0"));
    }
}

/// The properties and the IPv4 addresses of an interface, except what the kernel sets when an
/// interface first comes up: the queueing discipline and the mode of address generation.
fn shown(name: &str) -> String {
    let all =
        ip(&format!("-o -d link show dev {name}")) + &ip(&format!("-o -4 address show dev {name}"));
    let all = settled(&all);
    let mut words: Vec<&str> = all.split_whitespace().collect();
    for property in ["qdisc", "addrgenmode"] {
        if let Some(place) = words.iter().position(|word| *word == property) {
            words.drain(place..=place + 1);
        }
    }
    words.join(" ")
}

/// A relay on the persistent interface `keep0`, and the events that it reports.
struct Running {
    relay: Relay,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Running {
    fn start() -> Self {
        let peer = "127.0.0.1:9".parse().unwrap();
        let mut config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0);
        config.name = Some("keep0".to_owned());
        config.mtu = Some(1_300);
        config.addresses.push("10.7.0.1/24".parse().unwrap());
        config.routes.push("10.6.0.0/16".parse().unwrap());
        config.queues = 1;
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let relay = Relay::start(config, move |event| seen.lock().unwrap().push(event)).unwrap();
        assert_eq!(relay.info().interface_index, INDEX);
        Self { relay, events }
    }

    /// Ends the relay; returns its events.
    fn end(self) -> Vec<Event> {
        self.relay.close();
        self.relay.join();
        let events = self.events.lock().unwrap();
        events.clone()
    }
}

#[test]
fn an_interface_that_stayed_is_restored_completely() {
    in_namespace(|| {
        make_persistent("keep0");
        let before = shown("keep0");
        let running = Running::start();
        assert!(shown("keep0").contains("mtu 1300") && shown("keep0").contains("10.7.0.1/24"));
        assert!(ip("route show").contains("10.6.0.0/16"));
        assert_eq!(running.end(), []);
        assert_eq!(shown("keep0"), before);
        assert_eq!(ip("route show"), "");
    });
}

#[test]
fn a_moved_interface_is_restored_where_it_is_and_the_link_with_its_index_is_not_touched() {
    in_namespace(|| {
        make_persistent("keep0");
        let running = Running::start();
        let there = Elsewhere::new();
        ip(&format!("link set keep0 netns {}", there.path));
        make_stranger();
        // The kernel removed these settings at the move. The settings now belong to the administrator of the
        // other namespace.
        there.ip("address add 10.9.0.1/24 dev keep0");
        there.ip("link set up dev keep0");
        let stranger = shown("stranger0");
        assert_eq!(running.end(), []);
        assert_eq!(shown("stranger0"), stranger);
        let link = there.ip("-o -d link show dev keep0");
        assert!(link.contains("mtu 1400") && link.contains("gso_max_segs 65535"), "{link}");
        assert!(link.contains(",UP"), "{link}");
        let addresses = there.ip("-o -4 address show dev keep0");
        assert!(addresses.contains("10.9.0.1/24"), "{addresses}");
    });
}

#[test]
fn a_renamed_interface_is_restored_and_the_link_with_its_old_name_is_not_touched() {
    in_namespace(|| {
        make_persistent("keep0");
        let before = shown("keep0").replace("keep0", "moved0");
        let running = Running::start();
        ip("link set keep0 name moved0");
        ip("link add keep0 type veth peer name keep1");
        ip("link set mtu 1300 dev keep0");
        ip("link set up dev keep0");
        let stranger = shown("keep0");
        assert_eq!(running.end(), []);
        assert_eq!(shown("keep0"), stranger);
        assert_eq!(shown("moved0"), before);
    });
}

#[test]
fn a_device_created_again_under_the_same_name_and_index_is_not_touched() {
    if skip::because(refusal::missing()) {
        return;
    }
    in_namespace(|| {
        make_persistent("keep0");
        // The relay notices at once that its device was deleted. It must not begin to restore settings before
        // the new device exists.
        let is_held = Arc::new(AtomicBool::new(false));
        let held = Arc::clone(&is_held);
        let judge = move |_: &Call| {
            while held.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Verdict::Pass
        };
        let calls = [libc::SYS_ioctl, libc::SYS_sendto, libc::SYS_sendmsg];
        let running = refusal::under(&calls, judge, Running::start);
        is_held.store(true, Ordering::Relaxed);
        ip("link delete keep0");
        make_persistent("keep0");
        for setting in SETTINGS {
            ip(&format!("{setting} keep0"));
        }
        let again = shown("keep0");
        is_held.store(false, Ordering::Relaxed);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(running.relay.closed()).expect_err("a failure");
        assert_eq!(error.code(), ErrorCode::DeviceDeleted);
        assert_eq!(running.end(), []);
        assert_eq!(shown("keep0"), again);
    });
}

#[test]
fn settings_that_an_administrator_changed_while_the_relay_ran_stay() {
    in_namespace(|| {
        make_persistent("keep0");
        let running = Running::start();
        ip("link set mtu 1350 dev keep0");
        ip("address delete 10.7.0.1/24 dev keep0");
        ip("address add 10.5.0.1/24 dev keep0");
        ip("route delete 10.6.0.0/16 dev keep0");
        assert_eq!(running.end(), []);
        let after = shown("keep0");
        assert!(after.contains("mtu 1350") && after.contains("10.5.0.1/24"), "{after}");
        assert!(!after.contains("10.9.0.1") && !after.contains(",UP"), "{after}");
    });
}

/// Runs `body` while `judge` decides on ioctl(2) and setns(2).
#[track_caller]
fn under(judge: impl FnMut(&Call) -> Verdict + Send + 'static, body: impl FnOnce() + Send) {
    if skip::because(refusal::missing()) {
        return;
    }
    in_namespace(|| refusal::under(&[libc::SYS_ioctl, libc::SYS_setns], judge, body));
}

fn is_question_for_the_namespace(call: &Call) -> bool {
    call.arguments[1] == u64::from(libc::TUNGETDEVNETNS as u32)
}

/// Decides like Linux before 5.2, which has no `TUNGETDEVNETNS`.
fn old_kernel(call: &Call) -> Verdict {
    if is_question_for_the_namespace(call) { Verdict::Refuse(libc::EINVAL) } else { Verdict::Pass }
}

#[test]
fn before_linux_5_2_the_interface_is_identified_by_everything_that_the_driver_reports() {
    under(old_kernel, || {
        make_persistent("keep0");
        let before = shown("keep0").replace("keep0", "moved0");
        let running = Running::start();
        ip("link set keep0 name moved0");
        assert_eq!(running.end(), []);
        assert_eq!(shown("moved0"), before);
        ip("link set moved0 name keep0");
        let running = Running::start();
        assert_left_when_moved(running, "it is in another network namespace now");
    });
}

/// Moves the persistent interface of a running relay to another namespace, puts a stranger with its index
/// in its place and ends the relay, which must touch neither and report `reason`.
fn assert_left_when_moved(running: Running, reason: &str) {
    let there = Elsewhere::new();
    ip(&format!("link set keep0 netns {}", there.path));
    make_stranger();
    let stranger = shown("stranger0");
    assert_left(&running.end(), reason);
    assert_eq!(shown("stranger0"), stranger);
}

/// The one event states why the settings remain, and which ones.
fn assert_left(events: &[Event], reason: &str) {
    let [event] = events else { panic!("events: {events:?}") };
    assert_eq!(event.kind, "undo-incomplete");
    assert!(event.message.starts_with("restore the settings of keep0: "), "{event:?}");
    assert!(event.message.contains(reason), "{event:?}");
    assert!(event.message.contains("MTU 1300 (was 1400)"), "{event:?}");
}

/// As for a process without `CAP_SYS_ADMIN`: arguments of setns(2) are a descriptor and
/// `CLONE_NEWNET`.
fn no_entry(call: &Call) -> Verdict {
    let [_, kind, ..] = call.arguments;
    if kind == libc::CLONE_NEWNET as u64 { Verdict::Refuse(libc::EPERM) } else { Verdict::Pass }
}

#[test]
fn where_the_other_namespace_may_not_be_entered_the_settings_that_stay_are_reported() {
    under(no_entry, || {
        make_persistent("keep0");
        let running = Running::start();
        assert_left_when_moved(running, "enter the network namespace of keep0");
    });
}

#[test]
fn where_the_namespace_may_not_be_asked_for_nothing_is_touched_and_that_is_reported() {
    // As for a process that drops `CAP_NET_ADMIN` while the relay runs.
    let is_dropped = Arc::new(AtomicBool::new(false));
    let dropped = Arc::clone(&is_dropped);
    let judge = move |call: &Call| {
        let is_refused = dropped.load(Ordering::Relaxed) && is_question_for_the_namespace(call);
        if is_refused { Verdict::Refuse(libc::EPERM) } else { Verdict::Pass }
    };
    under(judge, || {
        make_persistent("keep0");
        let running = Running::start();
        is_dropped.store(true, Ordering::Relaxed);
        assert_left_when_moved(running, "it is in another network namespace now");
        // If it stayed in this namespace, it could also be another interface of the same name.
        is_dropped.store(false, Ordering::Relaxed);
        ip("link delete stranger0");
        make_persistent("keep0");
        let running = Running::start();
        is_dropped.store(true, Ordering::Relaxed);
        assert_left(&running.end(), "find the network namespace of keep0: Operation not permitted");
        let after = shown("keep0");
        assert!(after.contains("mtu 1300") && after.contains("10.9.0.1/24"), "{after}");
    });
}
