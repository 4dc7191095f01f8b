//! A forwarder that reads and writes super-packets too simply: it coalesces packets that it must not, and does
//! not adjust the headers of the segments. With it, the harness shows that it observes super-packets as the
//! kernel splits them, and that it detects the usual mistakes.

use crate::craft::{fill, pseudo_sum};
use crate::forwarder::{Forwarder, Launcher, Wiring};
use crate::pump::{self, Work};
use crate::support::packet_socket::VnetHeader;
use crate::support::plain_tun::PlainTun;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use tun2udp_core::sys::tun::{TUN_F_CSUM, TUN_F_TSO_ECN, TUN_F_TSO4, TUN_F_TSO6};

const VNET_HEADER_BYTES: usize = 10;

/// Starts naive forwarders.
pub(crate) struct Naive;

impl Launcher for Naive {
    fn name(&self) -> String {
        "naive forwarder".to_owned()
    }

    fn launch(&self, wiring: &Wiring) -> Box<dyn Forwarder> {
        let mask = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
        let tun = PlainTun::open_with_offload(pump::INTERFACE, mask).expect("open the interface");
        Box::new(pump::start(tun, wiring, NaiveWork { buffer: vec![0; 65_535] }))
    }
}

struct NaiveWork {
    buffer: Vec<u8>,
}

impl Work for NaiveWork {
    fn outbound(&mut self, tun: &mut PlainTun, socket: &UdpSocket, peer: SocketAddr) {
        let Some(read) = tun.read().expect("read the interface") else { return };
        let (header, packet) = read.split_at(VNET_HEADER_BYTES);
        for piece in cut(VnetHeader::from_bytes(header), packet.to_vec()) {
            let _ = socket.send_to(&piece, peer);
        }
    }

    fn inbound(&mut self, tun: &PlainTun, socket: &UdpSocket) {
        let mut held = Vec::new();
        while let Ok(count) = socket.recv(&mut self.buffer) {
            held.push(self.buffer[..count].to_vec());
        }
        for (header, packet) in join(&held) {
            let _ = tun.write_with_header(&header.bytes(), &packet);
        }
    }
}

/// Offsets of the addresses and of the TCP header in a packet without options and extensions.
struct Layout {
    addresses: Range<usize>,
    tcp: usize,
    payload: usize,
}

fn layout(packet: &[u8]) -> Option<Layout> {
    let (addresses, tcp) = match (packet.first()?, packet.get(9)?, packet.get(6)?) {
        (0x45, 6, _) => (12..20, 20),
        (0x60..0x70, _, 6) => (8..40, 40),
        _ => return None,
    };
    let payload = tcp + usize::from(packet.get(tcp + 12)? >> 4) * 4;
    (payload < packet.len()).then_some(Layout { addresses, tcp, payload })
}

fn seq(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(packet[at + 4..at + 8].try_into().expect("four bytes"))
}

/// Sets the lengths, the IPv4 checksum, and TCP's checksum field to the sum of the pseudo header.
fn finish(packet: &mut [u8], at: &Layout) -> u16 {
    let length = packet.len();
    if at.tcp == 20 {
        packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        packet[10..12].fill(0);
        fill(&mut packet[..20], 10, 0);
    } else {
        packet[4..6].copy_from_slice(&((length - 40) as u16).to_be_bytes());
    }
    let (source, destination) = packet[at.addresses.clone()].split_at(at.addresses.len() / 2);
    let pseudo = pseudo_sum(source, destination, 6, length - at.tcp);
    packet[at.tcp + 16..at.tcp + 18].copy_from_slice(&pseudo.to_be_bytes());
    pseudo
}

/// Splits like a TSO engine, but keeps CWR on each segment, and completes checksums to 0x0000.
fn cut(header: VnetHeader, mut packet: Vec<u8>) -> Vec<Vec<u8>> {
    if header.gso_type == 0 {
        if header.flags & 1 != 0 {
            fill_over(&mut packet[usize::from(header.csum_start)..], header.csum_offset);
        }
        return vec![packet];
    }
    let Some(at) = layout(&packet) else { return Vec::new() };
    let (headers, payload) = packet.split_at(at.payload);
    let count = payload.len().div_ceil(usize::from(header.gso_size));
    let pieces = payload.chunks(usize::from(header.gso_size)).enumerate();
    pieces
        .map(|(index, payload)| {
            let mut piece = [headers, payload].concat();
            let offset = (index * usize::from(header.gso_size)) as u32;
            let number = seq(headers, at.tcp).wrapping_add(offset);
            piece[at.tcp + 4..at.tcp + 8].copy_from_slice(&number.to_be_bytes());
            if index + 1 < count {
                // Only the last segment has FIN and PSH.
                piece[at.tcp + 13] &= !0x09;
            }
            if at.tcp == 20 {
                let id = u16::from_be_bytes([headers[4], headers[5]]).wrapping_add(index as u16);
                piece[4..6].copy_from_slice(&id.to_be_bytes());
            }
            finish(&mut piece, &at);
            fill_over(&mut piece[at.tcp..], 16);
            piece
        })
        .collect()
}

/// Completes a checksum whose field has the sum of the pseudo header.
fn fill_over(bytes: &mut [u8], offset: u16) {
    let offset = usize::from(offset);
    let start = u16::from_be_bytes([bytes[offset], bytes[offset + 1]]);
    bytes[offset..offset + 2].fill(0);
    fill(bytes, offset, start);
}

/// Coalesces segments with the same ports, the same size and consecutive sequence numbers, without regard to the
/// rest of their headers and their checksums.
fn join(packets: &[Vec<u8>]) -> Vec<(VnetHeader, Vec<u8>)> {
    let mut joined: Vec<(VnetHeader, Vec<u8>)> = Vec::new();
    for packet in packets {
        let last = joined.last_mut();
        if last.and_then(|(header, first)| extend(header, first, packet)).is_none() {
            joined.push((VnetHeader::default(), packet.clone()));
        }
    }
    for (header, packet) in &mut joined {
        if header.gso_type != 0
            && let Some(at) = layout(packet)
        {
            finish(packet, &at);
        }
    }
    joined
}

fn extend(header: &mut VnetHeader, first: &mut Vec<u8>, packet: &[u8]) -> Option<()> {
    let (at, next) = (layout(first)?, layout(packet)?);
    let place = at.addresses.start..at.addresses.end;
    let size = usize::from(header.gso_size);
    let held = first.len() - at.payload;
    let added = packet.len() - next.payload;
    let is_same_flow = at.tcp == next.tcp
        && at.payload == next.payload
        && first[place.clone()] == packet[place]
        && first[at.tcp..at.tcp + 4] == packet[at.tcp..at.tcp + 4];
    let follows = seq(packet, at.tcp) == seq(first, at.tcp).wrapping_add(held as u32);
    let size = if header.gso_type == 0 { held } else { size };
    let fits = held.is_multiple_of(size) && added <= size && first.len() + added <= 65_535;
    if !(is_same_flow && follows && fits) {
        return None;
    }
    first.extend_from_slice(&packet[next.payload..]);
    *header = VnetHeader {
        flags: 1,
        gso_type: if at.tcp == 20 { 1 } else { 4 },
        hdr_len: at.payload as u16,
        gso_size: size as u16,
        csum_start: at.tcp as u16,
        csum_offset: 16,
    };
    Some(())
}
