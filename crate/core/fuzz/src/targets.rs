//! The targets of the fuzzer. Each takes arbitrary bytes and panics if a law is broken.

use super::capture;
use super::encode::{Batch, Message, read_batch, read_super};
use super::flows::{FlowKey, flow_key, mended, ones_sum};
use super::law::{ALL, assert_kept, cut, cut_again, framed, join};
use super::path;
use tun2udp_core::packet::flow::{hash, hash_of};
use tun2udp_core::packet::layer::Layer;
use tun2udp_core::packet::mss::SegmentLimit;
use tun2udp_core::packet::vnet::{GSO_NONE, VnetHeader};

/// A target by its name, which is also the name of its folder in `corpus/`.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 8] = [
    ("split", split),
    ("inbound", inbound),
    ("steer", steer),
    ("clamp", clamp),
    ("icmp", icmp),
    ("fragment", fragment),
    ("filter", filter),
    ("pcapng", pcapng),
];

/// Splits a packet with a vnet header, as the kernel passes it, and coalesces the result.
pub fn split(data: &[u8]) {
    let Some((vnet, packet)) = read_super(data) else { return };
    assert_eq!(VnetHeader::parse(&vnet.bytes()), vnet);
    let Ok(segments) = cut(&vnet, packet) else { return };
    if vnet.gso_type & 0x7f == GSO_NONE {
        assert_eq!(segments.len(), 1);
        assert_eq!(segments[0].len(), packet.len());
        return;
    }
    assert_segments(&vnet, packet, &segments);
    // The kernel splits the writes into the same packets, whether or not any were coalesced.
    assert_kept(&segments, &cut_again(&join(&segments, ALL)));
}

/// Asserts that the segments contain the whole payload and that their lengths are correct.
fn assert_segments(vnet: &VnetHeader, packet: &[u8], segments: &[Vec<u8>]) {
    let size = usize::from(vnet.gso_size);
    match segments {
        [one] => assert_eq!(one.len(), packet.len()),
        [first, ..] => {
            let headers = first.len() - size;
            assert_eq!(segments.len(), (packet.len() - headers).div_ceil(size));
            let payload: Vec<u8> =
                segments.iter().flat_map(|one| one[headers..].to_vec()).collect();
            assert_eq!(payload, packet[headers..], "the payload changed");
        }
        [] => panic!("no segment"),
    }
    for segment in segments {
        let is_v4 = segment[0] >> 4 == 4;
        let (at, uncounted) = if is_v4 { (2, 0) } else { (4, 40) };
        let stated = usize::from(u16::from_be_bytes([segment[at], segment[at + 1]]));
        assert_eq!(stated, segment.len() - uncounted, "the length in a header");
        if is_v4 {
            let header = &segment[..usize::from(segment[0] & 0xf) * 4];
            assert_eq!(ones_sum(0, header), 0xffff, "the checksum of an IPv4 header");
        }
    }
}

/// Splits a batch from the network by stride, coalesces it, and splits the writes like the kernel.
pub fn inbound(data: &[u8]) {
    let Some(Batch { options, is_mended, messages }) = read_batch(data) else { return };
    let packets: Vec<Vec<u8>> = messages
        .iter()
        .flat_map(Message::datagrams)
        // Packets other than IPv4 and IPv6 were dropped before.
        .filter(|packet| packet.first().is_some_and(|byte| matches!(byte >> 4, 4 | 6)))
        .map(|packet| if is_mended { mended(packet) } else { packet })
        .collect();
    let joined = join(&packets, options);
    for one in joined.iter().filter(|one| one.singles.len() > 1) {
        let is_tcp = matches!(flow_key(&one.packet), Some(FlowKey::Ports(_, 6, _)));
        assert!(if is_tcp { options.tcp } else { options.udp }, "joined without leave");
    }
    assert_kept(&packets, &cut_again(&joined));
}

/// Compares the number of a packet with that of its reply and, except for TCP, of its fragments.
pub fn steer(data: &[u8]) {
    let number = hash(data);
    if data.first().is_some_and(|byte| matches!(byte >> 4, 4 | 6)) {
        assert_eq!(hash_of(Layer::Ethernet, &framed(data)), number, "in a frame");
    }
    let mut answer = data.to_vec();
    match data.first().map(|byte| byte >> 4) {
        Some(4) if data.len() >= 20 => {
            swap(&mut answer, 12, 4);
            let transport = usize::from(data[0] & 0xf) * 4;
            // Ports that overlap the addresses or do not exist are ignored.
            if transport >= 20 && data.len() >= transport + 4 {
                swap(&mut answer, transport, 2);
                assert_eq!(hash(&answer), number, "an answer");
            }
            if data[9] != 6 {
                let mut fragment = data.to_vec();
                fragment[6] ^= 0x20;
                fragment.truncate(20);
                assert_eq!(hash(&fragment), number, "a fragment");
            }
        }
        Some(6) if data.len() >= 40 => {
            swap(&mut answer, 8, 16);
            if data[6] != 6 {
                assert_eq!(hash(&data[..40]), number, "without ports");
            } else if data.len() >= 44 {
                swap(&mut answer, 40, 2);
                answer[3] ^= 0xff;
            }
            assert_eq!(hash(&answer), number, "an answer");
        }
        _ => assert_eq!(number, 0, "no packet"),
    }
}

/// Lowers the MSS of a packet. In front of it are the kind of the limit, one byte, and the limit, two bytes.
pub fn clamp(data: &[u8]) {
    let Some((&[kind, a, b], packet)) = data.split_first_chunk() else { return };
    let value = u16::from_be_bytes([a, b]);
    let limit = match kind & 1 {
        0 => SegmentLimit::Mtu(value.into()),
        _ => SegmentLimit::Mss(value),
    };
    path::clamped(packet, limit);
}

/// Creates an ICMP error about a packet. In front of it are the kind of the error, one byte, and the MTU, two bytes.
pub fn icmp(data: &[u8]) {
    let Some((&[kind, a, b], packet)) = data.split_first_chunk() else { return };
    let source = match kind >> 1 & 3 {
        0 => None,
        1 => Some([10, 9, 0, 7].into()),
        _ => Some([0xfd09_u16, 0, 0, 0, 0, 0, 0, 7].into()),
    };
    let error = match kind & 1 {
        0 => path::Error::NoPeer,
        _ => path::Error::TooBig(u16::from_be_bytes([a, b]).into(), source),
    };
    path::reported(packet, error);
}

/// Splits a packet into fragments. In front of it is the MTU, two bytes.
pub fn fragment(data: &[u8]) {
    let Some((&[a, b], packet)) = data.split_first_chunk() else { return };
    path::fragmented(packet, u16::from_be_bytes([a, b]).into());
}

/// Verifies and runs the filter of a capture; see [`capture::filter`] for the form of the input.
pub fn filter(data: &[u8]) {
    capture::filter(data);
}

/// Writes packets to a capture, and reads it back.
pub fn pcapng(data: &[u8]) {
    capture::file(data);
}

fn swap(bytes: &mut [u8], at: usize, len: usize) {
    let (first, second) = bytes[at..at + 2 * len].split_at_mut(len);
    first.swap_with_slice(second);
}
