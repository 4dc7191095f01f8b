//! A relay whose system calls are judged, and bursts of packets through it.

#[path = "running.rs"]
mod running;

use super::inner;
use super::namespace::{loopback_socket, skip};
use super::refusal::{self, Call, Verdict};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tun2udp_core::packet::checksum::{Sum, pseudo_header};
use tun2udp_core::relay::{Relay, RelayConfig, Stats};

/// Packets per burst: few enough for the default buffer of the peer's socket.
pub(crate) const BURST: u8 = 12;
/// Bytes of payload of a packet of a burst.
pub(crate) const LEN: usize = 1_000;

/// Returns whether to skip the calling test, and prints why.
#[track_caller]
pub(crate) fn skips() -> bool {
    skip::because(refusal::missing())
}

/// A relay, the socket of its peer, and one behind its interface.
pub(crate) struct Tunnel {
    pub(crate) relay: Relay,
    events: Arc<Mutex<Vec<&'static str>>>,
    peer: UdpSocket,
    pub(crate) inside: UdpSocket,
    bursts: u8,
}

impl Tunnel {
    /// Starts a tunnel. `judge` decides on the relay's calls of `numbers`.
    pub(crate) fn under(
        numbers: &[libc::c_long],
        judge: impl FnMut(&Call) -> Verdict + Send + 'static,
    ) -> Self {
        let peer = loopback_socket();
        let address = peer.local_addr().unwrap();
        let (relay, events) = refusal::under(numbers, judge, || start(address));
        let inside = UdpSocket::bind("10.9.0.1:9").unwrap();
        inside.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { relay, events, peer, inside, bursts: 0 }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.relay.stats()
    }

    pub(crate) fn events(&self) -> Vec<&'static str> {
        self.events.lock().unwrap().clone()
    }

    /// Sends a burst of numbered packets from the peer; each must arrive, in order and unchanged.
    pub(crate) fn burst_in(&mut self) {
        self.bursts = self.bursts.wrapping_add(1);
        let payload = |number: u8| {
            let mut payload = vec![number; LEN];
            payload[0] = self.bursts;
            payload
        };
        for number in 0..BURST {
            let packet = with_checksum(inner::udp_packet(2, &payload(number)));
            self.peer.send_to(&packet, self.relay.info().local).unwrap();
        }
        let mut buffer = [0; 2 * LEN];
        for number in 0..BURST {
            let len = receive(&self.inside, &mut buffer);
            assert!(buffer[..len] == payload(number), "packet {number}: {:?}", &buffer[..4]);
        }
    }

    /// Sends a burst out of the interface; each packet must reach the peer, in order and unchanged.
    pub(crate) fn burst_out(&mut self) {
        self.bursts = self.bursts.wrapping_add(1);
        let bursts = self.bursts;
        for number in 0..BURST {
            self.inside
                .send_to(&[&[bursts, number][..], &[7; LEN]].concat(), "10.9.0.2:7")
                .unwrap();
        }
        let mut buffer = [0; 2 * LEN];
        for number in 0..BURST {
            let len = receive(&self.peer, &mut buffer);
            assert_eq!(len, 28 + 2 + LEN);
            assert_eq!(buffer[28..30], [bursts, number]);
        }
    }

    /// Ends the relay and returns its last counters, in which no packet may be missing.
    pub(crate) fn finish(self) -> Stats {
        running::finish(&self.relay)
    }
}

/// Starts a relay of one queue, and collects the kinds of its events.
pub(crate) fn start(peer: SocketAddr) -> (Relay, Arc<Mutex<Vec<&'static str>>>) {
    let events = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&events);
    let config =
        RelayConfig { queues: 1, ..RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer, 0) };
    let relay = Relay::start(config, move |event| seen.lock().unwrap().push(event.kind)).unwrap();
    (relay, events)
}

/// Fills in the UDP checksum, without which no packet is coalesced.
fn with_checksum(mut packet: Vec<u8>) -> Vec<u8> {
    let sum = Sum::of(&packet[12..]).and(pseudo_header(17, packet.len() - 20));
    packet[26..28].copy_from_slice(&sum.checksum());
    packet
}

/// The number of the system call that a relay waits with.
pub(crate) const EPOLL_WAIT: i64 = libc::SYS_epoll_pwait;

/// Receives a datagram. A wait with a time limit may be interrupted (signal(7)), and is repeated.
fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> usize {
    loop {
        match socket.recv(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            received => return received.unwrap(),
        }
    }
}
