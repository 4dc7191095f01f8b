//! Sends packets through a forwarder and records all packets that come out.
//!
//! Each run has its own network namespace with the forwarder's interface, a second TUN interface `out0`, which
//! the test holds, and the loopback interface with the test's UDP socket as the peer.
//!
//! - TUN to UDP: packets are injected as egress of the forwarder's interface by a packet socket and
//!   arrive at the UDP socket, one datagram per packet.
//! - UDP to TUN: datagrams are sent to the forwarder. Its writes are ingress of its interface, where `tc`
//!   redirects them to the egress of `out0`. That interface has no offload, so the kernel splits
//!   super-packets, as for any plain device. Verified on 6.18 (see `harness.rs`): the hook precedes the
//!   checks of the IP stack, so malformed packets of 1 to 65,507 bytes pass unchanged. The classifier is one
//!   BPF instruction that accepts everything; u32 would omit packets below 4 bytes.
//!
//! A burst must be complete in the forwarder's queue before the forwarder runs. Otherwise hardly any packets
//! could be coalesced, and the test would prove little. Therefore forwarder and test share one CPU, and the
//! test has priority there (SCHED_FIFO), except while it sleeps.

use crate::forwarder::{Forwarder, Launcher, Road, Wiring};
use crate::gso_batches;
use crate::marker;
use crate::support::packet_socket::{Injector, VnetHeader};
use crate::support::plain_tun::PlainTun;
use crate::support::{os, room::TestNamespace};
use crate::vectors::{Input, Vector};
use std::io;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// Direction of the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// TUN to UDP.
    Outbound,
    /// UDP to TUN, each datagram sent by its own call.
    Inbound,
    /// UDP to TUN, datagrams of one size sent as one GSO batch (UDP_SEGMENT).
    InboundBatches,
}

impl Direction {
    pub(crate) const ALL: [Self; 3] = [Self::Outbound, Self::Inbound, Self::InboundBatches];
}

/// The vectors to send, and how.
pub(crate) struct Plan<'a> {
    pub(crate) direction: Direction,
    pub(crate) road: Road,
    pub(crate) vectors: &'a [Vector],
}

/// The packets that came out.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    /// Name of the kind of forwarder.
    pub(crate) forwarder: String,
    /// The packets of each vector in the order of their arrival.
    pub(crate) packets: Vec<Vec<Vec<u8>>>,
    /// Number of packets on the forwarder's side of its interface; a super-packet counts once.
    pub(crate) interface_packets: u64,
    /// See [`Launcher::has_queues`].
    pub(crate) has_queues: bool,
    /// Direction of the packets.
    pub(crate) direction: Direction,
}

/// Interface on which the test reads the packets that a forwarder wrote into its own.
const OUT: &str = "out0";
/// Capacity of each queue on the path, packets, so that none is lost there.
const QUEUE: u32 = 100_000;
/// Maximum number of bytes in flight, including the kernel's bookkeeping, which a forwarder's socket must be
/// able to hold.
const WINDOW_BYTES: usize = 1 << 20;
/// Upper estimate of the kernel's bookkeeping for one small datagram (`skb->truesize`).
const OVERHEAD_BYTES: usize = 1_280;
/// Time limit for packets that the oracle passed, after the forwarder seems to be done.
const GRACE: Duration = Duration::from_millis(300);

/// Starts a forwarder, sends all vectors of `plan` through it one after the other, and stops it.
///
/// `expected`: the packets that should come out of each vector, if they are known; the run waits for them a
/// little longer.
pub(crate) fn observe(
    launcher: &dyn Launcher,
    plan: &Plan<'_>,
    expected: Option<&Observed>,
) -> Observed {
    TestNamespace::enter(|room| {
        os::pin_to_current_cpu().expect("sched_setaffinity");
        let mut bench = Bench::new(room, launcher, plan);
        // Not inherited by the threads that the forwarder has started.
        if let Err(error) = os::run_first() {
            println!("NOTE bursts may be taken piece by piece: SCHED_FIFO: {error}");
        }
        let before = bench.interface_packets(room);
        let mut packets = Vec::new();
        for (index, vector) in plan.vectors.iter().enumerate() {
            let at_least = expected.map_or(0, |observed| observed.packets[index].len());
            packets.push(bench.pass(vector, at_least));
        }
        let counted = bench.interface_packets(room).saturating_sub(before);
        Observed {
            forwarder: launcher.name(),
            packets,
            interface_packets: counted.saturating_sub(bench.markers_under_way),
            has_queues: launcher.has_queues(),
            direction: plan.direction,
        }
    })
}

struct Bench {
    direction: Direction,
    road: Road,
    name: String,
    forwarder: Box<dyn Forwarder>,
    injector: Injector,
    peer: UdpSocket,
    sender: UdpSocket,
    out: PlainTun,
    datagram: Vec<u8>,
    marker: u32,
    markers_under_way: u64,
    has_queues: bool,
}

impl Bench {
    fn new(room: &TestNamespace, launcher: &dyn Launcher, plan: &Plan<'_>) -> Self {
        let socket = || {
            let socket = UdpSocket::bind((plan.road.loopback, 0)).expect("bind a UDP socket");
            for option in [libc::SO_RCVBUFFORCE, libc::SO_SNDBUFFORCE] {
                os::set_option(&socket, libc::SOL_SOCKET, option, 256 << 20).expect("buffer");
            }
            socket
        };
        let (peer, sender) = (socket(), socket());
        peer.set_nonblocking(true).expect("non-blocking");
        let open = if plan.road.has_frames() { PlainTun::open_tap } else { PlainTun::open };
        let out = open(OUT).expect("open the observer's interface");
        // MAX_MTU of drivers/net/tun.c, less the header of a frame.
        let mtu = if plan.road.has_frames() { 65_535 - 14 } else { 65_535 };
        room.run(&format!("ip link set {OUT} up mtu {mtu} txqueuelen {QUEUE}"));
        room.run(&format!("tc qdisc replace dev {OUT} root pfifo limit {QUEUE}"));
        let wiring = Wiring { peer: peer.local_addr().expect("getsockname"), road: plan.road };
        let forwarder = launcher.launch(&wiring);
        let interface = forwarder.interface();
        room.run(&format!("ip link set {interface} txqueuelen {QUEUE}"));
        room.run(&format!("tc qdisc replace dev {interface} root pfifo limit {QUEUE}"));
        room.run(&format!("tc qdisc add dev {interface} clsact"));
        // "tc" takes the program as one word.
        room.run_words(&[
            "tc",
            "filter",
            "add",
            "dev",
            interface,
            "ingress",
            "protocol",
            "all",
            "bpf",
            "bytecode",
            "1,6 0 0 4294967295",
            "action",
            "mirred",
            "egress",
            "redirect",
            "dev",
            OUT,
        ]);
        let injector = Injector::open(interface).expect("open a packet socket");
        Self {
            direction: plan.direction,
            road: plan.road,
            name: launcher.name(),
            forwarder,
            injector,
            peer,
            sender,
            out,
            datagram: vec![0; 65_535],
            marker: 0,
            markers_under_way: 0,
            has_queues: launcher.has_queues(),
        }
    }

    fn interface_packets(&self, room: &TestNamespace) -> u64 {
        let (received, sent) = room.packet_counts(self.forwarder.interface());
        if self.direction == Direction::Outbound { sent } else { received }
    }

    /// Sends one vector, window by window, and collects the packets that come out.
    fn pass(&mut self, vector: &Vector, at_least: usize) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        for window in windows(&vector.inputs) {
            self.send(window, &vector.name);
            // The second marker is sent after the first has come out: a forwarder that works in batches
            // has written the whole batch of the first one when it reads the next.
            for _ in 0..2 {
                self.await_marker(&mut out, &vector.name);
            }
        }
        let deadline = Instant::now() + GRACE;
        while out.len() < at_least && Instant::now() < deadline {
            self.drain(&mut out);
        }
        out
    }

    fn send(&mut self, inputs: &[Input], name: &str) {
        let inputs: Vec<Input> = inputs.iter().map(|input| self.road.wrap(input)).collect();
        match self.direction {
            Direction::Outbound => {
                for input in &inputs {
                    let Input { header, packet } = input;
                    let sent = match self.road.has_frames() {
                        true => self.injector.inject_frame(header, packet),
                        false => self.injector.inject(header, packet),
                    };
                    sent.unwrap_or_else(|error| panic!("inject {name}: {error}\n{input:?}"));
                }
            }
            Direction::Inbound => {
                for input in &inputs {
                    gso_batches::send_one(&self.sender, &input.packet, self.forwarder.listens_on());
                }
            }
            Direction::InboundBatches => {
                let packets = inputs.iter().map(|input| input.packet.as_slice());
                let to = self.forwarder.listens_on();
                let is_sorted = self.has_queues.then(|| self.road.layer());
                gso_batches::send(&self.sender, packets, to, is_sorted);
            }
        }
    }

    /// Sends a marker and collects packets until it comes out.
    fn await_marker(&mut self, out: &mut Vec<Vec<u8>>, name: &str) {
        for _ in 0..5 {
            self.marker += 1;
            self.markers_under_way += 1;
            let packet = marker::packet(self.marker);
            self.send(&[Input { header: VnetHeader::default(), packet }], "a marker");
            let deadline = Instant::now() + GRACE;
            while Instant::now() < deadline {
                if self.drain(out) == Some(self.marker) {
                    return;
                }
            }
        }
        panic!("{name}: {} lets nothing through any more", self.name);
    }

    /// Sleeps, so that the forwarder runs, then collects all packets. Returns the last marker.
    fn drain(&mut self, out: &mut Vec<Vec<u8>>) -> Option<u32> {
        std::thread::sleep(Duration::from_micros(100));
        let mut last = None;
        loop {
            let packet = match self.direction {
                Direction::Outbound => match self.peer.recv(&mut self.datagram) {
                    Ok(count) => &self.datagram[..count],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return last,
                    Err(error) => panic!("receive from {}: {error}", self.name),
                },
                _ => match self.out.read().expect("read the observer's interface") {
                    Some(packet) => packet,
                    None => return last,
                },
            };
            match marker::number(packet) {
                Some(number) => last = Some(number),
                None => out.push(self.road.unwrap(packet)),
            }
        }
    }
}

/// Splits the inputs into windows that the queues on the path can hold.
fn windows(inputs: &[Input]) -> impl Iterator<Item = &[Input]> {
    let mut rest = inputs;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|input| {
            bytes += input.packet.len() + OVERHEAD_BYTES;
            bytes <= WINDOW_BYTES
        });
        let count = fitting.count();
        let (window, left) = rest.split_at_checked(count).filter(|_| count > 0)?;
        rest = left;
        Some(window)
    })
}
