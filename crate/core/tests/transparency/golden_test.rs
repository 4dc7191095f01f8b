//! Compares the golden bytes with the behaviour of the kernel.

use crate::forwarder::Road;
use crate::matrix::skips;
use crate::observe::{Direction, Plan, observe};
use crate::oracle::ORACLE;
use crate::support::golden;
use crate::vectors::{Vector, golden_supers};

/// The oracle's interface has no offload, so the kernel splits and completes checksums.
#[test]
#[cfg(target_endian = "little")]
fn the_kernel_makes_the_golden_packets_of_the_golden_super_packets() {
    if skips() {
        return;
    }
    // The packets of several super-packets are in the order in which they were received, not in this one.
    let goldens: Vec<_> = golden::all()
        .into_iter()
        .filter(|golden| golden.can_split || golden.supers.len() == 1)
        .collect();
    let vectors: Vec<Vector> = goldens
        .iter()
        .map(|golden| Vector { name: golden.name.clone(), inputs: golden_supers(golden) })
        .collect();
    let plan = Plan { direction: Direction::Outbound, road: Road::ORDINARY, vectors: &vectors };
    let observed = observe(&ORACLE, &plan, None);
    for (golden, packets) in goldens.iter().zip(&observed.packets) {
        assert_eq!(packets, &golden.packets, "{}", golden.name);
    }
}
