//! The headers of the datagrams outside. The relay passes payloads to its sockets, so it has no headers of its own; they
//! are reconstructed from the endpoints.

use crate::packet::checksum::{Sum, pseudo_header};
use std::net::{IpAddr, SocketAddr};

/// Bytes of the longest header: IPv6 and UDP.
const MAX: usize = 48;
const UDP: usize = 8;
const PROTOCOL: u8 = 17;
const HOP_LIMIT: u8 = 64;

/// The endpoints of a datagram, and its traffic class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outer {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) class: u8,
}

/// The headers of a datagram, without the checksum of UDP.
pub(super) struct Headers {
    bytes: [u8; MAX],
    len: usize,
    /// Sum of the pseudo header and of the UDP header.
    sum: Sum,
}

impl Headers {
    /// Returns the headers in front of a payload of `len` bytes.
    pub(super) fn new(outer: &Outer, len: usize) -> Self {
        let udp_len = UDP + len;
        let mut headers = Self { bytes: [0; MAX], len: 0, sum: pseudo_header(PROTOCOL, udp_len) };
        match (outer.source.ip().to_canonical(), outer.destination.ip().to_canonical()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let [high, low] = field(20 + udp_len);
                // Identification 0 and DF, as the kernel sends datagrams whose path MTU is discovered.
                let start = [0x45, outer.class, high, low, 0, 0, 0x40, 0, HOP_LIMIT, PROTOCOL];
                let addresses = Sum::of(&from.octets()).and(Sum::of(&to.octets()));
                headers.push(&start);
                headers.push(&Sum::of(&start).and(addresses).checksum());
                headers.push(&from.octets());
                headers.push(&to.octets());
                headers.sum = headers.sum.and(addresses);
            }
            (from, to) => {
                let ([high, low], class) = (field(udp_len), outer.class);
                headers.push(&[0x60 | class >> 4, class << 4, 0, 0, high, low]);
                headers.push(&[PROTOCOL, HOP_LIMIT]);
                for address in [from, to].map(octets) {
                    headers.push(&address);
                    headers.sum = headers.sum.and(Sum::of(&address));
                }
            }
        }
        for word in [outer.source.port(), outer.destination.port()] {
            headers.push(&word.to_be_bytes());
            headers.sum = headers.sum.and(Sum::of_field(word));
        }
        let len = field(udp_len);
        headers.push(&len);
        headers.push(&[0; 2]);
        headers.sum = headers.sum.and(Sum::of(&len));
        headers
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            place.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// Returns the headers.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Writes the checksum of UDP into a whole datagram that begins with these headers.
    pub(super) fn complete(&self, datagram: &mut [u8]) {
        let payload = datagram.get(self.len..).unwrap_or_default();
        // 0 would mean that there is no checksum (RFC 768).
        let checksum = match self.sum.and(Sum::of(payload)).checksum() {
            [0, 0] => [0xff, 0xff],
            checksum => checksum,
        };
        if let Some(place) = self.len.checked_sub(2).and_then(|at| datagram.get_mut(at..self.len)) {
            place.copy_from_slice(&checksum);
        }
    }
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// Returns a length as a field. Longer ones do not occur.
fn field(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}
