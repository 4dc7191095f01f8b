//! Datagrams to a forwarder, one per call or several as one GSO batch.

use crate::support::os;
use std::net::{SocketAddr, UdpSocket};
use tun2udp_core::packet::flow::hash_of;
use tun2udp_core::packet::layer::Layer;

/// Maximum number of segments and payload bytes of a GSO batch: `UDP_MAX_SEGMENTS` before 6.9, and the
/// payload of an IPv4 datagram.
const MAX_SEGMENTS: usize = 64;
const MAX_BYTES: usize = 65_507;

/// Sends one datagram.
pub(crate) fn send_one(socket: &UdpSocket, packet: &[u8], to: SocketAddr) {
    let sent = socket.send_to(packet, to);
    assert_eq!(sent.expect("send a datagram"), packet.len());
}

/// Sends datagrams in order. Consecutive datagrams of one length, and a shorter one at their end, are sent as
/// one GSO batch (UDP_SEGMENT, udp(7)). `is_sorted`: a batch contains one flow of this layer only, like those of a relay.
pub(crate) fn send<'a>(
    socket: &UdpSocket,
    packets: impl Iterator<Item = &'a [u8]>,
    to: SocketAddr,
    is_sorted: Option<Layer>,
) {
    let mut batch = Batch::default();
    for packet in packets {
        let flow = is_sorted.map_or(0, |layer| hash_of(layer, packet));
        if !batch.takes(packet, flow) {
            batch.leave(socket, to);
        }
        batch.add(packet, flow);
    }
    batch.leave(socket, to);
}

#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    segment_size: usize,
    count: usize,
    is_closed: bool,
    flow: u16,
}

impl Batch {
    fn takes(&self, packet: &[u8], flow: u16) -> bool {
        self.count == 0
            || (!self.is_closed
                && flow == self.flow
                && !packet.is_empty()
                && packet.len() <= self.segment_size
                && self.count < MAX_SEGMENTS
                && self.bytes.len() + packet.len() <= MAX_BYTES)
    }

    fn add(&mut self, packet: &[u8], flow: u16) {
        if self.count == 0 {
            self.flow = flow;
            self.segment_size = packet.len();
        }
        self.is_closed = packet.len() < self.segment_size || packet.is_empty();
        self.bytes.extend_from_slice(packet);
        self.count += 1;
    }

    fn leave(&mut self, socket: &UdpSocket, to: SocketAddr) {
        if self.count == 0 {
            return;
        }
        // 0: an ordinary datagram.
        let size = if self.count > 1 { self.segment_size as libc::c_int } else { 0 };
        os::set_option(socket, libc::SOL_UDP, libc::UDP_SEGMENT, size).expect("UDP_SEGMENT");
        send_one(socket, &self.bytes, to);
        os::set_option(socket, libc::SOL_UDP, libc::UDP_SEGMENT, 0).expect("UDP_SEGMENT");
        *self = Self::default();
    }
}
