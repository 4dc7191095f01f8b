//! Interface to peer: read a batch of packets, send it as trains.

use super::stats::{Counters, OutboundDrop};
use super::{Failure, Step};
use crate::device::{MAX_PACKET, TunDevice};
use crate::transport::{Downgrade, Progress, SendReport, TrainQueue, UdpSender};
use std::io;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

/// Packets of one batch at the most: one full train.
const BATCH_PACKETS: usize = 64;
/// Room for the packets of a batch, bytes; reading stops when a largest packet may not fit.
const ARENA_BYTES: usize = 4 * (MAX_PACKET + 1);

/// The outbound half of a relay's queue.
pub(super) struct Outbound {
    device: Arc<TunDevice>,
    sender: UdpSender,
    arena: Vec<u8>,
    filled: usize,
    packets: Vec<Range<usize>>,
    queue: TrainQueue,
    counters: Arc<Counters>,
    downgrade: Option<Downgrade>,
}

impl Outbound {
    pub(super) fn new(
        device: Arc<TunDevice>,
        sender: UdpSender,
        max_train: usize,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            device,
            sender,
            arena: vec![0; ARENA_BYTES],
            filled: 0,
            packets: Vec::with_capacity(BATCH_PACKETS),
            queue: TrainQueue::new(max_train),
            counters,
            downgrade: None,
        }
    }

    /// Reads and sends one batch. Errors are those of the device; those of the socket are counted.
    pub(super) fn step(&mut self) -> Result<Step, Failure> {
        if self.queue.is_done() {
            self.start_batch();
            let idle = self.fill().map_err(|error| Failure {
                operation: "read from",
                syscall: "read",
                error,
            })?;
            if self.packets.is_empty() && idle {
                return Ok(Step::Idle);
            }
        }
        Ok(match self.flush() {
            Progress::Done => Step::Moved,
            Progress::Blocked => Step::Blocked,
        })
    }

    /// A shortcut that the kernel refused since the last call.
    pub(super) fn take_downgrade(&mut self) -> Option<Downgrade> {
        self.downgrade.take()
    }

    /// Counts what was read and will not be sent any more.
    pub(super) fn close(&mut self) {
        let waiting = self.queue.waiting_slices().len();
        self.counters.count_send_drop(OutboundDrop::Closing, waiting as u64);
        self.start_batch();
    }

    fn start_batch(&mut self) {
        self.queue.clear();
        self.packets.clear();
        self.filled = 0;
    }

    /// Reads until the device has nothing left (true) or the batch is full (false).
    fn fill(&mut self) -> io::Result<bool> {
        let join = self.sender.can_segment();
        let mut bytes = 0;
        let mut result = Ok(false);
        while self.packets.len() < BATCH_PACKETS {
            let Some(room) = self.arena.get_mut(self.filled..) else { break };
            if room.len() < MAX_PACKET {
                break;
            }
            match self.device.read(room) {
                Ok(len) => {
                    self.packets.push(self.filled..self.filled + len);
                    self.queue.push(1, len, join);
                    self.filled += len;
                    bytes += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    result = Ok(true);
                    break;
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.counters.count_read(self.packets.len() as u64, bytes);
        result
    }

    fn flush(&mut self) -> Progress {
        let arena = &self.arena;
        let slices: Vec<IoSlice<'_>> = self
            .packets
            .iter()
            .map(|range| IoSlice::new(arena.get(range.clone()).unwrap_or_default()))
            .collect();
        let mut report = SendReport::default();
        let progress = self.sender.send(&mut self.queue, &slices, &mut report);
        self.counters.count_sent(&report);
        self.downgrade = self.downgrade.take().or(report.downgrade);
        progress
    }
}
