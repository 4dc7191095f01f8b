//! The distribution of flows over the queues after a take-over that failed.

use crate::namespace::{eventually, in_namespace, ip, loopback_socket};
use crate::running::start;
use crate::{config, inherit, inner, os, passed};
use std::fs::File;
use std::io::Read;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tun2udp_core::relay::{QueueDescriptors, Relay, RelayConfig};
use tun2udp_core::sys::{bpf, tun_filter};

const QUEUES: usize = 3;
const FLOWS: u8 = 24;

/// The queue of each flow, of packets of the interface and of datagrams.
#[derive(Debug, PartialEq)]
struct Queues {
    outbound: Vec<usize>,
    inbound: Vec<usize>,
}

/// Returns the number of the file whose next data end with `marker`. Other packets, such as those of IPv6, are skipped.
fn queue_of(files: &[File], marker: &[u8]) -> usize {
    let mut found = None;
    eventually("a queue has the packet", || {
        for (number, mut file) in files.iter().enumerate() {
            let mut buffer = [0; 2_000];
            while let Ok(len) = file.read(&mut buffer) {
                if buffer[..len].ends_with(marker) {
                    found = Some(number);
                }
            }
        }
        found.is_some()
    });
    found.unwrap()
}

/// Returns the queue of each flow of a relay, which stays paused.
fn measure(relay: &Relay, peer: &UdpSocket) -> Queues {
    let queues = relay.descriptors().unwrap();
    relay.pause().unwrap();
    let take = |QueueDescriptors { device, mut sockets }: QueueDescriptors| {
        (File::from(device.into_fd()), File::from(sockets.remove(0).into_fd()))
    };
    let (devices, sockets): (Vec<File>, Vec<File>) = queues.into_iter().map(take).unzip();
    let mut bound = None;
    // A process that another test starts has the last socket until it executes its program.
    eventually("the port is free", || {
        bound = UdpSocket::bind("10.9.0.1:9").ok();
        bound.is_some()
    });
    let inside = bound.unwrap();
    let mut found = Queues { outbound: Vec::new(), inbound: Vec::new() };
    for flow in 2..2 + FLOWS {
        let marker = [b"flow ".as_slice(), &[flow]].concat();
        inside.send_to(&marker, (format!("10.9.0.{flow}"), 7)).unwrap();
        found.outbound.push(queue_of(&devices, &marker));
        peer.send_to(&inner::udp_packet(flow, &marker), relay.info().local).unwrap();
        found.inbound.push(queue_of(&sockets, &marker));
    }
    found
}

/// Gives all flows to one queue, as a process may do through its duplicates.
fn disturb(relay: &Relay) {
    let mut queues = relay.descriptors().unwrap();
    let QueueDescriptors { device, mut sockets } = queues.remove(0);
    tun_filter::set_steering(device.into_fd().as_fd(), None).unwrap();
    let code = (libc::BPF_RET | libc::BPF_K) as u16;
    let last = libc::sock_filter { code, jt: 0, jf: 0, k: 1 };
    bpf::attach_reuseport(sockets.remove(0).into_fd().as_fd(), vec![last]).unwrap();
}

#[test]
fn flows_stay_on_their_queues_if_a_take_over_fails() {
    in_namespace(|| {
        ip("tuntap add dev steer0 mode tun multi_queue");
        let peer = loopback_socket();
        let first = start(config("steer0", &peer, QUEUES));
        let before = measure(&first, &peer);
        // Both directions of a flow are on one queue, and each queue has some.
        assert_eq!(before.outbound, before.inbound);
        assert!((0..QUEUES).all(|queue| before.inbound.contains(&queue)), "{before:?}");
        first.reclaim().unwrap();

        // It fails after it has examined the device, and after it has started.
        let user = Some("nobody".to_owned());
        let refused = RelayConfig { user, ..config("steer0", &peer, 0) };
        let error = inherit(refused, passed(&first, true)).map(drop).unwrap_err();
        assert!(error.to_string().contains("without root"), "{error}");
        assert_eq!(measure(&first, &peer), before, "the program of the device stays");
        first.reclaim().unwrap();
        drop(inherit(config("steer0", &peer, 0), passed(&first, true)).unwrap());
        // It has rolled the settings back.
        ip("address add 10.9.0.1/24 dev steer0");
        ip("link set steer0 up");
        assert_eq!(measure(&first, &peer), before, "the program of the device stays");

        disturb(&first);
        assert_ne!(measure(&first, &peer), before);
        first.reclaim().unwrap();
        assert_eq!(measure(&first, &peer), before, "both are distributed again");
        first.reclaim().unwrap();
        drop(first);
        assert!(ip("link show dev steer0").contains("steer0"));
    });
}

#[test]
fn datagrams_stay_redirected_if_a_take_over_fails() {
    in_namespace(|| {
        let peer = loopback_socket();
        let is_redirected = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_redirected);
        let first = Relay::start(config("redir0", &peer, QUEUES), move |event| {
            seen.fetch_or(event.kind == "one-receiver", Ordering::Relaxed);
        });
        let first = first.unwrap();
        // A GSO batch of several flows.
        let batch: Vec<u8> = (2..12).flat_map(|flow| inner::udp_packet(flow, b"xy")).collect();
        let socket = loopback_socket();
        os::set_option(&socket, libc::SOL_UDP, libc::UDP_SEGMENT, 30).unwrap();
        eventually("all datagrams go to one queue", || {
            socket.send_to(&batch, first.info().local).unwrap();
            is_redirected.load(Ordering::Relaxed)
        });
        let before = measure(&first, &peer);
        assert_eq!(before.inbound, [0; FLOWS as usize]);
        disturb(&first);
        assert_ne!(measure(&first, &peer), before);
        first.reclaim().unwrap();
        assert_eq!(measure(&first, &peer), before);
    });
}
