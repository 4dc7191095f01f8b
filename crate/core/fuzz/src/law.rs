//! The laws of splitting and coalescing, independent of their implementation.

use super::flows::{FlowKey, flow_key, ones_sum};
use std::collections::BTreeMap;
use tun2udp_core::packet::coalesce::{CoalesceOptions, Coalescer, Write};
use tun2udp_core::packet::layer::Layer;
use tun2udp_core::packet::split::{Split, SplitError, prepare, prepare_frame};
use tun2udp_core::packet::vnet::VnetHeader;

/// Options that allow packets of all kinds to be coalesced.
pub const ALL: CoalesceOptions = CoalesceOptions { tcp: true, udp: true };

/// One write to the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The header in front of it.
    pub vnet: VnetHeader,
    /// The packet or super-packet.
    pub packet: Vec<u8>,
    /// The packets that it consists of.
    pub singles: Vec<Vec<u8>>,
}

/// Bytes of the header that [`framed`] adds.
const LINK: usize = 18;

/// Returns a packet in a frame with a tag.
pub fn framed(packet: &[u8]) -> Vec<u8> {
    let is_v6 = packet.first().is_some_and(|byte| byte >> 4 == 6);
    let kind = if is_v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
    let stations = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    [&stations[..], &[0x81, 0, 0x20, 7], &kind, packet].concat()
}

/// Returns the header of a packet in a frame; `None` if its numbers are too large.
fn framed_header(vnet: &VnetHeader) -> Option<VnetHeader> {
    let csum_start = vnet.csum_start.checked_add(LINK as u16)?;
    Some(VnetHeader { csum_start, hdr_len: vnet.hdr_len.wrapping_add(LINK as u16), ..*vnet })
}

/// Asserts that a packet in a frame is split into the same packets in frames.
fn assert_cut_in_frames(
    vnet: &VnetHeader,
    packet: &[u8],
    expected: Result<&Vec<Vec<u8>>, &SplitError>,
) {
    let Some(vnet) = framed_header(vnet) else { return };
    let (mut frame, mut arena) = (framed(packet), Vec::new());
    let frames = match prepare_frame(&vnet, &mut frame, LINK, &mut arena) {
        Err(error) => {
            assert_eq!(Err(&error), expected);
            return;
        }
        Ok(Split::Whole) => vec![frame],
        Ok(Split::Segments(plan)) => {
            let segment = |(header, payload)| [&arena[header], &frame[payload]].concat();
            plan.segments().map(segment).collect()
        }
    };
    let link = &framed(packet)[..LINK];
    let expected = expected.expect("a packet that can be split without a frame");
    assert!(frames.iter().all(|frame| frame.starts_with(link)));
    assert!(frames.iter().map(|frame| &frame[LINK..]).eq(expected), "{vnet:?}");
}

/// Asserts that packets in frames are coalesced like the packets.
fn assert_joined_in_frames(packets: &[Vec<u8>], options: CoalesceOptions, expected: &[Joined]) {
    let frames: Vec<Vec<u8>> = packets.iter().map(|packet| framed(packet)).collect();
    let buffer = frames.concat();
    let mut coalescer = Coalescer::new(options).for_layer(Layer::Ethernet);
    let mut start = 0;
    for frame in &frames {
        coalescer.push(&buffer, start..start + frame.len());
        start += frame.len();
    }
    coalescer.finish(&buffer);
    let in_frame = |one: &Joined| Joined {
        vnet: match one.singles.len() {
            1 => one.vnet,
            _ => framed_header(&one.vnet).expect("small numbers"),
        },
        packet: framed(&one.packet),
        singles: one.singles.iter().map(|packet| framed(packet)).collect(),
    };
    let joined = coalescer.writes(0).map(|write| take_apart(&write, &buffer));
    assert!(joined.eq(expected.iter().map(in_frame)), "frames");
}

/// Returns the packets of `packet`, whose header is `vnet`.
///
/// Asserts that a refusal changes nothing, that the other content of the arena does not matter, and that a frame with the
/// packet is split likewise.
pub fn cut(vnet: &VnetHeader, packet: &[u8]) -> Result<Vec<Vec<u8>>, SplitError> {
    let packets = cut_packet(vnet, packet);
    assert_cut_in_frames(vnet, packet, packets.as_ref());
    packets
}

fn cut_packet(vnet: &VnetHeader, packet: &[u8]) -> Result<Vec<Vec<u8>>, SplitError> {
    const FOREIGN: [u8; 7] = [0xee; 7];
    let mut own = packet.to_vec();
    let mut arena = FOREIGN.to_vec();
    let prepared = prepare(vnet, &mut own, &mut arena);
    assert_eq!(arena[..FOREIGN.len()], FOREIGN, "headers of other packets were changed");
    match prepared {
        Err(error) => {
            assert_eq!((&own[..], arena.len()), (packet, FOREIGN.len()), "{error:?}");
            Err(error)
        }
        Ok(Split::Whole) => Ok(vec![own]),
        Ok(Split::Segments(plan)) => {
            let segments: Vec<Vec<u8>> = plan
                .segments()
                .map(|(header, payload)| [&arena[header], &own[payload]].concat())
                .collect();
            assert_eq!(segments.len(), plan.count());
            Ok(segments)
        }
    }
}

/// Returns the writes for `packets`, which are received one after another.
///
/// Asserts the laws of the writes: [`assert_kept`], and [`super::flows::assert_one_flow`] for each
/// super-packet.
pub fn join(packets: &[Vec<u8>], options: CoalesceOptions) -> Vec<Joined> {
    let buffer = packets.concat();
    let mut coalescer = Coalescer::new(options);
    let mut start = 0;
    for packet in packets {
        coalescer.push(&buffer, start..start + packet.len());
        start += packet.len();
    }
    coalescer.finish(&buffer);
    let joined: Vec<Joined> =
        coalescer.writes(0).map(|write| take_apart(&write, &buffer)).collect();
    assert_eq!(joined.len(), coalescer.len());
    for one in &joined {
        let is_joined = one.singles.len() > 1;
        assert_eq!(is_joined, one.vnet != VnetHeader::default(), "{one:?}");
        if is_joined {
            super::flows::assert_one_flow(&one.singles);
        }
    }
    assert_kept(packets, &joined.iter().flat_map(|one| one.singles.clone()).collect::<Vec<_>>());
    assert_joined_in_frames(packets, options, &joined);
    joined
}

fn take_apart(write: &Write<'_>, buffer: &[u8]) -> Joined {
    let (vnet, headers) = write.header().split_first_chunk().expect("a vnet header");
    let payload = write.payload().flat_map(|range| buffer[range].iter().copied());
    let singles: Vec<Vec<u8>> = write.singles().map(|range| buffer[range].to_vec()).collect();
    assert_eq!(singles.len(), write.packets());
    assert_eq!(singles.iter().map(Vec::len).sum::<usize>(), write.bytes());
    Joined {
        vnet: VnetHeader::parse(vnet),
        packet: headers.iter().copied().chain(payload).collect(),
        singles,
    }
}

/// Returns the packets that the kernel passes on for these writes.
pub fn cut_again(joined: &[Joined]) -> Vec<Vec<u8>> {
    let cut_one = |one: &Joined| {
        let packets = cut(&one.vnet, &one.packet).expect("a super-packet that can be cut");
        assert_eq!(packets.len(), one.singles.len(), "{one:?}");
        packets
    };
    joined.iter().flat_map(cut_one).collect()
}

/// Asserts that each flow has the same packets in the same order, byte for byte, and that no packet
/// overtook one that may belong to any flow.
///
/// Only the id of a packet that must not be fragmented may differ (RFC 6864, 4.1).
pub fn assert_kept(sent: &[Vec<u8>], got: &[Vec<u8>]) {
    assert_eq!(got.len(), sent.len(), "packets came or went");
    let (sent, got) = (by_flow(sent), by_flow(got));
    assert!(sent.keys().eq(got.keys()), "flows came or went");
    for (key, packets) in &sent {
        assert_eq!(got.get(key), Some(packets), "of flow {key:?}");
    }
}

/// Returns the packets of each flow in order; a packet without a flow is identified by its place.
fn by_flow(packets: &[Vec<u8>]) -> BTreeMap<FlowKey, Vec<Vec<u8>>> {
    let mut flows = BTreeMap::<FlowKey, Vec<Vec<u8>>>::new();
    for (place, packet) in packets.iter().enumerate() {
        let key = flow_key(packet).unwrap_or(FlowKey::Opaque(place));
        flows.entry(key).or_default().push(without_free_id(packet));
    }
    flows
}

/// Returns the packet with its id and header checksum set to zero, if the id may change and the checksum
/// is correct.
fn without_free_id(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if let Some(header) = packet.first_chunk_mut::<20>()
        && header[0] == 0x45
        && u16::from_be_bytes([header[6], header[7]]) & 0x7fff == 0x4000
        && ones_sum(0, header) == 0xffff
    {
        header[4..6].fill(0);
        header[10..12].fill(0);
    }
    packet
}
