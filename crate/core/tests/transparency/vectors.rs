//! Named packets and runs of packets.

mod extensions;
mod flags;
mod fragments;
mod golden;
mod headers;
mod malformed;
mod other;
mod runs;
mod sizes;
mod supers;
mod supers_odd;
mod syn;

use crate::craft::{Family, Network, Tcp};
use crate::forwarder::Road;
use crate::observe::Direction;
use crate::support::packet_socket::VnetHeader;

/// One packet, or a super-packet with its vnet header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) header: VnetHeader,
    pub(crate) packet: Vec<u8>,
}

/// Inputs that are sent in one burst.
#[derive(Clone, Debug)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) inputs: Vec<Input>,
}

impl Vector {
    /// Returns whether it can be sent in that direction: UDP has no super-packets, and an interface sends no
    /// packets that are empty or longer than its MTU.
    pub(crate) fn fits(&self, direction: Direction, road: &Road) -> bool {
        self.inputs.iter().all(|input| {
            if direction != Direction::Outbound {
                let fits = road.wrap(input).packet.len() <= road.longest_datagram();
                return fits && input.header == VnetHeader::default();
            }
            let is_to_be_cut = input.header.gso_type != 0;
            (1..=road.mtu as usize).contains(&input.packet.len()) || is_to_be_cut
        })
    }
}

/// A collection of vectors.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) vectors: Vec<Vector>,
}

impl Book {
    /// Adds a burst of plain packets.
    pub(crate) fn add(&mut self, name: impl Into<String>, packets: Vec<Vec<u8>>) {
        let plain = |packet| Input { header: VnetHeader::default(), packet };
        self.add_inputs(name, packets.into_iter().map(plain).collect());
    }

    /// Adds a burst of packets and super-packets.
    pub(crate) fn add_inputs(&mut self, name: impl Into<String>, inputs: Vec<Input>) {
        self.vectors.push(Vector { name: name.into(), inputs });
    }

    /// Adds a run of segments.
    pub(crate) fn add_run(&mut self, name: impl Into<String>, run: &[Segment]) {
        self.add(name, run.iter().map(Segment::packet).collect());
    }
}

/// All vectors. Those with packets longer than 1,500 bytes are sent in one direction only, unless the
/// interface's MTU allows more.
pub(crate) fn all() -> Vec<Vector> {
    let mut book = Book::default();
    flags::add(&mut book);
    headers::add(&mut book);
    runs::add(&mut book);
    other::add(&mut book);
    fragments::add(&mut book);
    extensions::add(&mut book);
    malformed::add(&mut book);
    sizes::add(&mut book);
    supers::add(&mut book);
    supers_odd::add(&mut book);
    syn::add(&mut book);
    golden::add(&mut book);
    book.vectors
}

/// Vectors for an interface with the largest MTU.
pub(crate) fn large() -> Vec<Vector> {
    let mut book = Book::default();
    sizes::add_large(&mut book);
    book.vectors
}

pub(crate) use golden::supers as golden_supers;
pub(crate) use supers::{partial as partial_of, tcp as super_tcp, udp as super_udp};

pub(crate) const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Returns a packet with a TCP segment.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) network: Network,
    pub(crate) tcp: Tcp,
}

impl Segment {
    pub(crate) fn packet(&self) -> Vec<u8> {
        self.network.tcp(&self.tcp)
    }
}

/// Returns `count` consecutive segments of `size` payload bytes with consecutive ids, which a relay may
/// coalesce.
pub(crate) fn run(family: Family, count: usize, size: usize) -> Vec<Segment> {
    run_of(&Segment { network: Network::new(family, 1), tcp: Tcp::default() }, count, size)
}

/// Returns a run of segments with the headers of `first`.
pub(crate) fn run_of(first: &Segment, count: usize, size: usize) -> Vec<Segment> {
    let follow = |index: usize| {
        let mut segment = first.clone();
        segment.network.advance_id(index as u16);
        segment.tcp.seq = first.tcp.seq.wrapping_add((index * size) as u32);
        segment.tcp.payload = crate::craft::payload(index, size);
        segment
    };
    (0..count).map(follow).collect()
}
