//! Runs the targets of the fuzzer without the fuzzer: on the committed corpus, and on blind mutations of it.
//! `scripts/fuzz.sh` runs the same targets under libFuzzer.

use crate::fuzz::encode::{Batch, Message, write_batch, write_super};
use crate::fuzz::law::ALL;
use crate::fuzz::targets::TARGETS;
use crate::seed;
use crate::support::golden::{self, Golden};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tun2udp_core::packet::vnet::VnetHeader;

/// Default number of mutants per target; TUN2UDP_EXECUTIONS sets another.
const EXECUTIONS: u64 = 20_000;
/// Maximum length of a mutant, bytes: a few packets, short enough to be fast.
const MAX_LEN: usize = 4_096;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The corpus of a target, by file name.
fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = folder(target);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let data = std::fs::read(entry.path()).expect("an input");
            (entry.file_name().to_string_lossy().into_owned(), data)
        })
        .collect()
}

/// Returns the inputs of a golden file for `target`, by file name.
fn seeds(target: &str, golden: &Golden) -> Vec<(String, Vec<u8>)> {
    let message = |packet: &Vec<u8>| Message { bytes: packet.clone(), stride: 0 };
    let all: Vec<Vec<u8>> = match target {
        "split" => {
            let vnet = |bytes: &[u8]| VnetHeader::parse(bytes.try_into().expect("ten bytes"));
            golden.supers.iter().map(|one| write_super(&vnet(&one.vnet), &one.packet)).collect()
        }
        "inbound" => {
            let singly = golden.packets.iter().map(message).collect::<Vec<_>>();
            let stride = golden.packets[0].len();
            let whole = vec![Message { bytes: golden.packets.concat(), stride }];
            let batch = |messages: &Vec<Message>, is_mended| {
                let messages = messages.clone();
                write_batch(&Batch { options: ALL, is_mended, messages })
            };
            vec![batch(&singly, false), batch(&singly, true), batch(&whole, false)]
        }
        // A limit as an MTU and as an MSS; an error about a route, and one about the MTU; an MTU for fragments.
        "clamp" => behind(&[&[0, 2, 64], &[1, 1, 0]], golden),
        "icmp" => behind(&[&[0, 0, 0], &[3, 5, 92], &[5, 5, 92]], golden),
        "fragment" => behind(&[&[0, 68]], golden),
        // Programs: UDP over IPv4 and not the first fragment; and the length, with memory and a shift.
        "filter" => behind(&[&program(UDP), &program(LENGTH)], golden),
        // A packet without its last bytes, in three parts; and a dropped one with all of them.
        "pcapng" => behind(&[&[64, 40, 20, 28, 1, 1, 9, 56], &[255, 0, 0, 0, 2, 0, 1, 0]], golden),
        _ => golden.packets.clone(),
    };
    let name = |(number, data)| (format!("golden-{}-{number}", golden.name), data);
    all.into_iter().enumerate().map(name).collect()
}

/// A program of classic BPF: code, jt, jf and k.
type Instructions = &'static [(u16, u8, u8, u32)];

const UDP: Instructions = &[
    (0x30, 0, 0, 9),
    (0x15, 0, 3, 17),
    (0x28, 0, 0, 6),
    (0x45, 1, 0, 0x1fff),
    (6, 0, 0, 100),
    (6, 0, 0, 0),
];
const LENGTH: Instructions = &[
    (0x80, 0, 0, 0),
    (0x02, 0, 0, 3),
    (0x74, 0, 0, 1),
    (0x61, 0, 0, 3),
    (0x0c, 0, 0, 0),
    (0x16, 0, 0, 0),
];

/// Returns the input of the target `filter` for a program.
fn program(instructions: Instructions) -> Vec<u8> {
    let mut bytes = vec![instructions.len() as u8];
    for (code, jt, jf, k) in instructions {
        bytes.extend(code.to_le_bytes());
        bytes.extend([*jt, *jf]);
        bytes.extend(k.to_le_bytes());
    }
    bytes
}

/// Returns the packets of a golden file, each behind each of these bytes.
fn behind(heads: &[&[u8]], golden: &Golden) -> Vec<Vec<u8>> {
    let all = |packet: &Vec<u8>| heads.iter().map(|head| [head, &packet[..]].concat()).collect();
    golden.packets.iter().flat_map::<Vec<_>, _>(all).collect()
}

/// Every run of the fuzzer begins with the golden bytes. `TUN2UDP_WRITE_CORPUS=1` writes them.
#[test]
#[cfg(target_endian = "little")]
fn the_corpus_holds_the_golden_bytes() {
    for (target, _) in TARGETS {
        let wanted: BTreeMap<_, _> =
            golden::all().iter().flat_map(|golden| seeds(target, golden)).collect();
        if seed::number_of("TUN2UDP_WRITE_CORPUS").is_some() {
            std::fs::create_dir_all(folder(target)).expect("a folder");
            for (name, data) in &wanted {
                std::fs::write(folder(target).join(name), data).expect("an input");
            }
        }
        let mut held = corpus(target);
        held.retain(|name, _| name.starts_with("golden-"));
        let hint = "TUN2UDP_WRITE_CORPUS=1 cargo test -p tun2udp-core --test packets";
        assert!(held == wanted, "the corpus of {target} is not that of fuzz/golden: {hint}");
    }
}

#[test]
fn no_law_is_broken_by_the_corpus() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 10, "{} inputs of {name}", corpus.len());
        for (file, data) in corpus {
            run(name, target, &data, &file);
        }
    }
}

#[test]
fn no_law_is_broken_by_mutants_of_the_corpus() {
    let mut rng = Rng::with_seed(seed::choose());
    let executions = seed::number_of("TUN2UDP_EXECUTIONS").unwrap_or(EXECUTIONS);
    for (name, target) in TARGETS {
        let corpus: Vec<_> = corpus(name).into_values().collect();
        for number in 0..executions {
            let mut data = rng.choice(&corpus).cloned().unwrap_or_default();
            for _ in 0..rng.usize(1..6) {
                mutate(&mut rng, &mut data, &corpus);
            }
            run(name, target, &data, &format!("mutant {number}"));
        }
    }
}

/// Runs a target. If it panics, prints the input before the panic continues.
fn run(name: &str, target: fn(&[u8]), data: &[u8], origin: &str) {
    if let Err(panic) = std::panic::catch_unwind(|| target(data)) {
        println!("{name} on {origin}: {data:02x?}");
        std::panic::resume_unwind(panic);
    }
}

fn mutate(rng: &mut Rng, data: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = rng.usize(..=data.len());
    let len = rng.usize(..=16.min(data.len() - at));
    let interesting = [0, 1, 0x7f, 0x80, 0xff];
    match rng.u8(..7) {
        0 if at < data.len() => data[at] ^= 1 << rng.u8(..8),
        1 if at < data.len() => data[at] = rng.u8(..),
        2 if at < data.len() => data[at] = interesting[rng.usize(..interesting.len())],
        3 => drop(data.drain(at..at + len)),
        4 => data.truncate(at),
        5 => drop(data.splice(at..at, (0..len).map(|_| rng.u8(..)).collect::<Vec<_>>())),
        _ => {
            // The end of another input follows the beginning of this one.
            let other = rng.choice(corpus).cloned().unwrap_or_default();
            data.truncate(at);
            data.extend_from_slice(&other[rng.usize(..=other.len())..]);
        }
    }
    data.truncate(MAX_LEN);
}
