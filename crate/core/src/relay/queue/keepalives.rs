//! Sends keepalives from the receiving port.

use super::recording::Recording;
use crate::packet::keepalive::keepalive;
use crate::relay::peers::{DueKeepalives, PeerIndex, PeerTable, PeerView};
use crate::relay::stats::Counters;
use crate::relay::wire::Wire;
use crate::udp::{Envelope, SendDrop, SendQueue, SendReport, UdpEndpoint, UdpSender};
use std::io::IoSlice;
use std::sync::Arc;

/// The sending ends for keepalives of a queue: those of its sockets at the receiving port, one per address family.
pub(super) struct Keepalives {
    packet: &'static [u8],
    senders: Vec<(bool, UdpSender)>,
    queue: SendQueue,
    peers: PeerView,
    counters: Arc<Counters>,
}

impl Keepalives {
    /// Creates the sending ends of these sockets, for datagrams of this format.
    pub(super) fn new<'a>(
        wire: Wire,
        receiving: impl Iterator<Item = &'a Arc<UdpEndpoint>>,
        peers: PeerView,
        counters: Arc<Counters>,
    ) -> Self {
        let sender = |endpoint: &Arc<UdpEndpoint>| {
            (endpoint.local().is_ipv4(), UdpSender::new(Arc::clone(endpoint), false))
        };
        let packet = keepalive(wire.layer());
        let queue = SendQueue::new(packet.len());
        Self { packet, senders: receiving.map(sender).collect(), queue, peers, counters }
    }

    /// Sends keepalives. One that the kernel does not take now is not sent later: the next one is. Returns whether a peer
    /// cannot be reached.
    pub(super) fn send(&mut self, due: &DueKeepalives, recording: &Recording<'_>) -> bool {
        let mut is_lost = false;
        for peer in &due.peers {
            is_lost |= self.send_to(*peer, &due.table, recording);
        }
        is_lost
    }

    fn send_to(&mut self, peer: PeerIndex, table: &PeerTable, recording: &Recording<'_>) -> bool {
        let Some(destination) = table.destinations().get(peer.0 as usize) else { return false };
        let is_ipv4 = destination.is_ipv4();
        let found = self.senders.iter_mut().find(|(of_ipv4, _)| *of_ipv4 == is_ipv4);
        let Some((_, sender)) = found else { return false };
        let envelope = Envelope { to: peer.0, class: None, source: table.local(peer) };
        self.queue.clear();
        self.queue.push(0..1, self.packet.len(), envelope, None);
        let messages = recording.is_on().then(Vec::new);
        let mut report = SendReport { messages, ..SendReport::default() };
        let slices = [IoSlice::new(self.packet)];
        recording.begin_call();
        sender.send(&mut self.queue, table.destinations(), &slices, &mut report);
        self.counters.count_keepalives_sent(report.datagrams);
        if let Some(messages) = &report.messages {
            recording.keepalives(messages, &slices, sender.endpoint(), table.destinations());
        }
        self.counters.count_errors(&report.errors);
        table.note_errors(&report.errors);
        self.peers.refresh();
        report.lost_sources.iter().for_each(|lost| self.peers.forget_local(*lost));
        report.dropped_as(SendDrop::Unreachable) > 0
    }
}
