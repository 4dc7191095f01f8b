//! The program that assigns datagrams to queues by their source.

use super::{Cell, Instruction, NETWORK_HEADER};
use crate::packet::flow;
use crate::packet::header::{PORTS, behind, ipv4, ipv6};
use crate::packet::view::{IPV6_HEADER, UDP};
use std::ops::Range;

/// The cell of the number that stands for the address.
const HOST: Cell = Cell::First;
/// IP protocol number of UDP.
const PROTOCOL: u32 = UDP as u32;

fn at(field: Range<usize>) -> u32 {
    byte_at(field.start)
}

fn byte_at(field: usize) -> u32 {
    NETWORK_HEADER.wrapping_add(field as u32)
}

/// Returns the program that assigns datagrams to `queues` queues by their source port, or by their source address and
/// port if `has_hosts`. All datagrams of a source go to one queue, and consecutive ports of an address to consecutive
/// queues. The program is for sockets only: it reads the headers in front of the payload.
///
/// A datagram with IPv6 extension headers is assigned to the first queue.
pub(crate) fn by_source(queues: usize, has_hosts: bool) -> Vec<Instruction> {
    let queues = u32::try_from(queues.max(1)).unwrap_or(u32::MAX);
    let number = [Instruction::Modulo(queues), Instruction::ReturnA];
    let add_host = [Instruction::LoadCellToX(HOST), Instruction::AddX];
    let tail = [if has_hosts { add_host.as_slice() } else { &[] }, &number].concat();
    let v4 = [v4_host_and_port().as_slice(), &tail].concat();
    let v6 = [v6_host_and_port().as_slice(), &tail].concat();
    let if_udp = [
        Instruction::LoadByte(byte_at(ipv6::NEXT_HEADER)),
        Instruction::SkipUnlessEqual(PROTOCOL, v6.len() as u8),
    ];
    [
        &[
            Instruction::LoadByte(byte_at(ipv4::VERSION_AND_LENGTH)),
            Instruction::ShiftRight(4),
            Instruction::SkipUnlessEqual(4, v4.len() as u8),
        ],
        v4.as_slice(),
        &if_udp,
        &v6,
        &[Instruction::Return(0)],
    ]
    .concat()
}

/// Stores the number of the address: 16 bits that depend on all of it.
const STORE_HOST: [Instruction; 3] = [
    Instruction::Multiply(flow::MULTIPLIER),
    Instruction::ShiftRight(16),
    Instruction::StoreCell(HOST),
];

/// Stores the number of an IPv4 source address, and loads the source port behind the header.
fn v4_host_and_port() -> Vec<Instruction> {
    let port = [
        Instruction::LoadByte(byte_at(ipv4::VERSION_AND_LENGTH)),
        Instruction::And(0xf),
        Instruction::Multiply(4),
        Instruction::CopyToX,
        Instruction::LoadHalfAtX(at(PORTS)),
    ];
    [&[Instruction::LoadWord(at(ipv4::SOURCE))], STORE_HOST.as_slice(), &port].concat()
}

/// Stores the number of an IPv6 source address, and loads the source port behind the header.
fn v6_host_and_port() -> Vec<Instruction> {
    let mut words =
        ipv6::SOURCE.step_by(4).map(|start| Instruction::LoadWord(at(start..start + 4)));
    let first: Vec<_> = words.next().into_iter().collect();
    let further: Vec<_> =
        words.flat_map(|load| [Instruction::CopyToX, load, Instruction::XorX]).collect();
    let port = [Instruction::LoadHalf(at(behind(IPV6_HEADER, PORTS)))];
    [first.as_slice(), &further, &STORE_HOST, &port].concat()
}
