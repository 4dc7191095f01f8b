//! Recognizes datagrams of the relay itself among the packets that are read from its interface.

use super::watch::Loops;
use crate::packet::datagram::{UdpPacket, may_be_from};
use crate::relay::peers::PeerTable;
use crate::udp::is_local;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the answer to whether an address is local is used again.
const ANSWER_LIFETIME: Duration = Duration::from_secs(1);

/// The check of one queue.
#[derive(Debug)]
pub(in crate::relay) struct LoopGuard {
    loops: Arc<Loops>,
    /// The ports of the sockets, without repeats: usually one.
    ports: Vec<u16>,
    /// Whether a loop is known. It is read once per batch.
    is_looping: bool,
    /// The last source that was looked up, whether it is an address of this machine, and when.
    source: Option<(IpAddr, bool, Instant)>,
    /// The peer of the last datagram found in this batch.
    noted: Option<SocketAddr>,
}

impl LoopGuard {
    pub(in crate::relay) fn new(loops: Arc<Loops>) -> Self {
        let ports = loops.ports();
        Self { loops, ports, is_looping: false, source: None, noted: None }
    }

    /// Begins a batch.
    #[inline]
    pub(in crate::relay) fn start_batch(&mut self) {
        self.is_looping = self.loops.is_any();
        self.noted = None;
    }

    /// Returns whether a packet that was read is a datagram of the relay itself.
    #[inline]
    pub(in crate::relay) fn is_own(&mut self, packet: &[u8], table: &PeerTable) -> bool {
        (may_be_from(packet, &self.ports) || self.is_looping) && self.examine(packet, table)
    }

    /// Decides about a packet that may be one. If it is, the loop is noted.
    #[cold]
    fn examine(&mut self, packet: &[u8], table: &PeerTable) -> bool {
        match UdpPacket::parse(packet) {
            Some(UdpPacket::Datagram { source, destination, payload }) => {
                let is_own = self.ports.contains(&source.port())
                    && table.has_endpoint(destination)
                    && match self.loops.is_elsewhere() {
                        true => is_between(payload, source, destination),
                        false => self.is_source(source.ip()),
                    };
                if is_own && self.noted != Some(destination) {
                    self.noted = Some(destination);
                    self.loops.note(destination);
                }
                is_own
            }
            // A further fragment has no ports. During a loop no other packet to that peer could arrive either.
            Some(UdpPacket::Fragment { source, destination }) => {
                self.is_looping
                    && !self.loops.is_elsewhere()
                    && self.loops.has(destination)
                    && self.is_source(source)
            }
            None => false,
        }
    }

    /// Returns whether the sockets send from `address`.
    fn is_source(&mut self, address: IpAddr) -> bool {
        if let Some(bound) = self.loops.bound_to(address.is_ipv4()) {
            return bound == address;
        }
        let now = Instant::now();
        match self.source {
            Some((known, answer, at))
                if known == address && now.duration_since(at) < ANSWER_LIFETIME =>
            {
                answer
            }
            _ => {
                let answer = is_local(address);
                self.source = Some((address, answer, now));
                answer
            }
        }
    }
}

/// Returns whether a packet is a datagram between these addresses and ports.
fn is_between(packet: &[u8], from: SocketAddr, to: SocketAddr) -> bool {
    matches!(
        UdpPacket::parse(packet),
        Some(UdpPacket::Datagram { source, destination, .. }) if source == from && destination == to
    )
}
