//! Descriptors and options that do not fit the relay before.

use crate::namespace::{in_namespace, loopback_socket};
use crate::running::{assert_balanced, finish, start};
use crate::{assert_works, config, inherit, passed};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use tun2udp_core::ErrorCode;
use tun2udp_core::relay::{Descriptor, Inheritance, OffloadConfig, QueueDescriptors, RelayConfig};
/// Makes what is inherited wrong.
type Change<'a> = &'a dyn Fn(&mut RelayConfig, &mut Vec<QueueDescriptors>);

#[test]
fn wrong_descriptors_are_refused_and_named() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config("right0", &peer, 2));
        let refused = |change: Change| {
            let (mut config, mut given) = (config("right0", &peer, 0), passed(&relay, true));
            change(&mut config, &mut given.queues);
            let error = inherit(config, given).map(drop).unwrap_err();
            assert!(
                [ErrorCode::InvalidArgument, ErrorCode::DeviceMismatch].contains(&error.code()),
                "{error}"
            );
            error.to_string()
        };
        let null = || Descriptor::from(OwnedFd::from(File::open("/dev/null").unwrap()));
        let cases: [(&str, Change); 13] = [
            ("not open for the TUN driver", &|_, queues| queues[1].device = null()),
            ("it is not a socket", &|_, queues| queues[0].sockets[0] = null()),
            ("1 to 256 queues", &|_, queues| queues.clear()),
            ("has 2 queues, and 1 are given", &|_, queues| queues.truncate(1)),
            ("3 were requested", &|config, _| config.queues = 3),
            ("4 were requested", &|config, _| config.source_ports = 4),
            ("vpn7 is expected", &|config, _| config.name = Some("vpn7".to_owned())),
            ("is bound to", &|config, _| config.receive_port = 1),
            ("no socket that is bound", &|_, queues| queues[1].sockets.clear()),
            ("is a TUN device", &|config, _| config.mode = tun2udp_core::relay::Mode::Tap),
            ("is bound to", &|config, _| config.listen = Some("127.0.0.2".parse().unwrap())),
            ("has another socket", &|_, queues| {
                let other = queues[1].sockets.remove(0);
                queues[0].sockets.push(other);
            }),
            ("it is given twice", &|_, queues| {
                let again = Descriptor::duplicate(socket_number(queues)).unwrap();
                queues[0].sockets.push(again);
            }),
        ];
        for (reason, change) in cases {
            let text = refused(change);
            assert!(text.contains(reason), "{text}");
            assert_works(&relay, &peer);
        }
        assert_balanced(&finish(&relay));
    });
}

/// Returns the number of the first socket.
fn socket_number(queues: &mut [QueueDescriptors]) -> i32 {
    let socket = queues[0].sockets.remove(0).into_fd();
    let number = socket.as_raw_fd();
    queues[0].sockets.insert(0, socket.into());
    number
}

#[test]
fn a_device_of_another_namespace_is_refused() {
    in_namespace(|| {
        let peer = loopback_socket();
        let relay = start(config("away0", &peer, 1));
        let inheritance = passed(&relay, true);
        let home = RelayConfig {
            netns: Some("/proc/self/ns/net".to_owned()),
            ..config("away0", &peer, 0)
        };
        let error = inherit(home, inheritance).map(drop).unwrap_err();
        assert_eq!(error.code(), ErrorCode::DeviceMismatch, "{error}");
        assert!(error.to_string().contains("another network namespace"), "{error}");
    });
}

#[test]
fn a_relay_without_offloads_is_continued_by_one_without() {
    in_namespace(|| {
        let peer = loopback_socket();
        let plain = || RelayConfig { offload: OffloadConfig::NONE, ..config("bare0", &peer, 0) };
        let first = start(plain());
        let error = inherit(config("bare0", &peer, 0), passed(&first, true)).map(drop).unwrap_err();
        let advice = "has no vnet header, which offloads need; start without offloads";
        assert!(error.to_string().contains(advice), "{error}");
        let second = inherit(plain(), passed(&first, true)).unwrap();
        let state = first.pause().unwrap();
        second.resume(&state).unwrap();
        first.release().unwrap();
        first.join();
        assert_works(&second, &peer);
        assert_balanced(&finish(&second));
    });
}

#[test]
fn a_descriptor_that_is_not_open_is_refused() {
    let error = Descriptor::duplicate(i32::MAX).map(drop).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
}

#[test]
fn a_descriptor_that_is_given_twice_is_refused() {
    in_namespace(|| {
        let peer = loopback_socket();
        let first = start(config("twice0", &peer, 2));
        let raw = |descriptor: Descriptor| descriptor.into_fd();
        let queues: Vec<(OwnedFd, Vec<OwnedFd>)> = first
            .descriptors()
            .unwrap()
            .into_iter()
            .map(|queue| (raw(queue.device), queue.sockets.into_iter().map(raw).collect()))
            .collect();
        let [(device, sockets), (_, other_sockets)] = &queues[..] else { panic!("two queues") };
        let given = |fd: &OwnedFd| Descriptor::duplicate(fd.as_raw_fd()).unwrap();
        let copy = |fd: &OwnedFd| Descriptor::from(fd.try_clone().unwrap());
        let cases = [
            // The same number of the device, and a duplicate of a socket.
            ([given(device), given(device)], [given(&sockets[0]), given(&other_sockets[0])]),
            ([given(device), given(&queues[1].0)], [given(&sockets[0]), given(&sockets[0])]),
            ([given(device), given(&queues[1].0)], [given(&sockets[0]), copy(&sockets[0])]),
        ];
        for (devices, sockets) in cases {
            let queues = devices.into_iter().zip(sockets);
            let queues = queues
                .map(|(device, socket)| QueueDescriptors { device, sockets: vec![socket] })
                .collect();
            let inheritance = Inheritance { queues, state: None, is_paused: true };
            let error = inherit(config("twice0", &peer, 0), inheritance).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
            assert!(error.to_string().contains("it is given twice"), "{error}");
        }
        assert_works(&first, &peer);
        assert_balanced(&finish(&first));
    });
}
