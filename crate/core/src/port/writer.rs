//! Writes packets to the kernel: one call per packet, or one call for all packets of a flow that the kernel accepts
//! as one super-packet.

use super::coalescing_writer::{CoalescingWriter, DeviceSink, WriteOutcome, WriteProgress};
use crate::device::TunDevice;
use crate::packet::coalesce::CoalesceOptions;
use crate::packet::vnet::VnetHeader;
use std::io;
use std::ops::Range;

/// Maximum number of bytes that are collected for coalescing before they are written.
const BATCH_BYTES: usize = 256 << 10;

/// A packet that the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The packet's number in its batch.
    pub index: usize,
    /// The errno of the refusal.
    pub errno: i32,
}

/// The counters of writing since the device was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteCounters {
    /// Packets that the kernel accepted. Each packet of a super-packet counts.
    pub packets: u64,
    /// Bytes of these packets.
    pub bytes: u64,
    /// Super-packets written.
    pub super_packets: u64,
    /// Packets that the kernel refused.
    pub refused: u64,
}

impl WriteCounters {
    /// Returns the sum of two writers' counters.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
            super_packets: self.super_packets + other.super_packets,
            refused: self.refused + other.refused,
        }
    }
}

/// Writes packets singly or in batches.
///
/// Packets of a batch that wait for room are kept. To preserve the order, write nothing else until
/// [`PacketWriter::flush`] has written them.
#[derive(Debug)]
pub struct PacketWriter {
    vnet_len: usize,
    /// Packets that are coalesced, or wait for room.
    kept: CoalescingWriter,
    /// The same packets, stored end to end.
    arena: Vec<u8>,
    /// Where each packet begins in the arena, and its number in the batch.
    starts: Vec<(usize, usize)>,
    /// Whether packets wait for room.
    is_blocked: bool,
    refusals: Vec<Refusal>,
    counters: WriteCounters,
}

impl PacketWriter {
    /// Creates a writer for a device whose packets follow a vnet header of `vnet_len` bytes; 0 means no header.
    /// Packets are coalesced as `join` allows, but only with a vnet header, and only IP packets.
    #[must_use]
    pub fn new(vnet_len: usize, join: CoalesceOptions) -> Self {
        Self {
            vnet_len,
            kept: CoalescingWriter::new(join),
            arena: Vec::new(),
            starts: Vec::new(),
            is_blocked: false,
            refusals: Vec::new(),
            counters: WriteCounters::default(),
        }
    }

    /// Returns the current counters.
    #[must_use]
    pub fn counters(&self) -> WriteCounters {
        self.counters
    }

    /// Returns the packets that were refused since the last call.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refusals)
    }

    /// Returns whether a packet was refused that [`PacketWriter::take_refusals`] has not returned yet.
    #[must_use]
    pub fn has_refusals(&self) -> bool {
        !self.refusals.is_empty()
    }

    /// Writes one packet immediately. Fails with `WouldBlock` while the device has no room.
    pub fn write(&mut self, device: &TunDevice, packet: &[u8]) -> io::Result<()> {
        let result = device.put(self.vnet_len, packet);
        match &result {
            Ok(()) => self.count(1, packet.len()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.counters.refused += 1,
        }
        result
    }

    /// Writes a super-packet, or a packet with a partial checksum, with its vnet header. Fails with `WouldBlock`
    /// while the device has no room. The device must have a vnet header.
    pub fn write_whole(
        &mut self,
        device: &TunDevice,
        header: VnetHeader,
        packet: &[u8],
    ) -> io::Result<()> {
        let result = device.put_whole(self.vnet_len, header, packet);
        match &result {
            Ok(()) => {
                self.count(1, packet.len());
                self.counters.super_packets += u64::from(header.is_super_packet());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.counters.refused += 1,
        }
        result
    }

    /// Writes packets in order. A refused packet is recorded, and writing continues with the next one.
    pub fn write_batch<'p>(
        &mut self,
        device: &TunDevice,
        packets: impl Iterator<Item = &'p [u8]>,
    ) -> WriteProgress {
        for (index, packet) in packets.enumerate() {
            self.put(device, index, packet);
        }
        self.finish(device)
    }

    /// Writes a packet of a batch, or keeps it until [`PacketWriter::finish`], to coalesce it with others.
    pub fn put(&mut self, device: &TunDevice, index: usize, packet: &[u8]) {
        if packet.is_empty() {
            // The kernel would refuse an empty packet, which also has no range in the arena.
            self.refuse(index, libc::EINVAL);
        } else if self.is_blocked || self.kept.coalesces() {
            self.keep(index, packet);
            if !self.is_blocked && self.arena.len() >= BATCH_BYTES {
                self.flush(device);
            }
        } else {
            match device.put(self.vnet_len, packet) {
                Ok(()) => self.count(1, packet.len()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.keep(index, packet);
                    self.is_blocked = true;
                }
                Err(error) => self.refuse(index, error.raw_os_error().unwrap_or(0)),
            }
        }
    }

    /// Ends a batch: writes the packets kept, unless the device had no room before.
    pub fn finish(&mut self, device: &TunDevice) -> WriteProgress {
        if self.is_blocked { WriteProgress::Blocked } else { self.flush(device) }
    }

    /// Returns whether packets wait for room.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// Writes the packets kept.
    pub fn flush(&mut self, device: &TunDevice) -> WriteProgress {
        let progress = self.drain(device);
        self.is_blocked = progress == WriteProgress::Blocked;
        progress
    }

    /// Drops the packets that wait for room, and clears the refusals. Dropped packets count as refused.
    pub fn discard(&mut self) {
        let mut dropped = 0;
        self.kept.finish(&self.arena);
        self.kept.refuse_rest(libc::EAGAIN, &mut |_| dropped += 1);
        self.counters.refused += dropped;
        self.is_blocked = false;
        self.refusals.clear();
        self.restart();
    }

    fn drain(&mut self, device: &TunDevice) -> WriteProgress {
        let Self { vnet_len, kept, arena, starts, refusals, counters, .. } = self;
        let sink = DeviceSink { device, vnet_len: *vnet_len };
        let index_of = |packet: &Range<usize>| {
            let number = starts.partition_point(|(start, _)| *start < packet.start);
            starts.get(number).map_or(0, |(_, index)| *index)
        };
        let mut report = |outcome| match outcome {
            WriteOutcome::Written { packets, bytes } => {
                counters.packets += packets as u64;
                counters.bytes += bytes as u64;
                counters.super_packets += u64::from(packets > 1);
            }
            WriteOutcome::Refused { packet, errno } => {
                counters.refused += 1;
                refusals.push(Refusal { index: index_of(&packet), errno });
            }
        };
        kept.finish(arena);
        match kept.write(&sink, arena, &mut report) {
            Ok(WriteProgress::Blocked) => return WriteProgress::Blocked,
            Ok(WriteProgress::Done) => {}
            // The device is gone. Each remaining packet would need a call, which would fail with the same errno.
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                kept.refuse_rest(errno, &mut report);
            }
        }
        self.restart();
        WriteProgress::Done
    }

    fn restart(&mut self) {
        self.kept.restart();
        self.arena.clear();
        self.starts.clear();
    }

    /// Keeps a packet, coalesced with others of its flow if that is allowed.
    fn keep(&mut self, index: usize, packet: &[u8]) {
        let start = self.arena.len();
        self.starts.push((start, index));
        self.arena.extend_from_slice(packet);
        self.kept.push(&self.arena, start..self.arena.len());
    }

    fn count(&mut self, packets: usize, bytes: usize) {
        self.counters.packets += packets as u64;
        self.counters.bytes += bytes as u64;
    }

    pub(super) fn refuse(&mut self, index: usize, errno: i32) {
        self.counters.refused += 1;
        self.refusals.push(Refusal { index, errno });
    }
}
