//! Sends messages, and continues if the kernel refuses a GSO batch, a datagram or UDP_SEGMENT itself.

use super::endpoint::UdpEndpoint;
use super::error_report;
use super::second_try::SecondTry;
use super::segmentation::{AfterSingle, Segmentation, SegmentationChange};
use super::send_queue::{SendQueue, datagrams};
use crate::errno::{Call, Reaction};
use crate::sys::mmsg::{MessageShape, SendBatch};
use crate::sys::socket::ErrorReport;
use socket2::SockAddr;
use std::io::IoSlice;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;

/// How often one message is tried again after the error of an earlier message was returned in its place.
const MAX_RETRIES: u32 = 8;

/// Why a datagram was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendDrop {
    /// The datagram is longer than a datagram can be (`EMSGSIZE`).
    TooLong,
    /// There is no route to the peer, or its type is blackhole, prohibit or unreachable (`ENETUNREACH`,
    /// `EHOSTUNREACH`, `EINVAL`, `EACCES`, …).
    Unreachable,
    /// A firewall or policy forbids it (`EPERM`).
    Denied,
    /// The kernel had no memory or queue space for it (`ENOBUFS`, `ENOMEM`).
    NoBuffers,
    /// Any other errno.
    Other,
}

impl SendDrop {
    /// The number of causes.
    pub const COUNT: usize = 5;

    /// All causes, in their order.
    pub const ALL: [Self; Self::COUNT] =
        [Self::TooLong, Self::Unreachable, Self::Denied, Self::NoBuffers, Self::Other];

    fn of_errno(errno: i32) -> Self {
        match errno {
            libc::EMSGSIZE => Self::TooLong,
            libc::ENETUNREACH
            | libc::EHOSTUNREACH
            | libc::ENETDOWN
            | libc::EHOSTDOWN
            | libc::EADDRNOTAVAIL
            | libc::ECONNREFUSED
            // The interface of a link-local address does not exist.
            | libc::ENODEV
            | libc::ENXIO
            // Routes of type blackhole and prohibit (`fib_props` of net/ipv4/fib_semantics.c).
            | libc::EINVAL
            | libc::EACCES => Self::Unreachable,
            libc::EPERM => Self::Denied,
            libc::ENOBUFS | libc::ENOMEM => Self::NoBuffers,
            _ => Self::Other,
        }
    }
}

/// A message that the kernel accepted or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its shape, with the index of its destination.
    pub shape: MessageShape,
    /// Why it was dropped; `None`: the kernel accepted it.
    pub cause: Option<SendDrop>,
    /// Datagrams in it that the kernel accepted.
    pub datagrams: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Datagrams in it that were dropped.
    pub dropped: u64,
}

/// The outcome of one [`UdpSender::send`].
#[derive(Clone, Debug, Default)]
pub struct SendReport {
    /// Datagrams that the kernel accepted.
    pub datagrams: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Dropped datagrams, by [`SendDrop`].
    pub dropped: [u64; SendDrop::COUNT],
    /// Errors of datagrams sent earlier.
    pub errors: Vec<ErrorReport>,
    /// Each message that the kernel accepted or refused. `None`: only the sums above are wanted.
    pub messages: Option<Vec<Sent>>,
    /// Whether GSO batches are no longer used, or are used again.
    pub change: Option<SegmentationChange>,
    /// Source addresses that the kernel refused, though it accepted the same message without: the address is not one of
    /// this machine any more.
    pub lost_sources: Vec<IpAddr>,
}

/// Whether every message was sent or dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendProgress {
    /// Every message was sent or dropped.
    Done,
    /// The socket is full. The remaining messages are still in the queue.
    Blocked,
}

/// The sending half of an endpoint.
pub struct UdpSender {
    endpoint: Arc<UdpEndpoint>,
    batch: SendBatch,
    segmentation: Segmentation,
    /// Whether fragmentation is allowed for a while.
    allows_fragments: bool,
}

impl UdpSender {
    /// Creates a sender for `endpoint`. With `can_segment`, it may send GSO batches (UDP_SEGMENT, Linux ≥ 4.18).
    #[must_use]
    pub fn new(endpoint: Arc<UdpEndpoint>, can_segment: bool) -> Self {
        let segmentation = Segmentation::new(can_segment);
        Self { endpoint, batch: SendBatch::default(), segmentation, allows_fragments: false }
    }

    /// Returns the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &UdpEndpoint {
        &self.endpoint
    }

    /// Allows fragmentation of datagrams for a while, or forbids it again if the socket was opened so. If the kernel
    /// refuses this, datagrams that are too long are dropped. Makes a system call only for a change.
    pub fn allow_fragments(&mut self, is_allowed: bool) {
        if self.allows_fragments != is_allowed {
            self.allows_fragments = is_allowed;
            let _ = self.endpoint.allow_fragments_for_now(is_allowed);
        }
    }

    /// Returns whether fragmentation is allowed for a while.
    #[must_use]
    pub fn allows_fragments(&self) -> bool {
        self.allows_fragments
    }

    /// Begins a new batch. If a trial of UDP_SEGMENT is due, this batch is the trial.
    pub fn start_batch(&mut self) {
        self.segmentation.start_batch();
    }

    /// Returns whether GSO batches are sent in this round.
    #[must_use]
    pub fn can_segment(&self) -> bool {
        self.segmentation.is_used()
    }

    /// Sends the messages in `queue` until all are sent or the socket is full. `slices` and `destinations` are the
    /// slices and destinations that the messages refer to.
    pub fn send(
        &mut self,
        queue: &mut SendQueue,
        destinations: &[SockAddr],
        slices: &[IoSlice<'_>],
        report: &mut SendReport,
    ) -> SendProgress {
        let (mut retries, mut limit) = (0, usize::MAX);
        let mut second_try = SecondTry::default();
        while !queue.is_done() {
            let fd = self.endpoint.as_fd();
            let waiting = queue.waiting();
            let messages = waiting.get(..limit).unwrap_or(waiting);
            let result = self.batch.send(fd, destinations, slices, messages);
            let error = match result {
                Ok(sent) => {
                    report.lost_sources.extend(second_try.take_lost_source(queue));
                    for shape in queue.waiting().iter().take(sent) {
                        report.count_sent(shape, slices);
                    }
                    if self.segmentation.needs_outcomes() {
                        self.note_sent(queue, sent, report);
                    }
                    queue.advance(sent);
                    retries = 0;
                    limit = limit.saturating_mul(2);
                    continue;
                }
                Err(error) => error,
            };
            let errno = error.raw_os_error().unwrap_or(0);
            match Reaction::to(Call::SocketSend, errno) {
                Reaction::Repeat => {}
                Reaction::Await => {
                    second_try.restore_source(queue);
                    return SendProgress::Blocked;
                }
                _ => {
                    let has_reports =
                        error_report::drain(self.endpoint.as_fd(), &mut report.errors);
                    // The error of an earlier datagram was returned in place of a result for this one.
                    if has_reports && retries < MAX_RETRIES {
                        retries += 1;
                        continue;
                    }
                    retries = 0;
                    // A call builds the headers of all its messages. If the kernel refuses one after the other, this
                    // keeps the work linear.
                    limit = 1;
                    if second_try.prepare(errno, queue, &self.endpoint) {
                        continue;
                    }
                    self.refuse_first(errno, queue, slices, report);
                }
            }
        }
        SendProgress::Done
    }

    /// Informs the state of UDP_SEGMENT about the messages that the kernel accepted.
    fn note_sent(&mut self, queue: &SendQueue, sent: usize, report: &mut SendReport) {
        for shape in queue.waiting().iter().take(sent) {
            let change = self.segmentation.note_sent(shape.segment_size.is_some());
            report.note_change(change);
        }
    }

    /// Splits the first waiting message if the kernel may accept its datagrams singly, or drops it.
    fn refuse_first(
        &mut self,
        errno: i32,
        queue: &mut SendQueue,
        slices: &[IoSlice<'_>],
        report: &mut SendReport,
    ) {
        let Some(shape) = queue.waiting().first() else { return };
        let lost = datagrams(shape, slice_bytes(shape, slices));
        if shape.segment_size.is_some() {
            if self.segmentation.splits(errno, lost) {
                queue.break_up_first(|slice| slices.get(slice).map_or(0, |slice| slice.len()));
            } else {
                report.count_dropped(errno, shape, lost);
                queue.advance(1);
            }
            return;
        }
        let messages = match self.segmentation.note_refused_single(errno) {
            AfterSingle::Next => 1,
            AfterSingle::DropRest(rest) => 1 + rest,
        };
        // They are the datagrams of one GSO batch.
        for shape in queue.waiting().iter().take(messages) {
            report.count_dropped(errno, shape, 1);
        }
        queue.advance(messages);
    }
}

impl SendReport {
    /// Returns the number of datagrams that were dropped for this cause.
    #[must_use]
    pub fn dropped_as(&self, cause: SendDrop) -> u64 {
        self.dropped.get(cause as usize).copied().unwrap_or(0)
    }

    fn count_dropped(&mut self, errno: i32, shape: &MessageShape, dropped: u64) {
        let cause = SendDrop::of_errno(errno);
        if let Some(count) = self.dropped.get_mut(cause as usize) {
            *count += dropped;
        }
        if let Some(messages) = &mut self.messages {
            let (shape, cause) = (shape.clone(), Some(cause));
            messages.push(Sent { shape, cause, datagrams: 0, bytes: 0, dropped });
        }
    }

    /// Records a change to report. Two changes that cancel each other are not reported.
    fn note_change(&mut self, change: Option<SegmentationChange>) {
        if change.is_some() {
            self.change = if self.change.is_some() { None } else { change };
        }
    }

    fn count_sent(&mut self, shape: &MessageShape, slices: &[IoSlice<'_>]) {
        let len = slice_bytes(shape, slices);
        let (datagrams, bytes) = (datagrams(shape, len), len as u64);
        self.datagrams += datagrams;
        self.bytes += bytes;
        if let Some(messages) = &mut self.messages {
            let shape = shape.clone();
            messages.push(Sent { shape, cause: None, datagrams, bytes, dropped: 0 });
        }
    }
}

fn slice_bytes(shape: &MessageShape, slices: &[IoSlice<'_>]) -> usize {
    slices.get(shape.slices.clone()).unwrap_or_default().iter().map(|slice| slice.len()).sum()
}
