//! Tests of the harness: the oracle against itself, and against forwarders that break the law.

use crate::compare;
use crate::craft::{Family, sum};
use crate::flow::flow_of;
use crate::forwarder::{Launcher, Road};
use crate::matrix::{assert_transparent, everything, skips};
use crate::observe::{Direction, Observed, Plan, observe};
use crate::oracle::{ORACLE, Plain, Tamper};
use crate::vectors::{self, Book, run};
use std::collections::BTreeSet;

#[test]
fn there_are_hundreds_of_vectors_with_different_names() {
    let vectors = vectors::all();
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(names.len(), vectors.len());
    let by_way =
        |direction| vectors.iter().filter(|vector| vector.fits(direction, &Road::ORDINARY)).count();
    assert!(by_way(Direction::Outbound) >= 200, "{}", by_way(Direction::Outbound));
    assert!(by_way(Direction::Inbound) >= 200, "{}", by_way(Direction::Inbound));
}

#[test]
fn the_oracle_is_as_transparent_as_itself() {
    if skips() {
        return;
    }
    let [(on_interface, in_all)] = assert_transparent(&everything(), [&ORACLE]);
    assert_eq!(on_interface, in_all, "a plain forwarder has one packet a call");
}

/// The oracle passes the packets that were sent, so that the comparison has a correct reference.
#[test]
fn the_oracle_lets_every_packet_through_unchanged() {
    if skips() {
        return;
    }
    for direction in Direction::ALL {
        let vectors: Vec<_> = vectors::all()
            .into_iter()
            .filter(|vector| vector.fits(direction, &Road::ORDINARY))
            .collect();
        let plan = Plan { direction, road: Road::ORDINARY, vectors: &vectors };
        let observed = observe(&ORACLE, &plan, None);
        for (vector, packets) in vectors.iter().zip(&observed.packets) {
            assert!(!packets.is_empty(), "{}, {direction:?}", vector.name);
            if vector.inputs.iter().any(|input| input.header != Default::default()) {
                continue;
            }
            // The driver accepts the versions 4 and 6 and refuses all others (tun_get_user).
            let is_taken = |packet: &&Vec<u8>| {
                direction == Direction::Outbound
                    || packet.first().is_some_and(|byte| matches!(byte >> 4, 4 | 6))
            };
            let sent: Vec<_> = vector.inputs.iter().map(|input| &input.packet).collect();
            let sent: Vec<_> = sent.into_iter().filter(is_taken).collect();
            assert!(sent.into_iter().eq(packets), "{}, {direction:?}", vector.name);
        }
    }
}

/// A forwarder that applies `wrong` to the fourth TCP segment and passes all other packets unchanged.
fn on_the_fourth(mut wrong: impl FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send + 'static) -> Tamper {
    let mut count = 0;
    Box::new(move |packet| {
        let is_tcp = packet.get(9) == Some(&6);
        count += u32::from(is_tcp);
        if is_tcp && count == 4 { wrong(packet) } else { vec![packet] }
    })
}

fn drops() -> Tamper {
    on_the_fourth(|_| Vec::new())
}

fn doubles() -> Tamper {
    on_the_fourth(|packet| vec![packet.clone(), packet])
}

fn flips_a_bit() -> Tamper {
    on_the_fourth(|packet| vec![crate::craft::flip(packet, 333, 0x40)])
}

fn cuts_the_last_byte() -> Tamper {
    on_the_fourth(|mut packet| {
        packet.pop();
        vec![packet]
    })
}

fn changes_places() -> Tamper {
    let mut held = None;
    Box::new(move |packet| {
        if packet.get(9) != Some(&6) {
            return held.take().into_iter().chain([packet]).collect();
        }
        match held.take() {
            Some(first) => vec![packet, first],
            None => {
                held = Some(packet);
                Vec::new()
            }
        }
    })
}

fn mends_checksums() -> Tamper {
    Box::new(|mut packet| {
        if packet.get(9) == Some(&6) && packet.len() > 40 {
            packet[36..38].fill(0);
            let start = u32::from(sum(6 + packet.len() as u32 - 20, &packet[12..20]));
            crate::craft::fill(&mut packet[20..], 16, sum(start, &[]));
        }
        vec![packet]
    })
}

fn makes_ids_run_on() -> Tamper {
    let mut id = 0_u16;
    Box::new(move |mut packet| {
        if packet.get(9) == Some(&6) && packet.len() >= 20 {
            id += 1;
            packet[4..6].copy_from_slice(&id.to_be_bytes());
            packet[10..12].fill(0);
            crate::craft::fill(&mut packet[..20], 10, 0);
        }
        vec![packet]
    })
}

/// Coalesces a segment with the previous one and creates new headers, which TCP at the other end would
/// accept.
fn joins_two() -> Tamper {
    let mut held: Option<Vec<u8>> = None;
    Box::new(move |packet| {
        if packet.get(9) != Some(&6) {
            return held.take().into_iter().chain([packet]).collect();
        }
        let Some(mut first) = held.take() else {
            held = Some(packet);
            return Vec::new();
        };
        first.extend_from_slice(&packet[40..]);
        let length = first.len() as u16;
        let mut first = crate::craft::with_u16(first, 2, length);
        first[10..12].fill(0);
        crate::craft::fill(&mut first[..20], 10, 0);
        first[36..38].fill(0);
        let start = u32::from(sum(6 + u32::from(length) - 20, &first[12..20]));
        crate::craft::fill(&mut first[20..], 16, sum(start, &[]));
        vec![first]
    })
}

/// Returns the packets that passed through `launcher`, and how they differ from those of the oracle.
pub(crate) fn try_plan(launcher: &dyn Launcher, plan: &Plan<'_>) -> (Observed, Option<String>) {
    let oracle = observe(&ORACLE, plan, None);
    let tested = observe(launcher, plan, Some(&oracle));
    let difference = compare::difference(plan.vectors, &oracle, &tested);
    (tested, difference)
}

fn vectors_for_faults() -> Vec<vectors::Vector> {
    let mut book = Book::default();
    book.add_run("a run", &run(Family::V4, 8, 600));
    let wrong = run(Family::V4, 8, 600);
    let wrong = wrong.iter().map(|segment| crate::craft::flip(segment.packet(), 36, 1)).collect();
    book.add("a run of wrong checksums", wrong);
    let mut without_df = run(Family::V4, 8, 600);
    without_df.iter_mut().for_each(|segment| segment.network.v4_mut().flags = 0);
    book.add_run("a run without DF", &without_df);
    book.vectors
}

#[test]
fn a_forwarder_that_breaks_the_law_is_caught() {
    if skips() {
        return;
    }
    let vectors = vectors_for_faults();
    let every = ["a run", "a run of wrong checksums", "a run without DF"];
    let cases: [(Plain, &[&str]); 8] = [
        (Plain::broken("drops", drops), &every[..1]),
        (Plain::broken("doubles", doubles), &every[..1]),
        (Plain::broken("flips a bit", flips_a_bit), &every[..1]),
        (Plain::broken("cuts the last byte", cuts_the_last_byte), &every[..1]),
        (Plain::broken("changes places", changes_places), &every),
        (Plain::broken("joins two", joins_two), &every),
        (Plain::broken("mends checksums", mends_checksums), &every[1..2]),
        // The id may change only with DF (RFC 6864).
        (Plain::broken("makes ids run on", makes_ids_run_on), &every[2..]),
    ];
    for (broken, caught) in cases {
        for direction in Direction::ALL {
            let plan = Plan { direction, road: Road::ORDINARY, vectors: &vectors };
            let found = try_plan(&broken, &plan).1.unwrap_or_default();
            for name in every {
                let is_named = found.contains(&format!("\"{name}\""));
                assert_eq!(is_named, caught.contains(&name), "{}: {found}", broken.name());
            }
        }
    }
}

#[test]
fn a_difference_is_shown_with_its_vector_flow_and_bytes() {
    let mut book = Book::default();
    book.add_run("the vector", &run(Family::V4, 3, 100));
    let packets: Vec<_> = book.vectors[0].inputs.iter().map(|i| i.packet.clone()).collect();
    let observed = |packets: Vec<Vec<u8>>| Observed {
        forwarder: "the forwarder".to_owned(),
        packets: vec![packets],
        interface_packets: 0,
        has_queues: false,
        direction: Direction::Outbound,
    };
    let oracle = observed(packets.clone());
    assert_eq!(compare::difference(&book.vectors, &oracle, &observed(packets.clone())), None);
    let mut wrong = packets;
    wrong[1][77] ^= 1;
    let text = compare::difference(&book.vectors, &oracle, &observed(wrong)).unwrap();
    for part in ["the vector", "the forwarder", "packet 1 differs", "first difference at 77"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn the_flow_of_a_packet_is_found_behind_options_and_extensions() {
    for family in vectors::FAMILIES {
        let plain = run(family, 1, 50).remove(0);
        let mut other = plain.clone();
        match family {
            Family::V4 => other.network.v4_mut().options = vec![1; 8],
            Family::V6 => {
                let padding = vec![0, 1, 4, 0, 0, 0, 0];
                other.network.v6_mut().extensions = vec![(0, padding.clone()), (60, padding)];
            }
        }
        assert_eq!(flow_of(&plain.packet()), flow_of(&other.packet()));
        other.tcp.source += 1;
        assert_ne!(flow_of(&plain.packet()), flow_of(&other.packet()));
        assert_eq!(flow_of(&[]), flow_of(&plain.packet()[..10]));
    }
}
