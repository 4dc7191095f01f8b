//! The clamp of the MSS is the one change of a packet that the relay makes on purpose. The reference is a plain
//! forwarder that lowers the MSS by an implementation of its own.

use crate::compare;
use crate::forwarder::{Forwarder, Launcher, Road, Wiring};
use crate::fuzz::path::lowered;
use crate::matrix::skips;
use crate::observe::{Direction, Plan, observe};
use crate::oracle::{ORACLE, Plain, Tamper};
use crate::relay::{self, config};
use crate::vectors::{self, Vector};
use tun2udp_core::packet::mss::SegmentLimit;
use tun2udp_core::relay::{MssClamp, OffloadConfig, RelayConfig};

const MSS: u16 = 1_000;

/// A plain forwarder that lowers the MSS.
const LOWERING: Plain = Plain::broken("forwarder that lowers the MSS", lowers_the_mss);

fn lowers_the_mss() -> Tamper {
    Box::new(|packet| vec![lowered(&packet, SegmentLimit::Mss(MSS))])
}

/// The same for frames, without and with a tag.
const LOWERING_FRAMES: Plain =
    Plain::broken("forwarder of frames that lowers the MSS", lowers_the_mss_in_frames::<14>);
const LOWERING_TAGGED: Plain =
    Plain::broken("forwarder of tagged frames that lowers the MSS", lowers_the_mss_in_frames::<18>);

fn lowers_the_mss_in_frames<const LINK: usize>() -> Tamper {
    Box::new(|frame| {
        let (link, packet) = frame.split_at(LINK.min(frame.len()));
        vec![[link, &lowered(packet, SegmentLimit::Mss(MSS))].concat()]
    })
}

/// A relay that lowers the MSS, with all offloads.
struct Clamping;

impl Launcher for Clamping {
    fn name(&self) -> String {
        "relay with --mss-clamp".to_owned()
    }

    fn launch(&self, wiring: &Wiring) -> Box<dyn Forwarder> {
        let config = config(wiring, OffloadConfig::ALL, 1);
        relay::start(&self.name(), RelayConfig { mss_clamp: MssClamp::Bytes(MSS), ..config })
    }
}

#[test]
fn a_relay_that_lowers_the_mss_changes_nothing_but_the_option_and_the_checksum() {
    if skips() {
        return;
    }
    assert_clamped(Road::ORDINARY, &LOWERING);
    assert_clamped(Road::FRAMES, &LOWERING_FRAMES);
    assert_clamped(Road::TAGGED, &LOWERING_TAGGED);
}

fn assert_clamped(road: Road, lowering: &Plain) {
    for direction in Direction::ALL {
        let fits = |vector: &Vector| vector.fits(direction, &road);
        let vectors: Vec<Vector> = vectors::all().into_iter().filter(fits).collect();
        let plan = Plan { direction, road, vectors: &vectors };
        let untouched = observe(&ORACLE, &plan, None);
        let expected = compare::with_one_zero(&observe(lowering, &plan, None));
        let tested = compare::with_one_zero(&observe(&Clamping, &plan, Some(&expected)));
        if let Some(difference) = compare::difference(&vectors, &expected, &tested) {
            panic!("{direction:?}: {difference}");
        }
        // Otherwise nothing was lowered, and the test would prove little.
        let pairs = untouched.packets.iter().flatten().zip(expected.packets.iter().flatten());
        let changed = pairs.filter(|(before, after)| before != after).count();
        assert!(changed >= 40, "{direction:?}: {changed} packets were changed");
    }
}
