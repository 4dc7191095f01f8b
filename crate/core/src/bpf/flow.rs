//! The program that assigns packets to queues by flow.

use super::{Cell, Instruction};
use crate::packet::header::{behind, ipv4, ipv6, tcp};
use crate::packet::{flow, view};
use std::ops::Range;

/// The cell of the sum, and the cell of one port.
const SUM: Cell = Cell::First;
const PORT: Cell = Cell::Second;
/// The minimum length of an IPv4 header, in words of 32 bits.
const IPV4_HEADER_WORDS: u32 = view::IPV4_HEADER as u32 / 4;
/// IP protocol number of TCP.
const TCP: u32 = view::TCP as u32;

fn load_word(field: Range<usize>) -> Instruction {
    Instruction::LoadWord(field.start as u32)
}

fn load_half(field: Range<usize>) -> Instruction {
    Instruction::LoadHalf(field.start as u32)
}

fn load_byte(field: usize) -> Instruction {
    Instruction::LoadByte(field as u32)
}

/// Adds the accumulator to the sum.
const ADD: [Instruction; 3] =
    [Instruction::LoadCellToX(SUM), Instruction::XorX, Instruction::StoreCell(SUM)];

/// Returns the program that assigns packets to `queues` queues by flow, like
/// [`hash`](crate::packet::flow::hash). A truncated packet is assigned to the first queue, because the kernel
/// ends a program that reads past the end with the result 0.
pub(crate) fn by_flow(queues: usize) -> Vec<Instruction> {
    let queues = u32::try_from(queues.max(1)).unwrap_or(u32::MAX);
    let tail = [
        Instruction::LoadCell(SUM),
        Instruction::Multiply(flow::MULTIPLIER),
        Instruction::ShiftRight(16),
        Instruction::Modulo(queues),
        Instruction::ReturnA,
    ];
    let v4 = [v4_sum().as_slice(), &tail].concat();
    let v6_tcp = [v6_ports().as_slice(), &tail].concat();
    let unless_tcp = Instruction::SkipUnlessEqual(TCP, v6_tcp.len() as u8);
    let v6_addresses = v6_addresses();
    let kind = [load_byte(ipv6::NEXT_HEADER), unless_tcp];
    let v6 = [v6_addresses.as_slice(), &kind, &v6_tcp, &add_label(), &tail].concat();
    [
        &[
            load_byte(ipv4::VERSION_AND_LENGTH),
            Instruction::ShiftRight(4),
            Instruction::SkipUnlessEqual(4, v4.len() as u8),
        ],
        v4.as_slice(),
        &[Instruction::SkipUnlessEqual(6, v6.len() as u8)],
        &v6,
        &[Instruction::Return(0)],
    ]
    .concat()
}

/// Sums up both addresses and, for TCP that is not fragmented, both ports.
fn v4_sum() -> Vec<Instruction> {
    let addresses = [
        load_word(ipv4::SOURCE),
        Instruction::CopyToX,
        load_word(ipv4::DESTINATION),
        Instruction::XorX,
        Instruction::StoreCell(SUM),
    ];
    let ports = ports();
    let unless_fragment = [
        [
            load_half(ipv4::FRAGMENT),
            Instruction::SkipIfAny(flow::IS_FRAGMENT.into(), ports.len() as u8),
        ]
        .as_slice(),
        &ports,
    ]
    .concat();
    let if_tcp =
        [load_byte(ipv4::PROTOCOL), Instruction::SkipUnlessEqual(TCP, unless_fragment.len() as u8)];
    [addresses.as_slice(), &if_tcp, &unless_fragment].concat()
}

/// Sums up both addresses.
fn v6_addresses() -> Vec<Instruction> {
    let mut words = ipv6::ADDRESSES.step_by(4).map(|at| load_word(at..at + 4));
    let first: Vec<_> = words.next().into_iter().collect();
    let further: Vec<_> =
        words.flat_map(|load| [Instruction::CopyToX, load, Instruction::XorX]).collect();
    [first.as_slice(), &further, &[Instruction::StoreCell(SUM)]].concat()
}

/// Adds both ports of a TCP header that follows the IPv6 header.
fn v6_ports() -> Vec<Instruction> {
    let port = |field| load_half(behind(view::IPV6_HEADER, field));
    let both = [
        port(tcp::SOURCE_PORT),
        Instruction::CopyToX,
        port(tcp::DESTINATION_PORT),
        Instruction::XorX,
    ];
    [both.as_slice(), &ADD].concat()
}

/// Adds the flow label.
fn add_label() -> Vec<Instruction> {
    let label = [load_word(ipv6::FIRST_WORD), Instruction::And(ipv6::FLOW_LABEL)];
    [&label, ADD.as_slice()].concat()
}

/// Adds both ports of an IPv4 packet to the sum, unless its header length is invalid.
fn ports() -> Vec<Instruction> {
    let both = [
        load_byte(ipv4::VERSION_AND_LENGTH),
        Instruction::And(0xf),
        Instruction::SkipIfBelow(IPV4_HEADER_WORDS, 9),
        Instruction::LoadHeaderLengthToX,
        Instruction::LoadHalfAtX(tcp::SOURCE_PORT.start as u32),
        Instruction::StoreCell(PORT),
        Instruction::LoadHalfAtX(tcp::DESTINATION_PORT.start as u32),
        Instruction::LoadCellToX(PORT),
        Instruction::XorX,
    ];
    [both.as_slice(), &ADD].concat()
}
