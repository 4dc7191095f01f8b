//! Compares the packets that two forwarders pass.

use crate::craft::sum;
use crate::flow::{Flow, flow_of, queued_batch_flow_of, queued_flow_of};
use crate::observe::{Direction, Observed};
use crate::vectors::Vector;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Differences shown in full.
const SHOWN: usize = 3;
/// Bytes of a packet shown before and after the first difference.
const CONTEXT: usize = 64;

/// Returns all differences as text; `None` if each flow has the same packets in the same order, byte for
/// byte.
pub(crate) fn difference(
    vectors: &[Vector],
    oracle: &Observed,
    tested: &Observed,
) -> Option<String> {
    let mut text = String::new();
    let mut count = 0;
    for (index, vector) in vectors.iter().enumerate() {
        let (expected, got) = (&oracle.packets[index], &tested.packets[index]);
        let flow = match (tested.has_queues, tested.direction) {
            (false, _) => flow_of,
            (true, Direction::InboundBatches) => queued_batch_flow_of,
            (true, _) => queued_flow_of,
        };
        let Some(found) = difference_of_one(expected, got, flow) else { continue };
        count += 1;
        if count <= SHOWN {
            let _ =
                writeln!(text, "\n{count}. \"{}\" ({}):\n{found}", vector.name, tested.forwarder);
        } else {
            let _ = writeln!(text, "{count}. \"{}\"", vector.name);
        }
    }
    (count > 0).then(|| format!("{count} of {} vectors differ\n{text}", vectors.len()))
}

/// Both with the checksum 0xffff of TCP written as 0, which is the same number in ones' complement.
///
/// If a checksum is zero, the kernel writes 0 into packets that it splits off, and 0xffff if it completes a single
/// packet. If it splits a packet and leaves the completion to the reader, both are possible.
pub(crate) fn with_one_zero(observed: &Observed) -> Observed {
    let mut observed = observed.clone();
    for packet in observed.packets.iter_mut().flatten() {
        let transport = match packet.first().map(|byte| byte >> 4) {
            Some(4) if packet.get(9) == Some(&6) => usize::from(packet[0] & 0x0f) * 4,
            Some(6) if packet.get(6) == Some(&6) => 40,
            _ => continue,
        };
        if let Some(field) = packet.get_mut(transport + 16..transport + 18)
            && field == [0xff, 0xff]
        {
            field.fill(0);
        }
    }
    observed
}

type Flows<'a> = BTreeMap<Flow, Vec<&'a Vec<u8>>>;

fn by_flow(packets: &[Vec<u8>], flow: fn(&[u8]) -> Flow) -> Flows<'_> {
    let mut flows = Flows::new();
    for packet in packets {
        flows.entry(flow(packet)).or_default().push(packet);
    }
    flows
}

fn difference_of_one(
    expected: &[Vec<u8>],
    got: &[Vec<u8>],
    flow: fn(&[u8]) -> Flow,
) -> Option<String> {
    let (expected, got) = (by_flow(expected, flow), by_flow(got, flow));
    let none = Vec::new();
    let mut text = String::new();
    for flow in expected.keys().chain(got.keys().filter(|flow| !expected.contains_key(flow))) {
        let (expected, got) = (expected.get(flow).unwrap_or(&none), got.get(flow).unwrap_or(&none));
        let is_same = |at: usize| match (expected.get(at), got.get(at)) {
            (Some(expected), Some(got)) => canonical(expected) == canonical(got),
            _ => false,
        };
        let Some(at) = (0..expected.len().max(got.len())).find(|at| !is_same(*at)) else {
            continue;
        };
        let (count, seen) = (expected.len(), got.len());
        let _ = writeln!(
            text,
            "  flow {flow}: {count} packets expected, {seen} seen; packet {at} differs"
        );
        let nothing = Vec::new();
        let expected = expected.get(at).copied().unwrap_or(&nothing);
        let got = got.get(at).copied().unwrap_or(&nothing);
        let first = expected.iter().zip(got).position(|(one, other)| one != other);
        let first = first.unwrap_or(expected.len().min(got.len()));
        text.push_str(&dump("expected", expected, first));
        text.push_str(&dump("seen", got, first));
    }
    (!text.is_empty()).then_some(text)
}

/// Returns the packet without the fields that may change: the id of an unfragmented IPv4 packet with DF (RFC
/// 6864 §4.1) and the header checksum, if it is correct. Only for TCP and UDP, since other packets are never
/// split or coalesced.
fn canonical(packet: &[u8]) -> Vec<u8> {
    let mut copy = packet.to_vec();
    let header_len = packet.first().map_or(0, |byte| usize::from(byte & 0x0f) * 4);
    let is_v4 = packet.first().is_some_and(|byte| byte >> 4 == 4);
    if !is_v4 || header_len < 20 || packet.len() < header_len {
        return copy;
    }
    let fragment = u16::from_be_bytes([packet[6], packet[7]]);
    let is_atomic = fragment & 0x7fff == 0x4000;
    let is_correct = sum(0, &packet[..header_len]) == 0xffff;
    if is_atomic && is_correct && matches!(packet[9], 6 | 17) {
        copy[4..6].fill(0);
        copy[10..12].fill(0);
    }
    copy
}

fn dump(title: &str, packet: &[u8], first: usize) -> String {
    if packet.is_empty() {
        return format!("    {title}: nothing\n");
    }
    let start = first.saturating_sub(CONTEXT) & !15;
    let end = packet.len().min(first + CONTEXT);
    let mut text = format!("    {title}: {} bytes, first difference at {first}\n", packet.len());
    let shown = (0..CONTEXT.min(start)).step_by(16).chain((start..end).step_by(16));
    for at in shown {
        let line = &packet[at..packet.len().min(at + 16)];
        let bytes: Vec<String> = line
            .iter()
            .enumerate()
            .map(|(index, byte)| {
                let mark = if at + index == first { '>' } else { ' ' };
                format!("{mark}{byte:02x}")
            })
            .collect();
        let _ = writeln!(text, "      {at:5}: {}", bytes.concat());
    }
    text
}
