//! Finds the packets in received messages, and passes on to them the congestion that the network marked.

use crate::packet::ecn;
use crate::packet::keepalive::is_keepalive;
use crate::packet::layer::Layer;
use crate::relay::stats::InboundDrop;
use crate::relay::wire::Wire;
use crate::sys::mmsg::Received;
use std::ops::Range;

/// The datagrams of a message: one, or those of a GSO batch by its segment size.
pub(super) fn datagrams_of(message: &Received) -> impl Iterator<Item = Range<usize>> + use<> {
    let Range { start, end } = message.range;
    let stride = message.segment_size.unwrap_or(end - start).max(1);
    // An empty datagram is one datagram too.
    let count = (end - start).div_ceil(stride).max(1);
    (0..count).map(move |number| {
        let from = start + number * stride;
        from..(from + stride).min(end)
    })
}

/// Why a datagram has no packet for the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPacket {
    /// It is dropped.
    Dropped(InboundDrop),
    /// It is a keepalive.
    Keepalive,
}

impl From<InboundDrop> for NoPacket {
    fn from(cause: InboundDrop) -> Self {
        Self::Dropped(cause)
    }
}

/// Finds the packet in a datagram of a message, or why there is none.
pub(super) fn packet_in(
    buffer: &[u8],
    message: &Received,
    datagram: Range<usize>,
    wire: Wire,
) -> Result<Range<usize>, NoPacket> {
    if message.is_truncated {
        return Err(InboundDrop::Truncated.into());
    }
    let packet = wire.open(datagram).ok_or(InboundDrop::Empty)?;
    let layer = wire.layer();
    let bytes = buffer.get(packet.clone()).filter(|bytes| layer.is_plausible(bytes));
    match (bytes, layer) {
        (None, Layer::Ip) => Err(InboundDrop::NotIp.into()),
        (None, Layer::Ethernet) => Err(InboundDrop::ShortFrame.into()),
        (Some(bytes), _) if is_keepalive(bytes, layer) => Err(NoPacket::Keepalive),
        (Some(bytes), _) if ecn::must_drop(layer.ip_packet(bytes), message.class) => {
            Err(InboundDrop::NotEcnCapable.into())
        }
        (Some(_), _) => Ok(packet),
    }
}

/// Sets the ECN of the packets in a message as RFC 6040 prescribes for the ECN of their datagrams. Packets that must be
/// dropped are unchanged. Returns the number of packets that have changed.
pub(super) fn decapsulate_ecn(buffer: &mut [u8], message: &Received, wire: Wire) -> u64 {
    let packets = datagrams_of(message).filter_map(|datagram| wire.open(datagram));
    let changed = packets.filter(|packet| {
        let start = wire.layer().ip_offset(buffer.get(packet.clone()).unwrap_or_default());
        let packet = buffer.get_mut(packet.start + start..packet.end);
        packet.is_some_and(|packet| ecn::decapsulate(packet, message.class))
    });
    changed.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::keepalive::{KEEPALIVE, KEEPALIVE_FRAME};

    fn message(range: Range<usize>, segment_size: Option<usize>) -> Received {
        Received { range, source: None, segment_size, class: 0, local: None, is_truncated: false }
    }

    #[test]
    fn gso_batches_are_split_by_their_segment_size() {
        let all = |message| datagrams_of(&message).map(|r| (r.start, r.end)).collect::<Vec<_>>();
        assert_eq!(all(message(10..110, None)), [(10, 110)]);
        assert_eq!(all(message(10..110, Some(40))), [(10, 50), (50, 90), (90, 110)]);
        assert_eq!(all(message(10..90, Some(40))), [(10, 50), (50, 90)]);
        assert_eq!(all(message(10..10, None)), [(10, 10)]);
    }

    #[test]
    fn what_cannot_be_a_packet_has_one_cause() {
        let plain = message(0..1, None);
        let cut = Received { is_truncated: true, ..plain.clone() };
        let cause = |message: &Received, bytes: &[u8]| {
            packet_in(bytes, message, 0..bytes.len(), Wire::Plain).err()
        };
        assert_eq!(cause(&cut, &[0x45]), Some(InboundDrop::Truncated.into()));
        assert_eq!(cause(&plain, &[]), Some(InboundDrop::Empty.into()));
        assert_eq!(cause(&plain, &KEEPALIVE), Some(NoPacket::Keepalive));
        for byte in 0..=255_u8 {
            let expected = (byte >> 4 != 4 && byte >> 4 != 6).then_some(InboundDrop::NotIp.into());
            assert_eq!(cause(&plain, &[byte]), expected, "{byte:#x}");
        }
        // A range outside the buffer does not contain a packet either.
        let outside = packet_in(&[0x45], &plain, 1..2, Wire::Plain);
        assert_eq!(outside, Err(InboundDrop::NotIp.into()));
    }

    #[test]
    fn frames_are_dropped_if_they_are_shorter_than_a_header() {
        let plain = message(0..1, None);
        let bytes = [0; 1_600];
        for len in [1, 13, 14, 15, 60, 1_514] {
            let expected = if len < 14 { Err(InboundDrop::ShortFrame.into()) } else { Ok(0..len) };
            assert_eq!(packet_in(&bytes, &plain, 0..len, Wire::Frames), expected, "{len}");
        }
        assert_eq!(packet_in(&bytes, &plain, 0..0, Wire::Frames), Err(InboundDrop::Empty.into()));
        let found = packet_in(&KEEPALIVE_FRAME, &plain, 0..60, Wire::Frames);
        assert_eq!(found, Err(NoPacket::Keepalive));
    }

    #[test]
    fn a_mark_reaches_the_packet_in_a_frame() {
        let frame = |class: u8, tag: &[u8]| {
            let stations = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
            [&stations[..], tag, &[0x86, 0xdd, 0x60, class << 4, 0, 0]].concat()
        };
        for tag in [&[][..], &[0x81, 0, 0, 7]] {
            let (capable, incapable) = (frame(2, tag), frame(0, tag));
            let len = capable.len();
            let message = Received { class: 3, ..message(0..2 * len, Some(len)) };
            let mut buffer = [capable.as_slice(), &incapable].concat();
            assert_eq!(decapsulate_ecn(&mut buffer, &message, Wire::Frames), 1);
            assert_eq!(buffer, [frame(3, tag), incapable].concat());
            let found = |range| packet_in(&buffer, &message, range, Wire::Frames);
            assert_eq!(found(0..len), Ok(0..len));
            assert_eq!(found(len..2 * len), Err(InboundDrop::NotEcnCapable.into()));
        }
    }

    #[test]
    fn a_mark_reaches_each_packet_of_a_message_or_drops_it() {
        // Packets of four bytes over IPv6 with ECT(0), Not-ECT and ECT(1).
        let packets = [[0x60, 0x20, 0, 0], [0x60, 0, 0, 0], [0x60, 0x10, 0, 0]].concat();
        for (class, expected, changed, is_dropped) in [
            (0, [2, 0, 1], 0, false),
            (1, [1, 0, 1], 1, false),
            (2, [2, 0, 1], 0, false),
            (3, [3, 0, 3], 2, true),
        ] {
            let mut buffer = packets.clone();
            let message = Received { class: 0xb8 | class, ..message(0..12, Some(4)) };
            assert_eq!(decapsulate_ecn(&mut buffer, &message, Wire::Plain), changed, "{class}");
            assert_eq!([1, 5, 9].map(|at| buffer[at] >> 4), expected, "{class}");
            let found: Vec<_> = datagrams_of(&message)
                .map(|datagram| packet_in(&buffer, &message, datagram, Wire::Plain))
                .collect();
            let second = if is_dropped { Err(InboundDrop::NotEcnCapable.into()) } else { Ok(4..8) };
            assert_eq!(found, [Ok(0..4), second, Ok(8..12)], "{class}");
        }
    }
}
