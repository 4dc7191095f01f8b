//! The order of each flow, and the queues that receive it.

use crate::namespace::in_namespace;
use crate::running::{finish, start};
use crate::sample::{
    End, FLOWS, ROUNDS, RUN, behind, config, connected, endpoint, payload, receive, socket,
};
use crate::side::{FAR, NEAR, Side};
use crate::threads;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tun2udp_core::relay::{OffloadConfig, PathMtuDiscovery, Relay, RelayConfig};
use tun2udp_core::udp::{UdpEndpoint, UdpOptions, UdpReceiver};

/// Sends runs of packets on all flows and receives as many, in rounds, so that no buffer overflows. Each packet must
/// arrive unchanged, once, and in the order of its flow.
fn exchange(sockets: &[UdpSocket]) {
    let mut buffer = [0; 2_000];
    for round in 0..ROUNDS {
        let numbers = round * RUN..(round + 1) * RUN;
        for (socket, flow) in sockets.iter().zip(0..) {
            for number in numbers.clone() {
                socket.send(&payload(flow, number)).unwrap();
            }
        }
        for (socket, flow) in sockets.iter().zip(0..) {
            for number in numbers.clone() {
                let (len, _) = receive(socket, &mut buffer);
                let expected = payload(flow, number);
                assert!(
                    buffer[..len] == expected,
                    "flow {flow}, packet {number}: {:?}",
                    &buffer[..4]
                );
            }
        }
    }
}

/// Returns how often each relay thread of the calling thread's namespace has slept.
fn sleeps() -> BTreeMap<PathBuf, u64> {
    let names = ["tun2udp-relay", "tun2udp-queue"];
    let count = |thread: PathBuf| {
        let status = fs::read_to_string(thread.join("status")).unwrap();
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        let count = count.unwrap().trim().parse().unwrap();
        (thread, count)
    };
    names.into_iter().flat_map(threads::in_this_namespace).map(count).collect()
}

/// Starts two relays of each other, over outer addresses of one family (index). With `singly`, they send datagrams
/// one by one, and the kernel joins those that come one after the other.
fn relays(side: &Side, family: usize, near: End, far: End, singly: bool) -> (Relay, Relay) {
    let free = |host: &str| UdpSocket::bind((host, 0)).unwrap().local_addr().unwrap().port();
    let (near_port, far_port) = (free(NEAR[family]), side.run(move || free(FAR[family])));
    let offload = OffloadConfig { gso: !singly, ..OffloadConfig::ALL };
    let far = side.run(move || {
        let config = config("10.9.0.2", endpoint(NEAR[family], near_port), far.0, far.1);
        start(RelayConfig { receive_port: far_port, offload, ..config })
    });
    let config = config("10.9.0.1", endpoint(FAR[family], far_port), near.0, near.1);
    (start(RelayConfig { receive_port: near_port, offload, ..config }), far)
}

/// Connects the sockets of the near end with those behind the far relay, one pair per flow.
fn flows(side: &Side) -> (Vec<UdpSocket>, Vec<UdpSocket>) {
    let near: Vec<UdpSocket> = (0..FLOWS).map(|_| socket([10, 9, 0, 1], 0)).collect();
    let ports: Vec<u16> = near.iter().map(|own| own.local_addr().unwrap().port()).collect();
    near.iter().zip(0..).for_each(|(own, flow)| own.connect((behind(flow), 7)).unwrap());
    let connected = |(flow, port)| {
        let socket = socket(behind(flow), 7);
        socket.connect(("10.9.0.1", port)).unwrap();
        socket
    };
    (near, side.run(move || (0..FLOWS).zip(ports).map(connected).collect()))
}

#[test]
fn the_flows_of_each_direction_stay_in_order() {
    in_namespace(|| {
        let side = connected();
        for (family, near, far, singly) in [
            (0, (4, 1), (1, 4), false),
            (0, (4, 1), (1, 4), true),
            (1, (6, 2), (4, 3), true),
            (0, (2, 3), (5, 2), true),
            (1, (1, 1), (1, 3), true),
        ] {
            let (near_relay, far_relay) = relays(&side, family, near, far, singly);
            let (here, there) = (near_relay.info(), far_relay.info());
            assert_eq!((here.source_ports, here.queues), near);
            assert_eq!((there.source_ports, there.queues), far);
            let (local, remote) = flows(&side);
            let answered = side.start(move || exchange(&remote));
            exchange(&local);
            answered();
            let count = u64::from(FLOWS) * u64::from(ROUNDS * RUN);
            for relay in [near_relay, far_relay] {
                let stats = finish(&relay);
                assert_eq!(stats.inbound.packets_written, count, "{stats:?}");
                assert_eq!(stats.outbound.datagrams_sent, count, "{stats:?}");
            }
        }
    });
}

#[test]
fn each_queue_of_a_distant_relay_receives_a_share_of_the_ports() {
    in_namespace(|| {
        let side = connected();
        for (family, ports, queues, expected) in
            [(0, 4, 4, 4), (1, 6, 3, 3), (0, 2, 4, 2), (0, 1, 4, 1)]
        {
            let (near, far) = relays(&side, family, (ports, 1), (1, queues), false);
            let (local, remote) = flows(&side);
            let before = side.run(sleeps);
            assert_eq!(before.len(), queues);
            let mut buffer = [0; 2_000];
            // No packet goes the other way, which would wake the queue that reads it.
            for number in 0..8 {
                for ((socket, remote), flow) in local.iter().zip(&remote).zip(0..) {
                    socket.send(&payload(flow, number)).unwrap();
                    let (len, _) = receive(remote, &mut buffer);
                    assert!(buffer[..len] == payload(flow, number), "flow {flow}, {number}");
                }
            }
            let after = side.run(sleeps);
            // The start of the relay may still wake a thread; the packets wake it at least as often as a flow has some.
            let has_received = |(thread, sleeps): &(&PathBuf, &u64)| after[*thread] > *sleeps + 7;
            let woken = before.iter().filter(has_received).count();
            assert_eq!(woken, expected, "{ports} ports, {queues} queues: {before:?} {after:?}");
            finish(&near);
            finish(&far);
        }
    });
}

#[test]
fn one_queue_of_each_end_handles_both_directions_of_a_flow() {
    in_namespace(|| {
        let side = connected();
        for (family, queues, ports) in [(0, 3, 3), (1, 2, 4)] {
            let (near, far) = relays(&side, family, (ports, queues), (ports, queues), false);
            let (local, remote) = flows(&side);
            let mut buffer = [0; 2_000];
            for ((local, remote), flow) in local.iter().zip(&remote).zip(0..8) {
                let before = [sleeps(), side.run(sleeps)];
                for number in 0..100 {
                    for (from, to) in [(local, remote), (remote, local)] {
                        from.send(&payload(flow, number)).unwrap();
                        receive(to, &mut buffer);
                    }
                }
                for (before, after) in before.iter().zip([sleeps(), side.run(sleeps)]) {
                    let has_worked =
                        |(thread, sleeps): &(&PathBuf, &u64)| after[*thread] > *sleeps + 7;
                    let count = before.iter().filter(has_worked).count();
                    // A thread that busy-polls does not sleep.
                    assert!(count <= 1, "flow {flow}: {before:?} {after:?}");
                }
            }
            finish(&near);
            finish(&far);
        }
    });
}

#[test]
fn the_kernel_joins_flows_of_one_port_only() {
    in_namespace(|| {
        let side = connected();
        let receiver = side.run(|| {
            let options = UdpOptions {
                listen: endpoint(FAR[0], 0),
                wants_gro: true,
                buffer_bytes: 4 << 20,
                path_mtu: PathMtuDiscovery::default(),
                mark: 0,
                device: None,
                class: 0,
            };
            let receiver = Arc::new(UdpEndpoint::bind(&options).unwrap());
            assert!(receiver.has_gro());
            receiver
        });
        let offload = OffloadConfig { gso: false, ..OffloadConfig::ALL };
        let relay = start(RelayConfig { offload, ..config("10.9.0.1", receiver.local(), 3, 1) });
        let local = socket([10, 9, 0, 1], 9);
        let mut batch = UdpReceiver::new(receiver, 64);
        let mut ports: BTreeMap<u8, u16> = BTreeMap::new();
        let mut most = 0;
        for number in 1..=50 {
            for flow in 0..FLOWS {
                local.send_to(&[number; 200], (behind(flow), 7)).unwrap();
            }
            let mut left = usize::from(FLOWS);
            while left > 0 {
                if batch.receive(64, &mut Vec::new()).is_err() {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                for message in batch.messages() {
                    let bytes = &batch.buffer()[message.range];
                    let datagrams = bytes.chunks(message.segment_size.unwrap_or(bytes.len()));
                    let flows: BTreeSet<u8> = datagrams.map(|datagram| datagram[19]).collect();
                    most = most.max(flows.len());
                    left -= flows.len();
                    for flow in flows {
                        let port = message.source.unwrap().port();
                        assert_eq!(*ports.entry(flow).or_insert(port), port, "flow {flow}");
                    }
                }
            }
        }
        assert!(most > 1, "the kernel did not join datagrams of different flows");
        finish(&relay);
    });
}
