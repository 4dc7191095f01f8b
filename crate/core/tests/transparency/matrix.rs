//! Everything through everything: each way of the relay, each direction, all vectors.

use crate::compare;
use crate::forwarder::Launcher;
use crate::observe::{Direction, Observed, Plan, observe};
use crate::oracle::ORACLE;
use crate::random::{self, Seed};
use crate::support::room;
use crate::vectors::{self, Vector};

/// MTU of an ordinary interface, and the largest whose packets an IPv4 datagram holds, bytes.
const ORDINARY_MTU: u32 = 1_500;
const LARGEST_MTU: u32 = 65_507;

const DIRECTIONS: [Direction; 3] =
    [Direction::Outbound, Direction::Inbound, Direction::InboundTrains];

/// Answers whether to skip the test `name`, and says why.
pub(crate) fn skips(name: &str) -> bool {
    let reason = room::missing();
    if let Some(reason) = &reason {
        eprintln!("SKIP {name}: {reason}");
    }
    reason.is_some()
}

/// What came of one plan: through the oracle and through what was tested.
pub(crate) struct Outcome {
    pub(crate) oracle: Observed,
    pub(crate) tested: Observed,
    pub(crate) difference: Option<String>,
}

/// Puts `vectors` through the oracle and through `launcher`.
pub(crate) fn try_plan(launcher: &dyn Launcher, plan: &Plan<'_>) -> Outcome {
    let oracle = observe(&ORACLE, plan, None);
    let tested = observe(launcher, plan, Some(&oracle));
    let difference = compare::difference(plan.vectors, &oracle, &tested);
    Outcome { oracle, tested, difference }
}

fn fitting(vectors: Vec<Vector>, direction: Direction, mtu: u32) -> Vec<Vector> {
    vectors.into_iter().filter(|vector| vector.fits(direction, mtu)).collect()
}

/// What is put through each forwarder, by name.
fn collections() -> [(String, u32, Vec<Vector>); 3] {
    let seed = Seed::choose();
    [
        ("vectors".to_owned(), ORDINARY_MTU, vectors::all()),
        ("large vectors".to_owned(), LARGEST_MTU, vectors::large()),
        (seed.to_string(), ORDINARY_MTU, random::bursts(seed)),
    ]
}

/// Asserts the law for what `launcher` starts. Answers the packets that went over its interface and
/// those that the oracle let through, both ways together.
pub(crate) fn assert_transparent(launcher: &dyn Launcher) -> (u64, u64) {
    let (mut on_interface, mut in_all) = (0, 0);
    for (name, mtu, vectors) in collections() {
        for direction in DIRECTIONS {
            let vectors = fitting(vectors.clone(), direction, mtu);
            let plan = Plan { direction, mtu, vectors: &vectors };
            let outcome = try_plan(launcher, &plan);
            if let Some(difference) = outcome.difference {
                panic!("{}, {direction:?}, {name}: {difference}", launcher.name());
            }
            on_interface += outcome.tested.interface_packets;
            in_all += outcome.oracle.packets.iter().map(Vec::len).sum::<usize>() as u64;
        }
    }
    (on_interface, in_all)
}
