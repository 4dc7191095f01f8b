//! Decides which packets may be one super-packet, field by field (RFC 791, 8200, 9293, 768), independently of
//! the code that coalesces them.

/// A flow, whose packets keep their order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlowKey {
    /// Version, protocol, addresses and ports.
    Ports(u8, u8, Vec<u8>),
    /// Unknown flow: a fragment, a header with options, or neither TCP nor UDP. The packet keeps its place among
    /// all packets.
    Opaque(usize),
}

/// TCP flags that must be equal in all packets of a super-packet: all except FIN, PSH, CWR.
const COMMON_FLAGS: u8 = 0x76;
const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;
/// SYN, RST and URG: such a packet is always alone.
const ALONE: u8 = 0x26;

/// `UDP_MAX_SEGMENTS` of Linux before 6.9 (include/linux/udp.h): a super-packet of UDP with more is
/// `EINVAL` (virtio_net_hdr_to_skb in include/linux/virtio_net.h).
const MAX_UDP: usize = 64;
/// `UIO_MAXIOV` (linux/uio.h) minus one for the headers: a write of more slices is `EINVAL`.
const MAX_SLICES: usize = 1_023;

/// The headers of a complete TCP or UDP packet whose IP header has no options or extensions.
struct Headers<'a> {
    is_v6: bool,
    protocol: u8,
    transport: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Headers<'a> {
    fn of(packet: &'a [u8]) -> Option<Self> {
        let (is_v6, protocol, start, stated) = match packet.first()? {
            0x45 => {
                let is_fragment = number(packet, 6, 2)? & 0x3fff != 0;
                let stated = number(packet, 2, 2)? as usize;
                (false, packet.get(9).filter(|_| !is_fragment)?, 20, stated)
            }
            0x60..=0x6f => (true, packet.get(6)?, 40, 40 + number(packet, 4, 2)? as usize),
            _ => return None,
        };
        let transport = packet.get(start..)?;
        let (least, len) = match protocol {
            6 => (20, usize::from(*transport.get(12)? >> 4) * 4),
            17 => (8, 8),
            _ => return None,
        };
        let payload = transport.get(len..)?;
        let is_whole = *protocol == 6 || number(transport, 4, 2)? as usize == transport.len();
        (len >= least && stated == packet.len() && is_whole).then_some(Self {
            is_v6,
            protocol: *protocol,
            transport,
            payload,
        })
    }

    fn is_tcp(&self) -> bool {
        self.protocol == 6
    }
}

/// Returns a big-endian field of `len` bytes.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<u32> {
    Some(bytes.get(at..at + len)?.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

/// Returns the flow of a packet; `None` if it is unknown.
pub fn flow_key(packet: &[u8]) -> Option<FlowKey> {
    let headers = Headers::of(packet)?;
    let addresses = if headers.is_v6 { &packet[8..40] } else { &packet[12..20] };
    let key = [addresses, &headers.transport[..4]].concat();
    Some(FlowKey::Ports(u8::from(headers.is_v6), headers.protocol, key))
}

/// Asserts that two or more packets that were coalesced are restored by splitting.
pub fn assert_one_flow(singles: &[Vec<u8>]) {
    let all: Vec<Headers<'_>> =
        singles.iter().map(|packet| Headers::of(packet).expect("TCP or UDP")).collect();
    let (first, last) = (&all[0], singles.len() - 1);
    let total = singles[0].len() + all[1..].iter().map(|one| one.payload.len()).sum::<usize>();
    assert!(total <= 65_535, "{total} bytes are more than a length field can say");
    let most = if first.is_tcp() { MAX_SLICES } else { MAX_UDP };
    assert!(singles.len() <= most, "{} packets are more than the kernel takes", singles.len());
    for (place, (packet, headers)) in singles.iter().zip(&all).enumerate() {
        let size = headers.payload.len();
        let is_right_size =
            size == first.payload.len() || place == last && size < first.payload.len();
        assert!(size > 0 && is_right_size, "packet {place} has {size} bytes of payload");
        assert_eq!(flow_key(packet), flow_key(&singles[0]), "packet {place} is of another flow");
        assert_ip_runs_on(packet, &singles[0], place);
        assert!(is_sound(packet, headers), "packet {place} has a wrong checksum");
        if headers.is_tcp() {
            assert_tcp_runs_on(headers, first, place, place == last);
        }
    }
}

fn assert_ip_runs_on(packet: &[u8], first: &[u8], place: usize) {
    if packet[0] >> 4 == 6 {
        assert_eq!(packet[..4], first[..4], "traffic class and flow label of packet {place}");
        assert_eq!(packet[7], first[7], "hop limit of packet {place}");
        return;
    }
    assert_eq!(packet[1], first[1], "type of service of packet {place}");
    assert_eq!(packet[6..9], first[6..9], "flags and time to live of packet {place}");
    let id = number(first, 4, 2).map(|id| (id as u16).wrapping_add(place as u16));
    let is_free = packet[6] & 0x40 != 0;
    assert!(is_free || number(packet, 4, 2) == id.map(u32::from), "id of packet {place}");
}

fn assert_tcp_runs_on(headers: &Headers<'_>, first: &Headers<'_>, place: usize, is_last: bool) {
    let (own, head) = (headers.transport, first.transport);
    let offset = (place * first.payload.len()) as u32;
    let sequence = number(head, 4, 4).map(|first| first.wrapping_add(offset));
    assert_eq!(number(own, 4, 4), sequence, "sequence number of packet {place}");
    assert_eq!(own[8..13], head[8..13], "ACK, length and reserved bits of packet {place}");
    assert_eq!(own[13] & COMMON_FLAGS, head[13] & COMMON_FLAGS, "flags of packet {place}");
    assert_eq!(own[13] & ALONE, 0, "SYN, RST or URG in packet {place}");
    assert!(is_last || own[13] & FIN_PSH == 0, "FIN or PSH in packet {place}");
    assert!(place == 0 || own[13] & CWR == 0, "CWR in packet {place}");
    assert_eq!(own[14..16], head[14..16], "window of packet {place}");
    let header_len = own.len() - headers.payload.len();
    assert_eq!(own[18..header_len], head[18..header_len], "options of packet {place}");
}

/// Returns whether the checksums of the IPv4 header and of TCP or UDP exist and are correct.
fn is_sound(packet: &[u8], headers: &Headers<'_>) -> bool {
    let addresses = if headers.is_v6 { &packet[8..40] } else { &packet[12..20] };
    let pseudo = u32::from(headers.protocol) + headers.transport.len() as u32;
    let has_checksum = headers.is_tcp() || headers.transport[6..8] != [0, 0];
    let is_ip_right = headers.is_v6 || ones_sum(0, &packet[..20]) == 0xffff;
    let sum = ones_sum(u32::from(ones_sum(pseudo, addresses)), headers.transport);
    has_checksum && is_ip_right && sum == 0xffff
}

/// Returns the ones' complement sum of `start` and of the big-endian words of `bytes` (RFC 1071).
pub fn ones_sum(start: u32, bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)));
    let mut sum = u64::from(start) + words.sum::<u64>();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

/// Returns a TCP or UDP packet behind a plain IP header with corrected checksums; any other packet unchanged.
pub fn mended(mut packet: Vec<u8>) -> Vec<u8> {
    let (start, addresses) = match packet.first() {
        Some(0x45) => (20, 12..20),
        Some(0x60..=0x6f) => (40, 8..40),
        _ => return packet,
    };
    let protocol = packet.get(if start == 20 { 9 } else { 6 }).copied();
    let (protocol, field) = match protocol {
        Some(6) => (6, start + 16),
        Some(17) => (17, start + 6),
        _ => return packet,
    };
    if packet.len() < field + 2 {
        return packet;
    }
    if start == 20 {
        packet[10..12].fill(0);
        let checksum = !ones_sum(0, &packet[..20]);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    }
    packet[field..field + 2].fill(0);
    let len = (packet.len() - start) as u32;
    let pseudo = ones_sum(protocol + len, &packet[addresses]);
    let checksum = match !ones_sum(u32::from(pseudo), &packet[start..]) {
        0 if protocol == 17 => 0xffff,
        checksum => checksum,
    };
    packet[field..field + 2].copy_from_slice(&checksum.to_be_bytes());
    packet
}
