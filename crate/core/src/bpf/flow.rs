//! The program that assigns packets to queues by flow.

use super::{Cell, Instruction};
use crate::packet::header::{behind, ipv4, ipv6, tcp};
use crate::packet::layer::Layer;
use crate::packet::{ethernet, flow, view};
use std::ops::Range;

/// The cell of the sum, and the cell of one port.
const SUM: Cell = Cell::First;
const PORT: Cell = Cell::Second;
/// The minimum length of an IPv4 header, in words of 32 bits.
const IPV4_HEADER_WORDS: u32 = view::IPV4_HEADER as u32 / 4;
/// IP protocol number of TCP.
const TCP: u32 = view::TCP as u32;

/// Adds the accumulator to the sum.
const ADD: [Instruction; 3] =
    [Instruction::LoadCellToX(SUM), Instruction::XorX, Instruction::StoreCell(SUM)];

/// Returns the program that assigns packets of this layer to `queues` queues by flow, like
/// [`hash_of`](crate::packet::flow::hash_of). A truncated packet is assigned to the first queue, because the kernel
/// ends a program that reads past the end with the result 0.
pub(crate) fn by_flow(queues: usize, layer: Layer) -> Vec<Instruction> {
    let queues = u32::try_from(queues.max(1)).unwrap_or(u32::MAX);
    let tail = [
        Instruction::LoadCell(SUM),
        Instruction::Multiply(flow::MULTIPLIER),
        Instruction::ShiftRight(16),
        Instruction::Modulo(queues),
        Instruction::ReturnA,
    ];
    match layer {
        Layer::Ip => packets(&tail),
        Layer::Ethernet => frames(&tail),
    }
}

/// Returns a program that runs `steps` if the accumulator is `value`, and continues behind them otherwise.
fn if_equal(value: u32, steps: &[Instruction]) -> Vec<Instruction> {
    [&[Instruction::SkipUnlessEqual(value, steps.len() as u8)], steps].concat()
}

/// Loads the version of the IP header.
fn load_version(at: Headers) -> [Instruction; 2] {
    [at.load_byte(ipv4::VERSION_AND_LENGTH), Instruction::ShiftRight(4)]
}

/// The program for IP packets, which ends with the steps of `tail`.
fn packets(tail: &[Instruction]) -> Vec<Instruction> {
    let at = Headers { ip: 0 };
    let (v4, v6) = (if_equal(4, &at.v4(tail)), if_equal(6, &at.v6(tail)));
    [load_version(at).as_slice(), &v4, &v6, &[Instruction::Return(0)]].concat()
}

/// The program for frames, which ends with the steps of `tail`.
fn frames(tail: &[Instruction]) -> Vec<Instruction> {
    let stations = [stations_sum().as_slice(), tail].concat();
    let type_at = |at: usize| Instruction::LoadHalf(at as u32);
    let of_type = |at: Headers| {
        let version = |version: u32, steps: &[Instruction]| {
            let steps = if_equal(version, steps);
            [load_version(at).as_slice(), &steps, &[Instruction::Return(0)]].concat()
        };
        let v4 = if_equal(ethernet::TYPE_IPV4.into(), &version(4, &at.v4(tail)));
        let v6 = if_equal(ethernet::TYPE_IPV6.into(), &version(6, &at.v6(tail)));
        [v4, v6, stations.clone()].concat()
    };
    let behind_tag = ethernet::HEADER + ethernet::TAG;
    let tagged = of_type(Headers { ip: behind_tag });
    let tagged = [&[type_at(behind_tag - 2)], tagged.as_slice()].concat();
    let tagged = if_equal(ethernet::TYPE_VLAN.into(), &tagged);
    let untagged = of_type(Headers { ip: ethernet::HEADER });
    [&[type_at(ethernet::ADDRESSES)], tagged.as_slice(), &untagged].concat()
}

/// Sums up both addresses of a frame.
fn stations_sum() -> Vec<Instruction> {
    let both = |load: fn(u32) -> Instruction, at: usize| {
        [
            load(at as u32),
            Instruction::CopyToX,
            load((at + ethernet::ADDRESS) as u32),
            Instruction::XorX,
        ]
    };
    let first = both(Instruction::LoadWord, 0);
    let rest = both(Instruction::LoadHalf, 4);
    [first.as_slice(), &[Instruction::StoreCell(SUM)], &rest, &ADD].concat()
}

/// Where the headers of a packet are.
#[derive(Clone, Copy)]
struct Headers {
    /// Offset of the IP header.
    ip: usize,
}

impl Headers {
    fn load_word(self, field: Range<usize>) -> Instruction {
        Instruction::LoadWord((self.ip + field.start) as u32)
    }

    fn load_half(self, field: Range<usize>) -> Instruction {
        Instruction::LoadHalf((self.ip + field.start) as u32)
    }

    fn load_byte(self, field: usize) -> Instruction {
        Instruction::LoadByte((self.ip + field) as u32)
    }

    /// The steps for an IPv4 packet.
    fn v4(self, tail: &[Instruction]) -> Vec<Instruction> {
        [self.v4_sum().as_slice(), tail].concat()
    }

    /// The steps for an IPv6 packet.
    fn v6(self, tail: &[Instruction]) -> Vec<Instruction> {
        let tcp = [self.v6_ports().as_slice(), tail].concat();
        let kind = [self.load_byte(ipv6::NEXT_HEADER)];
        let (addresses, tcp) = (self.v6_addresses(), if_equal(TCP, &tcp));
        [addresses.as_slice(), &kind, &tcp, &self.add_label(), tail].concat()
    }

    /// Sums up both addresses and, for TCP that is not fragmented, both ports.
    fn v4_sum(self) -> Vec<Instruction> {
        let addresses = [
            self.load_word(ipv4::SOURCE),
            Instruction::CopyToX,
            self.load_word(ipv4::DESTINATION),
            Instruction::XorX,
            Instruction::StoreCell(SUM),
        ];
        let ports = self.ports();
        let unless_fragment = [
            [
                self.load_half(ipv4::FRAGMENT),
                Instruction::SkipIfAny(flow::IS_FRAGMENT.into(), ports.len() as u8),
            ]
            .as_slice(),
            &ports,
        ]
        .concat();
        let protocol = [self.load_byte(ipv4::PROTOCOL)];
        [addresses.as_slice(), &protocol, &if_equal(TCP, &unless_fragment)].concat()
    }

    /// Sums up both addresses.
    fn v6_addresses(self) -> Vec<Instruction> {
        let mut words = ipv6::ADDRESSES.step_by(4).map(|at| self.load_word(at..at + 4));
        let first: Vec<_> = words.next().into_iter().collect();
        let further: Vec<_> =
            words.flat_map(|load| [Instruction::CopyToX, load, Instruction::XorX]).collect();
        [first.as_slice(), &further, &[Instruction::StoreCell(SUM)]].concat()
    }

    /// Adds both ports of a TCP header that follows the IPv6 header.
    fn v6_ports(self) -> Vec<Instruction> {
        let port = |field| self.load_half(behind(view::IPV6_HEADER, field));
        let both = [
            port(tcp::SOURCE_PORT),
            Instruction::CopyToX,
            port(tcp::DESTINATION_PORT),
            Instruction::XorX,
        ];
        [both.as_slice(), &ADD].concat()
    }

    /// Adds the flow label.
    fn add_label(self) -> Vec<Instruction> {
        let label = [self.load_word(ipv6::FIRST_WORD), Instruction::And(ipv6::FLOW_LABEL)];
        [&label, ADD.as_slice()].concat()
    }

    /// Adds both ports of an IPv4 packet to the sum, unless its header length is invalid.
    fn ports(self) -> Vec<Instruction> {
        let port = |field: Range<usize>| Instruction::LoadHalfAtX((self.ip + field.start) as u32);
        let both = [
            self.load_byte(ipv4::VERSION_AND_LENGTH),
            Instruction::And(0xf),
            Instruction::SkipIfBelow(IPV4_HEADER_WORDS, 9),
            Instruction::LoadHeaderLengthToX(self.ip as u32),
            port(tcp::SOURCE_PORT),
            Instruction::StoreCell(PORT),
            port(tcp::DESTINATION_PORT),
            Instruction::LoadCellToX(PORT),
            Instruction::XorX,
        ];
        [both.as_slice(), &ADD].concat()
    }
}
