//! Random bursts of mixed packets, which depend on the seed only.

use crate::craft::{Family, Network, Tcp, Udp, ack, fin, flip, payload, psh, with_u16};
use crate::support::packet_socket::VnetHeader;
use crate::vectors::{Input, Segment, Vector, partial_of, super_tcp, super_udp};
use fastrand::Rng;
use std::fmt;

/// Default number of packets per run; TUN2UDP_PACKETS sets another.
const PACKETS: usize = 20_000;
const MOST_FLOWS: usize = 12;

/// The seed of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    /// Returns the seed of TUN2UDP_SEED, or a new one.
    pub(crate) fn choose() -> Self {
        match std::env::var("TUN2UDP_SEED") {
            Ok(text) => Self(text.parse().expect("TUN2UDP_SEED is a number")),
            Err(_) => Self(fastrand::u64(..)),
        }
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "random packets, TUN2UDP_SEED={}", self.0)
    }
}

fn packets_wanted() -> usize {
    match std::env::var("TUN2UDP_PACKETS") {
        Ok(text) => text.parse().expect("TUN2UDP_PACKETS is a number"),
        Err(_) => PACKETS,
    }
}

/// Returns bursts of plain packets, and after each the same burst with super-packets, for the direction TUN to
/// UDP only.
pub(crate) fn bursts(seed: Seed) -> Vec<Vector> {
    println!("{seed}");
    let mut rng = Rng::with_seed(seed.0);
    let mut vectors = Vec::new();
    let mut count = 0;
    while count < packets_wanted() {
        let has_supers = vectors.len() % 2 == 1;
        let inputs = burst(&mut rng, has_supers);
        count += inputs.len();
        let kind = if has_supers { "with super-packets" } else { "plain" };
        vectors.push(Vector { name: format!("{seed}, burst {} ({kind})", vectors.len()), inputs });
    }
    vectors
}

fn burst(rng: &mut Rng, has_supers: bool) -> Vec<Input> {
    let mut streams: Vec<Stream> =
        (0..rng.usize(1..=MOST_FLOWS)).map(|index| Stream::new(rng, index)).collect();
    // Often the same flow again, to create runs.
    let stickiness = rng.f32();
    let mut inputs = Vec::new();
    let mut current = 0;
    for _ in 0..rng.usize(1..=200) {
        if rng.f32() > stickiness {
            current = rng.usize(..streams.len());
        }
        let stream = &mut streams[current];
        if has_supers && rng.u8(..8) == 0 {
            inputs.push(stream.next_super(rng));
        } else {
            let packet = stream.next_packet(rng);
            inputs.push(Input { header: VnetHeader::default(), packet });
        }
    }
    inputs
}

/// A flow that continues from packet to packet.
struct Stream {
    segment: Segment,
    size: usize,
    id_step: u16,
    is_udp: bool,
    has_checksum: bool,
}

impl Stream {
    fn new(rng: &mut Rng, index: usize) -> Self {
        let family = if rng.bool() { Family::V4 } else { Family::V6 };
        let mut network = Network::new(family, rng.u8(1..4));
        if let Network::V4(header) = &mut network {
            header.flags = *rng.choice(&[0_u16, 2, 2, 2]).unwrap_or(&2);
            header.id = rng.u16(..);
        }
        let tcp = Tcp { source: 20_000 + index as u16, seq: rng.u32(..), ..Tcp::default() };
        let tcp = Tcp { options: random_options(rng), ..tcp };
        Self {
            segment: Segment { network, tcp },
            size: *rng.choice(&[1, 2, 13, 100, 536, 1_200, 1_388, 1_400]).unwrap_or(&100),
            id_step: *rng.choice(&[0, 1, 1, 1, 7]).unwrap_or(&1),
            is_udp: rng.u8(..3) == 0,
            has_checksum: rng.u8(..8) != 0,
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.segment.tcp.seq = self.segment.tcp.seq.wrapping_add(bytes as u32);
        self.segment.network.advance_id(self.id_step);
    }

    /// Returns the next packet: in four of five cases the continuation of a run, otherwise another one.
    fn next_packet(&mut self, rng: &mut Rng) -> Vec<u8> {
        let mut now = self.segment.clone();
        let mut size = self.size;
        let mut udp_checksum = if self.has_checksum { None } else { Some(0) };
        let is_odd = rng.u8(..5) == 0;
        if is_odd {
            change(rng, &mut now, &mut size);
            if rng.u8(..8) == 0 {
                udp_checksum = Some(rng.u16(..));
            }
        }
        now.tcp.payload = payload(rng.usize(..1_000), size);
        let packet = if self.is_udp {
            let Tcp { source, destination, payload, .. } = now.tcp;
            now.network.udp(&Udp { source, destination, checksum: udp_checksum, payload })
        } else {
            now.packet()
        };
        self.advance(size);
        if is_odd && rng.u8(..3) == 0 { spoil(rng, packet) } else { packet }
    }

    fn next_super(&mut self, rng: &mut Rng) -> Input {
        let mut now = self.segment.clone();
        let pieces = rng.usize(1..=40);
        let bytes = (self.size * pieces).saturating_sub(rng.usize(..self.size)).max(1);
        now.tcp.payload = payload(rng.usize(..1_000), bytes.min(64_000));
        let bytes = now.tcp.payload.len();
        let gso_size = self.size as u16;
        now.tcp.flags = *rng.choice(&[ack, ack | psh, ack | fin]).unwrap_or(&ack);
        let input = if self.is_udp {
            let Tcp { source, destination, payload, .. } = now.tcp;
            let udp = Udp { source, destination, checksum: None, payload };
            super_udp(&now.network, &udp, gso_size.max(500))
        } else {
            super_tcp(&now, gso_size)
        };
        self.advance(bytes);
        self.segment.network.advance_id(pieces as u16);
        let fits = input.packet.len() <= 1_500;
        if fits && rng.u8(..4) == 0 { partial_of(input) } else { input }
    }
}

fn random_options(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..4) {
        0 => vec![1, 1, 8, 10, 0, 0, 1, rng.u8(..), 0, 0, 2, 0],
        1 => vec![1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9],
        _ => Vec::new(),
    }
}

/// Changes one field of a correct packet.
fn change(rng: &mut Rng, segment: &mut Segment, size: &mut usize) {
    let Segment { network, tcp } = segment;
    match rng.u8(..16) {
        0 => tcp.flags = rng.u8(..),
        1 => tcp.flags |= psh,
        2 => tcp.flags |= fin,
        3 => tcp.window = rng.u16(..),
        4 => tcp.ack = tcp.ack.wrapping_add(rng.u32(..)),
        5 => tcp.seq = tcp.seq.wrapping_add(rng.u32(..4)).wrapping_sub(2),
        6 => tcp.reserved = rng.u8(..16),
        7 => tcp.urgent = rng.u16(..),
        8 => tcp.options = random_options(rng),
        9 => network.set_ttl(rng.u8(..)),
        10 => network.set_tos(rng.u8(..)),
        11 => network.set_id(rng.u16(..)),
        12 => *size = rng.usize(..=1_400),
        13 => *size = (*size).saturating_sub(1),
        14 => *size = 0,
        _ => match network {
            Network::V4(header) => {
                header.flags = rng.u16(..8);
                header.fragment_offset = if rng.bool() { 0 } else { rng.u16(..0x2000) };
            }
            Network::V6(header) => {
                header.flow_label = rng.u32(..0x10_0000);
                if rng.bool() {
                    header.extensions = vec![(60, vec![0, 1, 4, 0, 0, 0, 0])];
                }
            }
        },
    }
}

/// Corrupts a packet.
fn spoil(rng: &mut Rng, mut packet: Vec<u8>) -> Vec<u8> {
    match rng.u8(..5) {
        0 => {
            packet.truncate(rng.usize(1..=packet.len()));
            packet
        }
        1 => {
            packet.resize(packet.len() + rng.usize(1..=40), 0xee);
            packet
        }
        2 => with_u16(packet, if rng.bool() { 2 } else { 4 }, rng.u16(..)),
        3 => {
            let at = rng.usize(..packet.len().min(60));
            flip(packet, at, 1 << rng.u8(..8))
        }
        _ => {
            let at = rng.usize(..packet.len());
            flip(packet, at, 1 << rng.u8(..8))
        }
    }
}
