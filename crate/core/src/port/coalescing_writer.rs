//! Writes packets to a device, those of a flow coalesced, and one by one if the kernel does not take
//! them so. Used by relays and by devices in JavaScript; it reports each outcome and counts nothing.

use crate::backoff::Backoff;
use crate::device::TunDevice;
use crate::errno::{Call, Reaction};
use crate::packet::coalesce::{CoalesceOptions, Coalescer, Write};
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::time::Instant;

/// Whether every packet was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteProgress {
    /// Every packet was written or refused.
    Done,
    /// The device has no room now. The packets that are left are kept.
    Blocked,
}

/// What became of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    /// One call wrote `packets` packets of `bytes` bytes together: a super-packet if more than one.
    Written { packets: usize, bytes: usize },
    /// The kernel did not take the packet at this range of the buffer.
    Refused { packet: Range<usize>, errno: i32 },
}

/// A change of whether packets are coalesced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoalescingChange {
    /// A super-packet was refused with this errno, and packets of it were taken singly.
    Off { errno: i32 },
    /// A super-packet was taken again.
    On,
}

/// Takes packets: a device, or in tests a model of one.
pub(crate) trait PacketSink {
    /// Writes the packet at `range` of `buffer`.
    fn put_single(&self, buffer: &[u8], range: Range<usize>) -> io::Result<()>;
    /// Writes the packets of `write`, which lie in `buffer`, as one super-packet.
    fn put_joined(&self, write: &Write<'_>, buffer: &[u8]) -> io::Result<()>;
}

/// A device whose packets are preceded by a vnet header of `vnet_len` bytes, or by none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceSink<'d> {
    pub(crate) device: &'d TunDevice,
    pub(crate) vnet_len: usize,
}

impl PacketSink for DeviceSink<'_> {
    fn put_single(&self, buffer: &[u8], range: Range<usize>) -> io::Result<()> {
        self.device.put_from(self.vnet_len, buffer, range)
    }

    fn put_joined(&self, write: &Write<'_>, buffer: &[u8]) -> io::Result<()> {
        self.device.put_joined(self.vnet_len, write, buffer)
    }
}

/// Writes one batch of packets after another. The packets of a batch lie in one buffer of the caller's,
/// which is passed with each call and stays the same until [`CoalescingWriter::restart`].
#[derive(Debug)]
pub(crate) struct CoalescingWriter {
    /// What may be coalesced while that is not off.
    options: CoalesceOptions,
    coalescer: Coalescer,
    /// Whether the kernel takes super-packets.
    state: Backoff,
    /// Super-packets are made and written now: the state is on, or a trial is due.
    is_coalescing: bool,
    /// Writes of the coalescer that were dealt with.
    done: usize,
    /// Packets that go before what the coalescer has left, one by one.
    singles: VecDeque<Range<usize>>,
    /// The errno of the super-packet whose packets `singles` are, until one of them was taken.
    refused: Option<i32>,
    change: Option<CoalescingChange>,
}

impl CoalescingWriter {
    /// Returns a writer that coalesces what `options` allow.
    pub(crate) fn new(options: CoalesceOptions) -> Self {
        Self {
            options,
            coalescer: Coalescer::new(options),
            state: Backoff::OFFLOAD,
            is_coalescing: options.tcp || options.udp,
            done: 0,
            singles: VecDeque::new(),
            refused: None,
            change: None,
        }
    }

    /// Returns whether packets that are added now may be coalesced. Only while coalescing is off it needs
    /// the time, and makes the trial that is due.
    pub(crate) fn coalesces(&mut self) -> bool {
        if !self.is_coalescing && !self.state.is_on() && self.state.allows(Instant::now()) {
            self.is_coalescing = true;
            self.coalescer.set_options(self.options);
        }
        self.is_coalescing
    }

    /// Forgets the batch, and begins with a new one.
    pub(crate) fn restart(&mut self) {
        self.coalescer.clear();
        self.done = 0;
        self.singles.clear();
        self.refused = None;
        self.coalesces();
    }

    /// Adds a packet that may be coalesced.
    pub(crate) fn push(&mut self, buffer: &[u8], packet: Range<usize>) {
        self.coalescer.push(buffer, packet);
    }

    /// Adds a packet that stays alone, and is written before those that [`CoalescingWriter::push`] added.
    pub(crate) fn push_single(&mut self, packet: Range<usize>) {
        self.singles.push_back(packet);
    }

    /// Ends the super-packets that could still grow.
    pub(crate) fn finish(&mut self, buffer: &[u8]) {
        self.coalescer.finish(buffer);
    }

    /// Returns whether every packet of the batch was dealt with.
    pub(crate) fn is_done(&self) -> bool {
        self.done >= self.coalescer.len() && self.singles.is_empty()
    }

    /// Returns the number of packets that are left.
    pub(crate) fn waiting(&self) -> usize {
        let pushed: usize = self.coalescer.writes(self.done).map(|write| write.packets()).sum();
        pushed + self.singles.len()
    }

    /// Returns whether coalescing ended or began again since the last call.
    pub(crate) fn take_change(&mut self) -> Option<CoalescingChange> {
        self.change.take()
    }

    /// Writes what is left, and reports what becomes of each packet.
    ///
    /// An error means that the device is gone. Then the packet that met it is left, and all behind it.
    pub(crate) fn write(
        &mut self,
        sink: &impl PacketSink,
        buffer: &[u8],
        report: &mut impl FnMut(WriteOutcome),
    ) -> io::Result<WriteProgress> {
        loop {
            if self.write_singles(sink, buffer, report)? == WriteProgress::Blocked {
                return Ok(WriteProgress::Blocked);
            }
            let Some(write) = self.coalescer.write_at(self.done) else {
                return Ok(WriteProgress::Done);
            };
            let (packets, bytes) = (write.packets(), write.bytes());
            let is_joined = write.is_joined();
            if is_joined && !self.is_coalescing {
                self.singles.extend(write.singles());
                self.done += 1;
                continue;
            }
            let attempted = if is_joined {
                attempt(Call::DeviceWriteJoined, || sink.put_joined(&write, buffer))
            } else {
                attempt(Call::DeviceWrite, || sink.put_single(buffer, write.first()))
            };
            match attempted? {
                Attempt::Blocked => return Ok(WriteProgress::Blocked),
                Attempt::Taken => {
                    report(WriteOutcome::Written { packets, bytes });
                    if is_joined && !self.state.is_on() {
                        self.turn_on();
                    }
                }
                Attempt::Refused(errno) if is_joined => {
                    self.singles.extend(write.singles());
                    self.refused = Some(errno);
                }
                Attempt::Refused(errno) => {
                    report(WriteOutcome::Refused { packet: write.first(), errno });
                }
            }
            self.done += 1;
        }
    }

    /// Reports each packet that is left as refused with `errno`, without a call.
    pub(crate) fn refuse_rest(&mut self, errno: i32, report: &mut impl FnMut(WriteOutcome)) {
        let pushed = self.coalescer.writes(self.done).flat_map(|write| write.singles());
        for packet in self.singles.drain(..).chain(pushed) {
            report(WriteOutcome::Refused { packet, errno });
        }
        self.done = self.coalescer.len();
    }

    fn write_singles(
        &mut self,
        sink: &impl PacketSink,
        buffer: &[u8],
        report: &mut impl FnMut(WriteOutcome),
    ) -> io::Result<WriteProgress> {
        while let Some(packet) = self.singles.front().cloned() {
            let bytes = packet.len();
            match attempt(Call::DeviceWrite, || sink.put_single(buffer, packet.clone()))? {
                Attempt::Blocked => return Ok(WriteProgress::Blocked),
                Attempt::Taken => {
                    report(WriteOutcome::Written { packets: 1, bytes });
                    self.singles.pop_front();
                    if let Some(errno) = self.refused.take() {
                        self.turn_off(errno);
                    }
                }
                Attempt::Refused(errno) => {
                    report(WriteOutcome::Refused { packet, errno });
                    self.singles.pop_front();
                    // The interface is down: that is no matter of single packets.
                    if errno == libc::EIO && self.refused == Some(errno) {
                        let others = self.singles.drain(..);
                        others.for_each(|packet| report(WriteOutcome::Refused { packet, errno }));
                    }
                }
            }
        }
        // No packet of the super-packet was taken singly either: coalescing was not the reason.
        self.refused = None;
        Ok(WriteProgress::Done)
    }

    fn turn_off(&mut self, errno: i32) {
        self.is_coalescing = false;
        self.coalescer.set_options(CoalesceOptions { tcp: false, udp: false });
        if self.state.refuse(Instant::now()) {
            self.note(CoalescingChange::Off { errno });
        }
    }

    fn turn_on(&mut self) {
        if self.state.accept(Instant::now()) {
            self.note(CoalescingChange::On);
        }
    }

    /// Keeps a change to report; two that cancel each other are none.
    fn note(&mut self, change: CoalescingChange) {
        self.change = if self.change.is_some() { None } else { Some(change) };
    }
}

/// What became of one call.
enum Attempt {
    Taken,
    Blocked,
    Refused(i32),
}

/// Makes a call, again if a signal interrupts it. An error means that the device is gone.
fn attempt(call: Call, mut write: impl FnMut() -> io::Result<()>) -> io::Result<Attempt> {
    loop {
        let Err(error) = write() else { return Ok(Attempt::Taken) };
        let errno = error.raw_os_error().unwrap_or(0);
        match Reaction::to(call, errno) {
            Reaction::Repeat => {}
            Reaction::Await => return Ok(Attempt::Blocked),
            Reaction::End => return Err(error),
            Reaction::Drop | Reaction::Split | Reaction::Pause => {
                return Ok(Attempt::Refused(errno));
            }
        }
    }
}

#[cfg(test)]
mod tests;
