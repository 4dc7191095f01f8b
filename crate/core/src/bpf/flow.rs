//! The program that spreads packets over queues by their flows.

use super::{Cell, Instruction};
use crate::packet::{flow, view};

/// What was added up so far, and one port.
const SUM: Cell = Cell::First;
const PORT: Cell = Cell::Second;
/// The least length of an IPv4 header, in words of 32 bits.
const IPV4_HEADER_WORDS: u32 = view::IPV4_HEADER as u32 / 4;
/// TCP, as IP numbers it.
const TCP: u32 = view::TCP as u32;

/// Adds what is in the accumulator to the sum.
const ADD: [Instruction; 3] =
    [Instruction::LoadCellToX(SUM), Instruction::XorX, Instruction::StoreCell(SUM)];

/// Returns the program that spreads packets over `queues` queues by their flows, as
/// [`hash`](crate::packet::flow::hash) does. A packet that ends too early goes to the first queue, because
/// the kernel ends a program that reads past the end.
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
    let kind = [Instruction::LoadByte(view::IPV6_NEXT_HEADER as u32), unless_tcp];
    let v6 = [v6_addresses.as_slice(), &kind, &v6_tcp, &add_label(), &tail].concat();
    [
        &[
            Instruction::LoadByte(0),
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

/// Both addresses, and of TCP that is no fragment both ports.
fn v4_sum() -> Vec<Instruction> {
    let addresses = [
        Instruction::LoadWord(12),
        Instruction::CopyToX,
        Instruction::LoadWord(16),
        Instruction::XorX,
        Instruction::StoreCell(SUM),
    ];
    let ports = ports();
    let unless_fragment = [
        [Instruction::LoadHalf(6), Instruction::SkipIfAny(0x3fff, ports.len() as u8)].as_slice(),
        &ports,
    ]
    .concat();
    let if_tcp =
        [Instruction::LoadByte(9), Instruction::SkipUnlessEqual(TCP, unless_fragment.len() as u8)];
    [addresses.as_slice(), &if_tcp, &unless_fragment].concat()
}

/// Both addresses.
fn v6_addresses() -> Vec<Instruction> {
    let further = (12..40).step_by(4);
    let further = further
        .flat_map(|at| [Instruction::CopyToX, Instruction::LoadWord(at), Instruction::XorX])
        .collect::<Vec<_>>();
    [&[Instruction::LoadWord(8)], further.as_slice(), &[Instruction::StoreCell(SUM)]].concat()
}

/// Adds both ports of TCP right behind the IPv6 header.
fn v6_ports() -> Vec<Instruction> {
    const PORTS: u32 = view::IPV6_HEADER as u32;
    let both = [
        Instruction::LoadHalf(PORTS),
        Instruction::CopyToX,
        Instruction::LoadHalf(PORTS + 2),
        Instruction::XorX,
    ];
    [both.as_slice(), &ADD].concat()
}

/// Adds the flow label.
fn add_label() -> Vec<Instruction> {
    [&[Instruction::LoadWord(0), Instruction::And(flow::FLOW_LABEL)], ADD.as_slice()].concat()
}

/// Adds both ports of an IPv4 packet to the sum, if its header has a length that leads to them.
fn ports() -> Vec<Instruction> {
    let both = [
        Instruction::LoadByte(0),
        Instruction::And(0xf),
        Instruction::SkipIfBelow(IPV4_HEADER_WORDS, 9),
        Instruction::LoadHeaderLengthToX,
        Instruction::LoadHalfAtX(0),
        Instruction::StoreCell(PORT),
        Instruction::LoadHalfAtX(2),
        Instruction::LoadCellToX(PORT),
        Instruction::XorX,
    ];
    [both.as_slice(), &ADD].concat()
}
