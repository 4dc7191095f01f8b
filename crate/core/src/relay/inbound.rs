//! Peer to interface: receive a batch, cut trains apart, join what may be joined, write. Everything
//! that comes from the network is hostile until looked at.

use super::peers::PeerFilter;
use super::stats::{Counters, InboundDrop};
use super::steering::Share;
use super::writer::{Writer, Written};
use super::{Failure, Step};
use crate::packet::coalesce::{CoalesceOptions, Coalescer};
use crate::sys::mmsg::Received;
use crate::transport::{NewsCount, UdpReceiver};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Messages received by one call at the most.
pub(super) const BATCH_MESSAGES: usize = 16;

/// The inbound half of a relay's queue.
pub(super) struct Inbound {
    receiver: UdpReceiver,
    filter: PeerFilter,
    /// Packets that wait to be written, joined where that is allowed.
    coalescer: Coalescer,
    writer: Writer,
    counters: Arc<Counters>,
    /// The last messages received were a single datagram.
    is_quiet: bool,
    /// The flows that come here.
    share: Share,
    /// A train brought a packet of another queue's.
    has_stray: bool,
}

impl Inbound {
    pub(super) fn new(
        receiver: UdpReceiver,
        filter: PeerFilter,
        join: CoalesceOptions,
        writer: Writer,
        counters: Arc<Counters>,
    ) -> Self {
        let coalescer = Coalescer::new(join);
        let share = Share::ALL;
        let (is_quiet, has_stray) = (true, false);
        Self { receiver, filter, coalescer, writer, counters, is_quiet, share, has_stray }
    }

    /// The same for a queue that only these flows should come to.
    pub(super) fn for_share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// Receives and writes one batch: where the next message `is_lone`, that one, and whether there are
    /// more is left to the wait that follows. Errors are those that end the relay.
    pub(super) fn step(&mut self, is_lone: bool) -> Result<Step, Failure> {
        let limit = if is_lone { 1 } else { BATCH_MESSAGES };
        let mut is_drained = false;
        if self.writer.is_done(&self.coalescer) {
            self.coalescer.clear();
            self.writer.restart();
            let mut news = NewsCount::default();
            let received = self.receiver.receive(limit, &mut news);
            self.counters.count_news(&news);
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Step::Drained);
                }
                Err(error) => {
                    return Err(Failure { operation: "receive for", syscall: "recvmmsg", error });
                }
                Ok(count) => {
                    is_drained = count < BATCH_MESSAGES;
                    self.sort(count);
                }
            }
        }
        match self.writer.write(&self.coalescer, self.receiver.buffer(), &self.counters) {
            Ok(Written::All) if is_drained => Ok(Step::Drained),
            Ok(Written::All) => Ok(Step::Moved),
            Ok(Written::Blocked) => Ok(Step::Blocked),
            Err(error) => Err(Failure { operation: "write to", syscall: "writev", error }),
        }
    }

    /// Whether the last messages received were a single datagram.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// The errno of the write that made an end of joining packets, once.
    pub(super) fn take_refusal(&mut self) -> Option<i32> {
        let refusal = self.writer.take_refusal();
        if refusal.is_some() {
            self.coalescer.set_options(CoalesceOptions { tcp: false, udp: false });
        }
        refusal
    }

    /// Whether a train had packets of several queues' flows, once: which overtake those that came to
    /// the other queues.
    pub(super) fn take_stray(&mut self) -> bool {
        let has_stray = std::mem::take(&mut self.has_stray);
        if has_stray {
            self.share = Share::ALL;
        }
        has_stray
    }

    /// Counts the news of datagrams sent earlier.
    pub(super) fn take_news(&mut self) {
        let mut news = NewsCount::default();
        self.receiver.drain_news(&mut news);
        self.counters.count_news(&news);
    }

    /// Counts what was received and will not be written any more.
    pub(super) fn close(&mut self) {
        let waiting = self.writer.waiting(&self.coalescer);
        self.counters.count_receive_drop(InboundDrop::Closing, waiting);
        self.coalescer.clear();
        self.writer.restart();
    }

    /// Cuts the messages received, so many of them, into packets, drops what cannot be one, and joins
    /// the rest.
    fn sort(&mut self, messages: usize) {
        let (mut datagrams, mut bytes) = (0, 0);
        let buffer = self.receiver.buffer();
        for message in self.receiver.messages() {
            let is_foreign = !self.filter.accepts(message.source);
            let is_of_train = message.segment_size.is_some();
            for range in datagrams_of(&message) {
                datagrams += 1;
                bytes += range.len() as u64;
                let packet = buffer.get(range.clone()).unwrap_or_default();
                match cause_to_drop(&message, is_foreign, packet.first()) {
                    Some(cause) => self.counters.count_receive_drop(cause, 1),
                    None if messages == 1 && !is_of_train => self.writer.add_single(range),
                    None => {
                        self.has_stray |= is_of_train && !self.share.has(packet);
                        self.coalescer.push(buffer, range);
                    }
                }
            }
        }
        self.coalescer.finish(buffer);
        self.is_quiet = datagrams == 1;
        self.counters.count_received(datagrams, bytes);
    }
}

/// The datagrams of a message: one, or those of a train by its stride.
fn datagrams_of(message: &Received) -> impl Iterator<Item = Range<usize>> + use<> {
    let Range { start, end } = message.range;
    let stride = message.segment_size.unwrap_or(end - start).max(1);
    // An empty datagram is one datagram too.
    let count = (end - start).div_ceil(stride).max(1);
    (0..count).map(move |number| {
        let from = start + number * stride;
        from..(from + stride).min(end)
    })
}

fn cause_to_drop(message: &Received, is_foreign: bool, first: Option<&u8>) -> Option<InboundDrop> {
    match first.map(|byte| byte >> 4) {
        _ if is_foreign => Some(InboundDrop::ForeignSource),
        _ if message.is_truncated => Some(InboundDrop::Truncated),
        None => Some(InboundDrop::Empty),
        Some(4 | 6) => None,
        Some(_) => Some(InboundDrop::NotIp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(range: Range<usize>, segment_size: Option<usize>) -> Received {
        Received { range, source: None, segment_size, is_truncated: false }
    }

    #[test]
    fn trains_are_cut_by_their_stride() {
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
        assert_eq!(cause_to_drop(&plain, true, Some(&0x45)), Some(InboundDrop::ForeignSource));
        assert_eq!(cause_to_drop(&cut, false, Some(&0x45)), Some(InboundDrop::Truncated));
        assert_eq!(cause_to_drop(&plain, false, None), Some(InboundDrop::Empty));
        for byte in 0..=255_u8 {
            let expected = (byte >> 4 != 4 && byte >> 4 != 6).then_some(InboundDrop::NotIp);
            assert_eq!(cause_to_drop(&plain, false, Some(&byte)), expected, "{byte:#x}");
        }
    }
}
