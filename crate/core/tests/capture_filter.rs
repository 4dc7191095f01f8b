//! The filter of captures, compared with the kernel's (`SO_ATTACH_FILTER` of socket(7)), and with tcpdump(8).

#[path = "packets/seed.rs"]
#[allow(
    dead_code,
    clippy::print_stdout,
    reason = "the seed only, which is shown for a failed test"
)]
mod seed;
#[path = "support/skip.rs"]
mod skip;

use socket2::{SockFilter, SockRef};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use tun2udp_core::capture::filter::{Instruction, MAX_INSTRUCTIONS, Program};

/// The number of codes at the start of `CODES` that exist.
const KNOWN: usize = 49;

/// The codes that random programs consist of: all that exist, and some that do not.
const CODES: [u16; 58] = [
    0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x00, 0x60, 0x81, 0x01, 0x61, 0xb1, 0x02, 0x03, 0x06,
    0x16, 0x07, 0x87, 0x05, 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0x94, 0xa4, 0x0c,
    0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x6c, 0x7c, 0x9c, 0xac, 0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d, 0x3d,
    0x4d, 0x8c, 0x0d, 0x0e, 0xb4, 0x18, 0x55, 0x70, 0xa1, 0xffff,
];

fn random_program(random: &mut fastrand::Rng) -> Vec<Instruction> {
    let len = random.usize(1..40);
    let mut program: Vec<Instruction> = (0..len)
        .map(|number| {
            let left = len - number;
            // Offsets stay in the lower half: negative ones are extensions of Linux.
            let k = match random.u8(..6) {
                0 => random.u32(..u32::MAX / 4),
                1 => 0,
                _ => random.u32(..32),
            };
            let jump = |random: &mut fastrand::Rng| random.u8(..(left.min(12) as u8 + 1));
            // Most are valid, so that programs get long.
            let known = if random.u8(..30) == 0 { CODES.len() } else { KNOWN };
            let code = CODES[random.usize(..known)];
            let k = if code == 0x05 { k % left as u32 } else { k };
            Instruction { code, jt: jump(random), jf: jump(random), k }
        })
        .collect();
    if random.u8(..20) > 0 {
        program.push(Instruction {
            code: [0x06, 0x16][random.usize(..2)],
            k: random.u32(..200),
            ..Instruction::default()
        });
    }
    program
}

/// Returns the number of bytes that the kernel keeps of each packet; `None`: it refuses the program.
fn kernel(program: &[Instruction], packets: &[Vec<u8>]) -> Option<Vec<usize>> {
    let (sender, receiver) = UnixDatagram::pair().unwrap();
    receiver.set_nonblocking(true).unwrap();
    let filter: Vec<_> = program
        .iter()
        .map(|&Instruction { code, jt, jf, k }| SockFilter::new(code, jt, jf, k))
        .collect();
    SockRef::from(&receiver).attach_filter(&filter).ok()?;
    let kept = packets.iter().map(|packet| {
        // A packet that the filter drops is an error for the sender, or it is not received.
        let _ = sender.send(packet);
        receiver.recv(&mut [0; 2_000]).unwrap_or(0)
    });
    Some(kept.collect())
}

#[test]
fn random_programs_have_the_results_of_the_kernel() {
    let mut random = fastrand::Rng::with_seed(seed::choose());
    let (mut accepted, mut refused, mut matched) = (0, 0, 0);
    for _ in 0..3_000 {
        let program = random_program(&mut random);
        let packets: Vec<Vec<u8>> =
            [1, 5, 20, 40, 127].map(|len| (0..len).map(|_| random.u8(..)).collect()).into();
        let expected = kernel(&program, &packets);
        let found = Program::new(program.clone()).ok();
        assert_eq!(found.is_some(), expected.is_some(), "{program:?}");
        let (Some(found), Some(expected)) = (found, expected) else {
            refused += 1;
            continue;
        };
        accepted += 1;
        for (packet, expected) in packets.iter().zip(expected) {
            let kept = (found.run(packet) as usize).min(packet.len());
            matched += usize::from(kept > 0);
            assert_eq!(kept, expected, "{program:?} {packet:?}");
        }
    }
    assert!(accepted > 300 && refused > 300 && matched > 300, "{accepted} {refused} {matched}");
}

#[test]
fn malformed_texts_are_refused_with_the_place() {
    for (text, expected) in [
        ("", "the first line must be the number of instructions"),
        ("tcp port 80", "and is \"tcp port 80\""),
        ("0\n", "1 to 4096"),
        ("5000\n", "1 to 4096"),
        ("2\n6 0 0 1\n", "announces 2 instructions, and 1 follow"),
        ("1\n6 0 0 1\n6 0 0 1\n", "announces 1 instructions, and 2 follow"),
        ("1\n6 0 0\n", "instruction 0 must be four numbers"),
        ("1\n6 0 0 1 9\n", "instruction 0 must be four numbers"),
        ("1\n65536 0 0 1\n", "instruction 0 must be four numbers"),
        ("1\n6 0 256 1\n", "instruction 0 must be four numbers"),
        ("1\n6 0 0 -1\n", "instruction 0 must be four numbers"),
        ("1\n0 0 0 1\n", "the last instruction must be a return"),
        ("2\n21 1 0 1\n6 0 0 1\n", "instruction 0 jumps behind the end"),
        ("2\n52 0 0 0\n6 0 0 1\n", "instruction 0 divides by 0"),
        ("2\n96 0 0 3\n6 0 0 1\n", "instruction 0 reads cell 3 before it is written"),
        ("2\n96 0 0 16\n6 0 0 1\n", "instruction 0 uses cell 16 of 16"),
        ("2\n40 0 0 4294963200\n6 0 0 1\n", "negative offset"),
        ("2\n65535 0 0 0\n6 0 0 1\n", "unknown code 0xffff"),
    ] {
        let error = Program::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
        assert!(error.contains("tcpdump -y RAW -ddd"), "{error}");
    }
    let long = vec![Instruction { code: 6, ..Instruction::default() }; MAX_INSTRUCTIONS];
    assert!(Program::new(long.clone()).is_ok());
    assert!(Program::new([long, vec![Instruction::default()]].concat()).is_err());
}

#[test]
fn programs_of_tcpdump_are_read() {
    let compiled = |filter: &str| {
        let output = Command::new("tcpdump").args(["-y", "RAW", "-ddd", filter]).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    };
    let Some(text) = compiled("udp and dst port 9") else {
        skip::because(Some("needs tcpdump"));
        return;
    };
    let program = Program::parse(&text).unwrap();
    let mut packet = vec![0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    packet.extend([0, 7, 0, 9, 0, 10, 0, 0, 1, 2]);
    assert!(program.run(&packet) > 0);
    packet[23] = 8;
    assert_eq!(program.run(&packet), 0);
    for len in 0..packet.len() {
        let _ = program.run(&packet[..len]);
    }
}
