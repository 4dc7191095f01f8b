//! The way of packets from the threads of a relay to the writer of a capture.

use super::filter::Program;
use super::outer::Headers;
use super::pcapng::{self, Block, Direction, Statistics};
use super::stats::{CaptureStats, SIDES, Side, SideCounts};
use super::tap::{Record, Totals};
use crate::counter::Counter;
use crate::sys::poll::WakeUp;
use std::hint;
use std::io::IoSlice;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// How often a thread tries to lock its buffer. The writer holds the lock only while it exchanges two pointers.
const TRIES: u32 = 100;

/// The options that a thread needs to write a packet.
pub(super) struct Selection {
    /// The number of the interface of each point; `None`: the point is not captured.
    pub(super) interfaces: [Option<u32>; 2],
    pub(super) snap_length: usize,
    pub(super) filter: Option<Program>,
    pub(super) buffer_bytes: usize,
}

/// The buffer and the counts that the threads of a relay and the writer of a capture share.
pub(super) struct Channel {
    selection: Selection,
    queues: Vec<QueueBuffer>,
    /// Wakes the writer.
    pub(super) wake: WakeUp,
    is_closing: AtomicBool,
    /// Packets that the writer could not write, of each side.
    lost: [AtomicU64; SIDES],
    /// Bytes written, and files begun.
    pub(super) bytes: Counter,
    pub(super) files: Counter,
}

/// The buffer of one thread, and its counts.
struct QueueBuffer {
    /// Whole blocks. Its capacity is never exceeded.
    blocks: Mutex<Vec<u8>>,
    counts: [SideCounts; SIDES],
    /// The totals of the relay when the thread began and ended to capture.
    begin: Mutex<Option<Totals>>,
    end: Mutex<Option<Totals>>,
}

/// Returns empty buffers with room for `bytes` each. A clone of a vector would have no room.
fn buffers(count: usize, bytes: usize) -> Vec<Vec<u8>> {
    (0..count).map(|_| Vec::with_capacity(bytes)).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Selection {
    /// Returns the number of the interface of a side; `None`: it is not captured.
    fn interface(&self, side: Side) -> Option<u32> {
        let [inside, outside] = self.interfaces;
        if side.is_inside() { inside } else { outside }
    }
}

impl Channel {
    pub(super) fn new(selection: Selection, queues: usize, wake: WakeUp) -> Self {
        let queue = |blocks| QueueBuffer {
            blocks: Mutex::new(blocks),
            counts: Default::default(),
            begin: Mutex::default(),
            end: Mutex::default(),
        };
        Self {
            queues: buffers(queues, selection.buffer_bytes).into_iter().map(queue).collect(),
            selection,
            wake,
            is_closing: AtomicBool::new(false),
            lost: Default::default(),
            bytes: Counter::default(),
            files: Counter::default(),
        }
    }

    /// Returns an empty buffer for each thread, to exchange with its own.
    pub(super) fn buffers(&self) -> Vec<Vec<u8>> {
        buffers(self.queues.len(), self.selection.buffer_bytes)
    }

    /// Asks the writer to end.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.wake.wake();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Records that a thread begins to capture.
    pub(super) fn begin(&self, queue: usize, totals: &Totals) {
        if let Some(queue) = self.queues.get(queue) {
            *lock(&queue.begin) = Some(*totals);
        }
    }

    /// Records that a thread does not capture any more.
    pub(super) fn end(&self, queue: usize, totals: &Totals) {
        if let Some(queue) = self.queues.get(queue) {
            *lock(&queue.end) = Some(*totals);
        }
    }

    /// Writes a packet into the buffer of a thread if the capture wants it, and counts it. Never waits and never
    /// allocates, except for `scratch`, which keeps its memory.
    pub(super) fn record(&self, queue: usize, record: &Record<'_>, scratch: &mut Vec<u8>) {
        let interface = self.selection.interface(record.side);
        let (Some(interface), Some(queue)) = (interface, self.queues.get(queue)) else { return };
        let Some(counts) = queue.counts.get(record.side as usize) else { return };
        let mut wanted = usize::MAX;
        if let Some(filter) = &self.selection.filter {
            wanted = filter.run(contiguous(record.pieces, scratch)) as usize;
            if wanted == 0 {
                counts.filtered.add(1);
                return;
            }
        }
        if queue.write(record, interface, wanted, self) {
            counts.captured.add(1);
        } else {
            counts.left_out.add(1);
        }
    }

    /// Exchanges the buffer of a thread with an empty one.
    pub(super) fn take(&self, queue: usize, empty: &mut Vec<u8>) {
        if let Some(queue) = self.queues.get(queue) {
            std::mem::swap(&mut *lock(&queue.blocks), empty);
        }
    }

    /// Returns whether the buffer of a thread is at least half full, which the writer is woken for.
    pub(super) fn is_half_full(&self) -> bool {
        let half = self.buffer_bytes() / 2;
        self.queues.iter().any(|queue| lock(&queue.blocks).len() >= half)
    }

    /// Returns the size of the buffer of a thread, bytes.
    pub(super) fn buffer_bytes(&self) -> usize {
        self.selection.buffer_bytes
    }

    /// Counts packets that could not be written.
    pub(super) fn lose<'a>(&self, blocks: impl Iterator<Item = Block<'a>>) {
        let [inside, _] = self.selection.interfaces;
        for block in blocks {
            let is_inside = Some(block.interface()) == inside;
            let is_outbound = block.direction() == Direction::Outbound;
            let of_block =
                |side: &Side| side.is_inside() == is_inside && side.is_outbound() == is_outbound;
            let side = Side::ALL.into_iter().find(of_block);
            if let Some(lost) = side.and_then(|side| self.lost.get(side as usize)) {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Returns the counts so far.
    pub(super) fn stats(&self) -> CaptureStats {
        let mut stats = CaptureStats {
            bytes: self.bytes.load(),
            files: self.files.load(),
            ..CaptureStats::default()
        };
        let is_captured = |side: &Side| self.selection.interface(*side).is_some();
        for side in Side::ALL.into_iter().filter(is_captured) {
            let lost = self.lost.get(side as usize).map_or(0, |lost| lost.load(Ordering::Relaxed));
            let place = stats.side_mut(side);
            for queue in &self.queues {
                let Some(counts) = queue.counts.get(side as usize) else { continue };
                let [captured, filtered, left_out] =
                    [&counts.captured, &counts.filtered, &counts.left_out].map(Counter::load);
                place.packets += captured + filtered + left_out;
                place.captured += captured;
                place.filtered += filtered;
                place.left_out += left_out;
                place.relay += queue.relay(side);
            }
            place.captured = place.captured.saturating_sub(lost);
            place.left_out += lost;
        }
        stats
    }

    /// Returns the counts for the statistics block of each interface.
    pub(super) fn statistics(&self) -> Vec<(u32, Statistics)> {
        let stats = self.stats();
        let [inside, outside] = self.selection.interfaces;
        let sum = |is_inside| {
            let mut sum = Statistics::default();
            for side in Side::ALL.into_iter().filter(|side| side.is_inside() == is_inside) {
                let side = stats.side(side);
                sum.received += side.packets;
                sum.dropped += side.left_out;
                sum.accepted += side.captured + side.left_out;
                sum.delivered += side.captured;
            }
            sum
        };
        let inside = inside.map(|number| (number, sum(true)));
        inside.into_iter().chain(outside.map(|number| (number, sum(false)))).collect()
    }
}

impl QueueBuffer {
    /// Returns the increase of the relay's counters of a side while this thread captured, once it has ended.
    fn relay(&self, side: Side) -> u64 {
        let of = |totals: &Mutex<Option<Totals>>| {
            lock(totals).and_then(|totals| totals.get(side as usize).copied())
        };
        match (of(&self.begin), of(&self.end)) {
            (Some(begin), Some(end)) => end.saturating_sub(begin),
            _ => 0,
        }
    }

    /// Writes a block with up to `wanted` bytes of the packet, and the headers of its datagram. Returns false if there
    /// is no room for it.
    fn write(&self, record: &Record<'_>, interface: u32, wanted: usize, channel: &Channel) -> bool {
        let Some(mut out) = self.try_lock() else { return false };
        let len: usize = record.pieces.iter().map(|piece| piece.len()).sum();
        let headers = record.outer.map(|outer| Headers::new(&outer, len));
        let header = headers.as_ref().map_or(&[][..], Headers::bytes);
        let len = header.len() + len;
        let kept = len.min(header.len().saturating_add(wanted)).min(channel.selection.snap_length);
        let before = out.len();
        let half = channel.buffer_bytes() / 2;
        if before + pcapng::packet_len(kept, record.comment) > channel.buffer_bytes() {
            // Only a packet of more than half a buffer finds one in this state that the writer was not woken for.
            if before < half {
                channel.wake.wake();
            }
            return false;
        }
        let direction =
            if record.side.is_outbound() { Direction::Outbound } else { Direction::Inbound };
        let (pieces, comment, time) = (record.pieces, record.comment, record.time);
        let packet =
            pcapng::Packet { interface, direction, time, header, pieces, len, kept, comment };
        let start = pcapng::packet(&mut out, &packet);
        if let Some(headers) = headers.filter(|_| kept == len)
            && let Some(datagram) = out.get_mut(start..start + len)
        {
            headers.complete(datagram);
        }
        if before < half && out.len() >= half {
            channel.wake.wake();
        }
        true
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Vec<u8>>> {
        for _ in 0..TRIES {
            match self.blocks.try_lock() {
                Ok(blocks) => return Some(blocks),
                Err(TryLockError::Poisoned(blocks)) => return Some(blocks.into_inner()),
                Err(TryLockError::WouldBlock) => hint::spin_loop(),
            }
        }
        None
    }
}

/// Returns the bytes of a packet in one piece.
fn contiguous<'a>(pieces: &'a [IoSlice<'a>], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if let [only] = pieces {
        return only;
    }
    scratch.clear();
    pieces.iter().for_each(|piece| scratch.extend_from_slice(piece));
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_room_before_and_after_the_exchange() {
        let selection =
            Selection { interfaces: [None; 2], snap_length: 1, filter: None, buffer_bytes: 9_000 };
        let channel = Channel::new(selection, 3, WakeUp::new().unwrap());
        for (number, mut buffer) in channel.buffers().into_iter().enumerate() {
            channel.take(number, &mut buffer);
            channel.take(number, &mut Vec::new());
            assert!(buffer.capacity() >= 9_000, "{number}");
        }
        assert!(channel.buffers().iter().all(|buffer| buffer.capacity() >= 9_000));
    }
}
