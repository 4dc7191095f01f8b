//! Super-packets in the harness, in both directions.

use crate::forwarder::Road;
use crate::harness::try_plan;
use crate::matrix::skips;
use crate::naive::Naive;
use crate::observe::{Direction, Plan};
use crate::support::os;
use crate::support::room::skip;
use crate::vectors::{self, Vector};

/// Vectors that even the naive forwarder passes correctly.
const HARMLESS: [&str; 10] = [
    "V4 run of 32, 1,400 bytes each",
    "V6 run of 32, 1,400 bytes each",
    "V4 last of 500 bytes",
    "V6 last of 1 bytes",
    "V4 100 flows by turns",
    "ids running on without DF, 64 segments",
    "V4 TSO into 46 of 1400 from 64400",
    "V6 TSO into 3 of 1400 from 4000",
    "V4 TSO with FIN PSH",
    "V6 TCP of 999 bytes, partial checksum",
];

/// Vectors that it coalesces wrongly.
const CAUGHT_INBOUND: [&str; 16] = [
    "V4 TTL on the middle",
    "V6 TTL on the last",
    "V4 CE on the middle",
    "V6 DSCP on the middle",
    "V6 flow label on the middle",
    "V4 without DF on the last",
    "V4 reserved bit and DF on the last",
    "ids at random without DF",
    "V4 short last with PSH",
    "V6 short last with FIN",
    "V4 TCP another window on the middle",
    "V6 TCP a later ACK on the middle",
    "V4 TCP reserved bit on the middle",
    "V4 wrong payload on the middle",
    "V6 wrong TCP checksum on the last",
    "V4 TCP checksum 0xffff on each",
];

/// Vectors that it splits wrongly.
const CAUGHT_OUTBOUND: [&str; 4] = [
    "V4 TSO with CWR",
    "V6 TSO with CWR ECE PSH",
    "V4 UDP, partial checksum that completes to zero",
    "V6 TCP, partial checksum that completes to zero",
];

fn named(names: &[&str], direction: Direction) -> Vec<Vector> {
    let all = vectors::all();
    let found = |name: &&str| {
        let vector = all.iter().find(|vector| vector.name == *name);
        vector.unwrap_or_else(|| panic!("no vector \"{name}\"")).clone()
    };
    let vectors = names.iter().map(found);
    vectors.filter(|vector| vector.fits(direction, &Road::ORDINARY)).collect()
}

#[test]
fn super_packets_are_seen_and_what_is_wrong_with_them_is_caught() {
    if skips() {
        return;
    }
    for direction in Direction::ALL {
        let wrong: &[&str] = match direction {
            Direction::Outbound => &CAUGHT_OUTBOUND,
            Direction::Inbound | Direction::InboundBatches => &CAUGHT_INBOUND,
        };
        for (names, is_caught) in [(HARMLESS.as_slice(), false), (wrong, true)] {
            let vectors = named(names, direction);
            let plan = Plan { direction, road: Road::ORDINARY, vectors: &vectors };
            let text = try_plan(&Naive, &plan).1.unwrap_or_default();
            for vector in &vectors {
                let is_named = text.contains(&format!("\"{}\"", vector.name));
                assert_eq!(is_named, is_caught, "{direction:?} {}: {text}", vector.name);
            }
        }
    }
}

/// Otherwise, hardly any packets would be coalesced in the test.
#[test]
fn a_burst_is_whole_before_the_forwarder_runs() {
    if skips() {
        return;
    }
    let may_go_first = std::thread::spawn(os::run_first).join().expect("the probe");
    if skip::because(may_go_first.err().map(|error| format!("SCHED_FIFO: {error}"))) {
        return;
    }
    for (name, direction) in [
        ("V4 run of 45, 1,400 bytes each", Direction::Inbound),
        ("V6 run of 45, 1,400 bytes each", Direction::InboundBatches),
        ("V4 TSO into 46 of 1400 from 64400", Direction::Outbound),
        ("V6 TSO into 46 of 1400 from 64400", Direction::Outbound),
    ] {
        let vectors = named(&[name], direction);
        let plan = Plan { direction, road: Road::ORDINARY, vectors: &vectors };
        let (tested, difference) = try_plan(&Naive, &plan);
        assert_eq!(difference, None);
        assert_eq!(tested.interface_packets, 1, "{name}, {direction:?}");
        assert!(tested.packets[0].len() >= 45);
    }
}
