//! Laws of captures: a file has the packets that were written, and a verified filter always ends.

#[path = "../../tests/support/pcapng.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod reader;

use std::io::IoSlice;
use tun2udp_core::capture::filter::{Instruction, Program};
use tun2udp_core::capture::pcapng::{
    Comment, Direction, Interface, LINK_ETHERNET, LINK_RAW, Packet, Statistics, packet, packet_len,
    prologue, statistics,
};

const COMMENTS: [(Comment, Option<&str>); 5] = [
    (Comment::None, None),
    (Comment::Dropped("foreign_source"), Some("dropped: foreignSource")),
    (Comment::Dropped("empty"), Some("dropped: empty")),
    (Comment::Text("keepalive"), Some("keepalive")),
    (Comment::Text("ICMP error of the relay"), Some("ICMP error of the relay")),
];

/// A packet to write, with its bytes behind each other.
struct Wanted<'a> {
    bytes: &'a [u8],
    /// Where the bytes are divided: the header, and two pieces.
    cuts: [usize; 2],
    kept: usize,
    time: u64,
    interface: u32,
    direction: Direction,
    comment: usize,
}

/// Divides the input into packets: in front of each are the numbers of 8 bytes that its block is made of.
fn packets(mut data: &[u8]) -> Vec<Wanted<'_>> {
    let mut found = Vec::new();
    while let Some((&[len, kept, a, b, kind, comment, time, shift], rest)) =
        data.split_first_chunk()
    {
        let (bytes, rest) = rest.split_at(usize::from(len).min(rest.len()));
        let at = |number: u8| usize::from(number) % (bytes.len() + 1);
        let (first, second) = (at(a), at(b));
        found.push(Wanted {
            bytes,
            cuts: [first.min(second), first.max(second)],
            kept: at(kept),
            time: u64::from(time).wrapping_shl(shift.into()),
            interface: u32::from(kind & 1),
            direction: if kind & 2 == 0 { Direction::Inbound } else { Direction::Outbound },
            comment: usize::from(comment) % COMMENTS.len(),
        });
        data = rest;
    }
    found
}

/// Writes packets to a file, and reads it back, whole and cut at each end of a block and at another place.
pub(crate) fn file(data: &[u8]) {
    let wanted = packets(data);
    let link = if data.len().is_multiple_of(2) { LINK_RAW } else { LINK_ETHERNET };
    let name = |byte: u8| "vpn0".repeat(usize::from(byte % 5));
    let interface = |number: u8, description| Interface {
        name: name(number),
        description,
        link,
        snap_length: 262_144,
    };
    let length = data.len() as u8;
    let mut out = prologue(&[interface(length, "inside"), interface(!length, "outside")]);
    for one in &wanted {
        write(&mut out, one);
    }
    let body = out.len();
    let count = wanted.len() as u64;
    let counts = Statistics { received: count, dropped: 1, accepted: u64::MAX, delivered: 0 };
    statistics(&mut out, 1, [0, u64::MAX], &counts);
    let found = reader::read(&out);
    assert_eq!(found.torn, 0);
    assert_eq!(found.interfaces.len(), 2);
    assert!(found.interfaces.iter().all(|interface| interface.link == link));
    assert_eq!(found.interfaces[0].name, name(length));
    let [received, dropped, accepted, delivered] = [4, 5, 6, 8].map(|at| found.statistics[&1][&at]);
    assert_eq!((received, dropped, accepted, delivered), (count, 1, u64::MAX, 0));
    assert_same(&found.packets, &wanted);
    // The file of a killed process ends anywhere.
    let end = usize::from(length) * 7 % (body + 1);
    let torn = reader::read(&out[..end]);
    assert_same(&torn.packets, &wanted[..torn.packets.len()]);
}

fn write(out: &mut Vec<u8>, one: &Wanted<'_>) {
    let [first, second] = one.cuts;
    let pieces = [IoSlice::new(&one.bytes[first..second]), IoSlice::new(&one.bytes[second..])];
    let before = out.len();
    let comment = COMMENTS[one.comment].0;
    let start = packet(
        out,
        &Packet {
            interface: one.interface,
            direction: one.direction,
            time: one.time,
            header: &one.bytes[..first],
            pieces: &pieces,
            len: one.bytes.len(),
            kept: one.kept,
            comment,
        },
    );
    assert_eq!(out.len() - before, packet_len(one.kept, comment), "the announced length");
    assert_eq!(out[start..start + one.kept], one.bytes[..one.kept]);
}

fn assert_same(found: &[reader::Packet], wanted: &[Wanted<'_>]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found.data, wanted.bytes[..wanted.kept]);
        assert_eq!(found.original_len, wanted.bytes.len());
        assert_eq!(found.time, wanted.time);
        assert_eq!(found.interface, wanted.interface as usize);
        assert_eq!(found.direction, wanted.direction as u32);
        assert_eq!(found.comment.as_deref(), COMMENTS[wanted.comment].1);
    }
}

/// Runs a program on a packet, if it is valid, and on each beginning of the packet.
///
/// In front are the number of instructions, one byte, and the instructions, eight bytes each. A jump of a valid program
/// leads forward, so its text and its result are the same again.
pub(crate) fn filter(data: &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return };
    let (program, packet) = rest.split_at((usize::from(count) * 8).min(rest.len() / 8 * 8));
    let instructions: Vec<_> = program.chunks_exact(8).map(instruction).collect();
    let text = instructions.iter().fold(instructions.len().to_string(), |text, one| {
        format!("{text}\n{} {} {} {}", one.code, one.jt, one.jf, one.k)
    });
    let parsed = Program::parse(&text);
    let Ok(program) = Program::new(instructions) else {
        assert!(parsed.is_err(), "the text of a refused program is accepted");
        return;
    };
    assert_eq!(parsed.as_ref().ok(), Some(&program), "the text is another program");
    assert_returns(program.instructions());
    let uses_length = program.instructions().iter().any(|one| matches!(one.code, 0x80 | 0x81));
    let whole = program.run(packet);
    assert_eq!(whole, program.run(packet));
    let mut longer = packet.to_vec();
    longer.extend([0; 64]);
    // A load from behind the packet ends with 0, so bytes behind a packet that matches change nothing.
    if whole != 0 && !uses_length {
        assert_eq!(program.run(&longer), whole, "bytes that were not read");
    }
    for len in 0..packet.len().min(64) {
        let _ = program.run(&packet[..len]);
    }
}

fn instruction(bytes: &[u8]) -> Instruction {
    let code = u16::from_le_bytes([bytes[0], bytes[1]]);
    let k = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    Instruction { code, jt: bytes[2], jf: bytes[3], k }
}

/// Asserts that each path through a valid program ends with a return.
fn assert_returns(program: &[Instruction]) {
    assert!(matches!(program.last(), Some(last) if last.code & 7 == 6));
    for (number, one) in program.iter().enumerate() {
        let jump = match one.code {
            5 => one.k as usize,
            code if code & 7 == 5 => usize::from(one.jt.max(one.jf)),
            _ => 0,
        };
        let is_return = one.code & 7 == 6;
        assert!(is_return || number + 1 + jump < program.len(), "instruction {number}");
    }
}
