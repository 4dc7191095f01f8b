//! The relay on kernels that refuse one offload after the other: it continues without it, reports this once,
//! and stays transparent.

use crate::forwarder::{Forwarder, Launcher, Wiring};
use crate::matrix::{assert_transparent, skips, vectors_only};
use crate::relay::config;
use crate::support::refusal::{
    self, Call, Verdict, hide_features, refuse_gso_batches, refuse_super_packets,
};
use crate::support::room::skip;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tun2udp_core::relay::{OffloadConfig, Relay, Stats};
use tun2udp_core::sys::tun::{IFF_VNET_HDR, TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6};

const ALL: OffloadConfig = OffloadConfig::ALL;

/// The events of a relay with their number, and its last counters.
type Seen = (BTreeMap<&'static str, usize>, Stats);

/// A kernel that refuses something.
struct Refusal {
    name: &'static str,
    /// The calls that are judged, and how.
    calls: &'static [libc::c_long],
    judge: fn(&Call) -> Verdict,
    /// The event that reports the refusal, if an offload is turned off.
    event: Option<&'static str>,
    /// Offloads in use afterwards.
    left: OffloadConfig,
    queues: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Refusal {
    fn new(
        name: &'static str,
        calls: &'static [libc::c_long],
        judge: fn(&Call) -> Verdict,
        event: Option<&'static str>,
        left: OffloadConfig,
    ) -> Self {
        Self { name, calls, judge, event, left, queues: 1, seen: Arc::default() }
    }

    /// Asserts that the refusal was reported once, and that it shows in the counters.
    fn assert_told(&self) {
        let seen = self.seen.lock().expect("what was seen");
        for (events, stats) in &*seen {
            let Stats { outbound, inbound, offload } = stats;
            assert_eq!(outbound.packets_read, outbound.datagrams_sent + outbound.dropped());
            assert_eq!(inbound.datagrams_received, inbound.packets_written + inbound.dropped());
            let expected: BTreeMap<_, _> = self.event.into_iter().map(|kind| (kind, 1)).collect();
            let left = if events.is_empty() { ALL } else { self.left };
            assert!(events.is_empty() || *events == expected, "{}: {events:?}", self.name);
            assert_eq!(*offload, left, "{}: {events:?}", self.name);
        }
        let told = seen.iter().filter(|(events, _)| !events.is_empty()).count();
        assert_eq!(told > 0, self.event.is_some(), "{}: {told} of {}", self.name, seen.len());
    }
}

/// `TUNSETOFFLOAD` with any of `mask`.
#[allow(clippy::unnecessary_cast, reason = "to musl a request is a C int")]
fn refuse_offload(call: &Call, mask: u32) -> Verdict {
    let [_, request, value, ..] = call.arguments;
    let is_refused = request == libc::TUNSETOFFLOAD as u64 && value & u64::from(mask) != 0;
    if is_refused { Verdict::Refuse(libc::EINVAL) } else { Verdict::Pass }
}

fn refuse_gro(call: &Call) -> Verdict {
    let [_, level, name, ..] = call.arguments;
    let is_gro = level == libc::SOL_UDP as u64 && name == libc::UDP_GRO as u64;
    if is_gro { Verdict::Refuse(libc::ENOPROTOOPT) } else { Verdict::Pass }
}

const IOCTL: &[libc::c_long] = &[libc::SYS_ioctl];
const SEND: &[libc::c_long] = &[libc::SYS_sendmmsg];

fn refusals() -> [Refusal; 8] {
    let plain = OffloadConfig { tso: false, uso: false, coalesce: false, ..ALL };
    let single = OffloadConfig { gso: false, ..ALL };
    [
        Refusal::new(
            "IFF_VNET_HDR",
            IOCTL,
            |call| hide_features(call, IFF_VNET_HDR as u32),
            Some("vnet-header-off"),
            plain,
        ),
        Refusal::new(
            "TSO",
            IOCTL,
            |call| refuse_offload(call, TUN_F_TSO4 | TUN_F_TSO6),
            Some("tso-off"),
            OffloadConfig { tso: false, ..ALL },
        ),
        Refusal::new(
            "USO",
            IOCTL,
            |call| refuse_offload(call, TUN_F_USO4 | TUN_F_USO6),
            Some("uso-off"),
            OffloadConfig { uso: false, ..ALL },
        ),
        Refusal::new(
            "UDP_GRO",
            &[libc::SYS_setsockopt],
            refuse_gro,
            Some("gro-off"),
            OffloadConfig { gro: false, ..ALL },
        ),
        Refusal::new(
            "UDP_SEGMENT by EIO",
            SEND,
            |call| refuse_gso_batches(call, libc::EIO),
            Some("gso-off"),
            single,
        ),
        Refusal::new(
            "UDP_SEGMENT by EINVAL",
            SEND,
            |call| refuse_gso_batches(call, libc::EINVAL),
            Some("gso-off"),
            single,
        ),
        // A path that is too narrow concerns one batch: the next may fit.
        Refusal::new(
            "GSO batches by EMSGSIZE",
            SEND,
            |call| refuse_gso_batches(call, libc::EMSGSIZE),
            None,
            ALL,
        ),
        Refusal::new(
            "joined packets",
            &[libc::SYS_writev],
            |call| refuse_super_packets(call, libc::EINVAL),
            Some("coalesce-off"),
            OffloadConfig { coalesce: false, ..ALL },
        ),
    ]
}

impl Launcher for Refusal {
    fn name(&self) -> String {
        format!("relay refused {}", self.name)
    }

    fn completes_what_the_kernel_cut(&self) -> bool {
        self.left.uso && !self.left.tso
    }

    fn has_queues(&self) -> bool {
        self.queues > 1
    }

    fn launch(&self, wiring: &Wiring) -> Box<dyn Forwarder> {
        let events = Arc::<Mutex<BTreeMap<_, _>>>::default();
        let counted = Arc::clone(&events);
        let config = config(wiring, ALL, self.queues);
        let start = || {
            Relay::start(config, move |event| {
                *counted.lock().expect("the events").entry(event.kind).or_default() += 1;
            })
        };
        let relay = refusal::under(self.calls, self.judge, start);
        let relay = relay.unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        Box::new(Running { relay, events, seen: Arc::clone(&self.seen) })
    }
}

struct Running {
    relay: Relay,
    events: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Forwarder for Running {
    fn interface(&self) -> &str {
        &self.relay.info().interface_name
    }

    fn listens_on(&self) -> SocketAddr {
        self.relay.info().local
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.relay.close();
        self.relay.join();
        if let (Ok(events), Ok(mut seen)) = (self.events.lock(), self.seen.lock()) {
            seen.push((events.clone(), self.relay.stats()));
        }
    }
}

/// Returns whether to skip the calling test, and prints why.
#[track_caller]
fn cannot_refuse() -> bool {
    skip::because(refusal::missing()) || skips()
}

#[test]
fn the_relay_is_transparent_if_the_kernel_refuses_an_offload() {
    if cannot_refuse() {
        return;
    }
    let refusals = refusals();
    assert_transparent(&vectors_only(), refusals.each_ref().map(|one| one as &dyn Launcher));
    for refusal in &refusals {
        refusal.assert_told();
    }
}

/// Without the program, the kernel distributes packets by its own hash, which reads tunnelled packets and
/// extension headers. Packets that it assigns to two flows may be reordered, so only plain TCP and UDP are used.
#[test]
fn a_relay_of_three_queues_is_transparent_without_its_steering_program() {
    if cannot_refuse() {
        return;
    }
    let judge = |_: &Call| Verdict::Refuse(libc::EPERM);
    let event = Some("steering-off");
    let refusal = Refusal {
        queues: 3,
        ..Refusal::new("a program that steers", &[libc::SYS_bpf], judge, event, ALL)
    };
    let [(name, road, mut vectors)] = vectors_only();
    vectors.retain(|vector| vector.inputs.iter().all(|input| has_ports(&input.packet)));
    assert!(vectors.len() > 100, "{} vectors", vectors.len());
    assert_transparent(&[(name, road, vectors)], [&refusal]);
    refusal.assert_told();
}

/// Returns whether a packet has complete TCP or UDP ports right behind its IP header.
fn has_ports(packet: &[u8]) -> bool {
    match packet {
        [0x45, _, _, _, _, _, a, b, _, 6 | 17, ..] => {
            (a & 0x3f, *b) == (0, 0) && packet.len() >= 24
        }
        [0x60..=0x6f, _, _, _, _, _, 6 | 17, ..] => packet.len() >= 44,
        _ => false,
    }
}
