//! All combinations: each variant of the relay, each direction, all vectors.

use crate::compare;
use crate::forwarder::{Launcher, Road};
use crate::observe::{Direction, Plan, observe};
use crate::oracle::ORACLE;
use crate::random::{self, Seed};
use crate::relay::VARIANTS;
use crate::support::room;
use crate::vectors::{self, Vector};

/// Returns whether to skip the calling test, and prints why.
#[track_caller]
pub(crate) fn skips() -> bool {
    room::skip::because(room::missing())
}

/// Vectors that are sent through each forwarder, their name, and their direction.
type Collection = (String, Road, Vec<Vector>);

/// The named vectors only.
pub(crate) fn vectors_only() -> [Collection; 1] {
    [("vectors".to_owned(), Road::ORDINARY, vectors::all())]
}

/// All vectors.
pub(crate) fn everything() -> [Collection; 4] {
    let seed = Seed::choose();
    let [large_v4, large_v6] = Road::LARGEST;
    [
        ("vectors".to_owned(), Road::ORDINARY, vectors::all()),
        ("large vectors over IPv4".to_owned(), large_v4, vectors::large()),
        ("large vectors over IPv6".to_owned(), large_v6, vectors::large()),
        (seed.to_string(), Road::ORDINARY, random::bursts(seed)),
    ]
}

/// Asserts the law for the forwarders of `launchers` and the vectors of `collections`. Returns for each launcher the
/// number of packets on its interface and of those that the oracle passed, in both directions together.
pub(crate) fn assert_transparent<const N: usize>(
    collections: &[Collection],
    launchers: [&dyn Launcher; N],
) -> [(u64, u64); N] {
    let mut counts = [(0, 0); N];
    for (name, road, vectors) in collections {
        let road = *road;
        for direction in Direction::ALL {
            let fitting = vectors.iter().filter(|vector| vector.fits(direction, &road));
            let vectors: Vec<Vector> = fitting.cloned().collect();
            let plan = Plan { direction, road, vectors: &vectors };
            let oracle = observe(&ORACLE, &plan, None);
            for (launcher, (on_interface, in_all)) in launchers.iter().zip(&mut counts) {
                let tested = observe(*launcher, &plan, Some(&oracle));
                let difference = if launcher.completes_what_the_kernel_cut() {
                    let (oracle, tested) =
                        (compare::with_one_zero(&oracle), compare::with_one_zero(&tested));
                    compare::difference(&vectors, &oracle, &tested)
                } else {
                    compare::difference(&vectors, &oracle, &tested)
                };
                if let Some(difference) = difference {
                    panic!("{}, {direction:?}, {name}: {difference}", launcher.name());
                }
                *on_interface += tested.interface_packets;
                *in_all += oracle.packets.iter().map(Vec::len).sum::<usize>() as u64;
            }
        }
    }
    counts
}

/// Frames go through each variant like packets.
#[test]
fn the_relay_is_transparent_for_frames_with_each_offload_on_and_off() {
    if skips() {
        return;
    }
    let seed = Seed::choose();
    let collections = [
        ("frames".to_owned(), Road::FRAMES, vectors::all()),
        (format!("frames, {seed}"), Road::FRAMES, random::bursts(seed)),
    ];
    let launchers = VARIANTS.each_ref().map(|variant| variant as &dyn Launcher);
    let counts = assert_transparent(&collections, launchers);
    for (variant, (on_interface, in_all)) in VARIANTS.iter().zip(counts) {
        assert_eq!(on_interface < in_all, variant.joins_packets, "{}", variant.name);
    }
}

#[test]
fn the_relay_is_transparent_for_frames_of_a_vlan() {
    if skips() {
        return;
    }
    let collections = [("tagged frames".to_owned(), Road::TAGGED, vectors::all())];
    let with_queues = VARIANTS.iter().find(|variant| variant.queues > 1).expect("a variant");
    let counts = assert_transparent(&collections, [&VARIANTS[0], &VARIANTS[1], with_queues]);
    assert!(counts[0].0 < counts[0].1, "offloads were used");
    assert!(counts[1].0 >= counts[1].1, "they were not");
}

#[test]
fn the_relay_is_transparent_with_each_offload_on_and_off() {
    if skips() {
        return;
    }
    let launchers = VARIANTS.each_ref().map(|variant| variant as &dyn Launcher);
    let counts = assert_transparent(&everything(), launchers);
    for (variant, (on_interface, in_all)) in VARIANTS.iter().zip(counts) {
        // Otherwise the offloads were not used, and the test would prove little.
        assert_eq!(on_interface < in_all, variant.joins_packets, "{}", variant.name);
    }
}
