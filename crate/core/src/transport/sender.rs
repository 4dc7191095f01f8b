//! Sending messages, and continuing when a GSO batch, a datagram or UDP_SEGMENT as such is refused.

use super::endpoint::UdpEndpoint;
use super::error_report;
use super::send_queue::{SendQueue, datagrams};
use crate::sys::mmsg::{MessageShape, SendBatch};
use crate::sys::socket::ErrorReport;
use socket2::SockAddr;
use std::io;
use std::io::IoSlice;
use std::os::fd::AsFd;
use std::sync::Arc;

/// How often one message is tried again after an error of an earlier one took its place.
const MAX_RETRIES: u32 = 8;

/// Why a datagram was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendDrop {
    /// Longer than a datagram can be (`EMSGSIZE`).
    TooLong,
    /// No route to the peer (`ENETUNREACH`, `EHOSTUNREACH`, `ENETDOWN`, …).
    Unreachable,
    /// A firewall or policy forbids it (`EPERM`, `EACCES`).
    Denied,
    /// The kernel had no memory or queue space for it (`ENOBUFS`, `ENOMEM`).
    NoBuffers,
    /// Any other errno.
    Other,
}

impl SendDrop {
    /// How many causes there are.
    pub const COUNT: usize = 5;

    fn of_errno(errno: i32) -> Self {
        match errno {
            libc::EMSGSIZE => Self::TooLong,
            libc::ENETUNREACH
            | libc::EHOSTUNREACH
            | libc::ENETDOWN
            | libc::EHOSTDOWN
            | libc::EADDRNOTAVAIL
            | libc::ECONNREFUSED => Self::Unreachable,
            libc::EPERM | libc::EACCES => Self::Denied,
            libc::ENOBUFS | libc::ENOMEM => Self::NoBuffers,
            _ => Self::Other,
        }
    }
}

/// What the kernel refused for good, so that a slower path is taken from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downgrade {
    /// UDP_SEGMENT was refused with this errno; datagrams are sent by plain sendmmsg(2).
    SegmentationOff {
        /// `EIO` or `EINVAL`.
        errno: i32,
    },
}

/// A message that the kernel took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Index of its destination.
    pub to: u32,
    /// Datagrams in it.
    pub datagrams: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
}

/// What became of the messages of one [`UdpSender::send`].
#[derive(Clone, Debug, Default)]
pub struct SendReport {
    /// Datagrams that the kernel took.
    pub datagrams: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Datagrams dropped, by [`SendDrop`].
    pub dropped: [u64; SendDrop::COUNT],
    /// Errors of datagrams sent earlier.
    pub errors: Vec<ErrorReport>,
    /// Each message that the kernel took; `None`: only the sums above are wanted.
    pub messages: Option<Vec<Sent>>,
    /// Set once, when the sender gave up a feature.
    pub downgrade: Option<Downgrade>,
}

/// Whether everything was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Every message was sent or dropped.
    Done,
    /// The socket is full; what waits is still in the queue.
    Blocked,
}

/// The sending half of an endpoint.
pub struct UdpSender {
    endpoint: Arc<UdpEndpoint>,
    batch: SendBatch,
    can_segment: bool,
}

impl UdpSender {
    /// Creates a sender for `endpoint`; `can_segment`: GSO batches may be sent (UDP_SEGMENT, Linux ≥ 4.18).
    #[must_use]
    pub fn new(endpoint: Arc<UdpEndpoint>, can_segment: bool) -> Self {
        Self { endpoint, batch: SendBatch::default(), can_segment }
    }

    /// Whether GSO batches are still sent.
    #[must_use]
    pub fn can_segment(&self) -> bool {
        self.can_segment
    }

    /// Sends what waits in `queue`, until done or the socket is full. The messages' slices are `slices`,
    /// their destinations `destinations`.
    pub fn send(
        &mut self,
        queue: &mut SendQueue,
        destinations: &[SockAddr],
        slices: &[IoSlice<'_>],
        report: &mut SendReport,
    ) -> Progress {
        let mut retries = 0;
        while !queue.is_done() {
            let fd = self.endpoint.as_fd();
            let result = self.batch.send(fd, destinations, slices, queue.waiting());
            match result {
                Ok(sent) => {
                    for shape in queue.waiting().iter().take(sent) {
                        report.count_sent(shape, slices);
                    }
                    queue.advance(sent);
                    retries = 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Progress::Blocked;
                }
                Err(error) => {
                    let has_reports =
                        error_report::drain(self.endpoint.as_fd(), &mut report.errors);
                    // An error of an earlier datagram takes the place of the one being sent.
                    if has_reports && retries < MAX_RETRIES {
                        retries += 1;
                        continue;
                    }
                    retries = 0;
                    self.fall_back(error.raw_os_error().unwrap_or(0), queue, slices, report);
                }
            }
        }
        Progress::Done
    }

    /// Sends the first waiting message in a slower way from now on, or drops it if there is none.
    fn fall_back(
        &mut self,
        errno: i32,
        queue: &mut SendQueue,
        slices: &[IoSlice<'_>],
        report: &mut SendReport,
    ) {
        let Some(shape) = queue.waiting().first() else { return };
        let is_batch = shape.segment_size.is_some();
        if is_batch && matches!(errno, libc::EIO | libc::EINVAL) && self.can_segment {
            self.can_segment = false;
            report.downgrade = Some(Downgrade::SegmentationOff { errno });
        }
        // EMSGSIZE: the segments are longer than the path's MTU; singly the kernel fragments them.
        if is_batch && matches!(errno, libc::EIO | libc::EINVAL | libc::EMSGSIZE) {
            queue.break_up_first(|slice| slices.get(slice).map_or(0, |slice| slice.len()));
            return;
        }
        let lost = datagrams(shape, slice_bytes(shape, slices));
        if let Some(count) = report.dropped.get_mut(SendDrop::of_errno(errno) as usize) {
            *count += lost;
        }
        queue.advance(1);
    }
}

impl SendReport {
    fn count_sent(&mut self, shape: &MessageShape, slices: &[IoSlice<'_>]) {
        let len = slice_bytes(shape, slices);
        let (datagrams, bytes) = (datagrams(shape, len), len as u64);
        self.datagrams += datagrams;
        self.bytes += bytes;
        if let Some(messages) = &mut self.messages {
            messages.push(Sent { to: shape.to, datagrams, bytes });
        }
    }
}

fn slice_bytes(shape: &MessageShape, slices: &[IoSlice<'_>]) -> usize {
    slices.get(shape.slices.clone()).unwrap_or_default().iter().map(|slice| slice.len()).sum()
}
