//! Writes packets to a device. Packets of a flow are coalesced; if the kernel refuses a super-packet, its packets are
//! written singly. Relays and devices in JavaScript use this writer. It reports each outcome and counts nothing.

use crate::backoff::Backoff;
use crate::device::TunDevice;
use crate::errno::{Call, Reaction};
use crate::packet::coalesce::{CoalesceOptions, Coalescer, Write};
use crate::packet::layer::Layer;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::time::Instant;

/// Whether every packet was written or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteProgress {
    /// Every packet was written or refused.
    Done,
    /// The device has no room now. The remaining packets are kept.
    Blocked,
}

/// The outcome of writing packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    /// One call wrote `packets` packets of `bytes` bytes in total: a super-packet if there are several.
    Written { packets: usize, bytes: usize },
    /// The kernel refused the packet at this range of the buffer.
    Refused { packet: Range<usize>, errno: i32 },
}

/// A change between coalescing and writing singly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoalescingChange {
    /// The kernel refused a super-packet with this errno, and accepted packets of it singly.
    Off { errno: i32 },
    /// The kernel accepted a super-packet again.
    On,
}

/// Accepts packets: a device, or in tests a model of one.
pub(crate) trait PacketSink {
    /// Writes the packet at `range` of `buffer`.
    fn put_single(&self, buffer: &[u8], range: Range<usize>) -> io::Result<()>;
    /// Writes the packets of `write`, which lie in `buffer`, as one super-packet.
    fn put_joined(&self, write: &Write<'_>, buffer: &[u8]) -> io::Result<()>;
}

/// A device whose packets follow a vnet header of `vnet_len` bytes; 0 means no header.
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

/// Writes one batch of packets after another. The packets of a batch lie in one buffer of the caller. The caller
/// passes it with each call, and does not change it until [`CoalescingWriter::restart`].
#[derive(Debug)]
pub(crate) struct CoalescingWriter {
    /// The packets that may be coalesced while coalescing is on.
    options: CoalesceOptions,
    coalescer: Coalescer,
    /// Whether the kernel accepts super-packets.
    state: Backoff,
    /// Whether super-packets are formed and written now: coalescing is on, or a trial is due.
    is_coalescing: bool,
    /// Number of the coalescer's writes that are complete.
    done: usize,
    /// Packets that are written singly, before the remaining writes of the coalescer.
    singles: VecDeque<Range<usize>>,
    /// The errno of the super-packet that `singles` come from, until one of them is accepted.
    refused: Option<i32>,
    change: Option<CoalescingChange>,
}

impl CoalescingWriter {
    /// Returns a writer that coalesces as `options` allow.
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

    /// The same for packets of this layer.
    pub(crate) fn for_layer(self, layer: Layer) -> Self {
        Self { coalescer: self.coalescer.for_layer(layer), ..self }
    }

    /// Returns whether packets that are added now may be coalesced. While coalescing is off, it reads the clock and
    /// starts a trial that is due.
    pub(crate) fn coalesces(&mut self) -> bool {
        if !self.is_coalescing && !self.state.is_on() && self.state.allows(Instant::now()) {
            self.is_coalescing = true;
            self.coalescer.set_options(self.options);
        }
        self.is_coalescing
    }

    /// Forgets the batch and begins a new one.
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

    /// Adds a packet that is written singly, before those that [`CoalescingWriter::push`] added.
    pub(crate) fn push_single(&mut self, packet: Range<usize>) {
        self.singles.push_back(packet);
    }

    /// Ends the super-packets that could still grow.
    pub(crate) fn finish(&mut self, buffer: &[u8]) {
        self.coalescer.finish(buffer);
    }

    /// Returns whether every packet of the batch was written or refused.
    pub(crate) fn is_done(&self) -> bool {
        self.done >= self.coalescer.len() && self.singles.is_empty()
    }

    /// Returns the number of remaining packets.
    pub(crate) fn waiting(&self) -> usize {
        let pushed: usize = self.coalescer.writes(self.done).map(|write| write.packets()).sum();
        pushed + self.singles.len()
    }

    /// Returns the change of coalescing since the last call, if there is one.
    pub(crate) fn take_change(&mut self) -> Option<CoalescingChange> {
        self.change.take()
    }

    /// Writes the remaining packets and reports the outcome of each.
    ///
    /// An error means that the device is gone. The packet that failed and all behind it remain.
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

    /// Reports each remaining packet as refused with `errno`, without a call.
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
                    // The interface is down. This does not depend on the packet.
                    if errno == libc::EIO && self.refused == Some(errno) {
                        let others = self.singles.drain(..);
                        others.for_each(|packet| report(WriteOutcome::Refused { packet, errno }));
                    }
                }
            }
        }
        // The kernel did not accept any packet of the super-packet singly: coalescing was not the reason.
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

    /// Records a change to report. Two changes that cancel each other are not reported.
    fn note(&mut self, change: CoalescingChange) {
        self.change = if self.change.is_some() { None } else { Some(change) };
    }
}

/// The result of one call.
enum Attempt {
    Taken,
    Blocked,
    Refused(i32),
}

/// Makes a call, and repeats it if a signal interrupts it. An error means that the device is gone.
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
