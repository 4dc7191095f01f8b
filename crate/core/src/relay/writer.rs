//! Writing a batch into the interface: super-packets gathered by one call each, and one by one what
//! the kernel refuses to take joined.

use super::stats::{Counters, InboundDrop};
use crate::device::TunDevice;
use crate::packet::coalesce::Coalescer;
use crate::packet::vnet::VnetHeader;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Whether everything was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Every packet was written or dropped.
    All,
    /// The device has no room; what waits is still there.
    Blocked,
}

/// Writes the packets of one batch after another.
pub(super) struct Writer {
    device: Arc<TunDevice>,
    vnet_len: usize,
    /// Writes of the coalescer that are done.
    done: usize,
    /// Packets that go before all else, one by one: that of a batch of one, or those of a write that the
    /// kernel refused.
    singles: VecDeque<Range<usize>>,
    refusal: Option<i32>,
}

/// What became of a write that is no refusal of the whole device.
enum Outcome {
    Written,
    Dropped(InboundDrop),
    Blocked,
    /// A super-packet was refused as such: its packets are to be written one by one.
    Refused(i32),
}

impl Writer {
    pub(super) fn new(device: Arc<TunDevice>) -> Self {
        let vnet_len = if device.has_vnet_header() { VnetHeader::LEN } else { 0 };
        Self { device, vnet_len, done: 0, singles: VecDeque::new(), refusal: None }
    }

    /// Whether nothing of the batch in `coalescer` waits any more.
    pub(super) fn is_done(&self, coalescer: &Coalescer) -> bool {
        self.done >= coalescer.len() && self.singles.is_empty()
    }

    /// Begins with a new batch.
    pub(super) fn restart(&mut self) {
        self.done = 0;
        self.singles.clear();
    }

    /// Adds a packet that is not joined with others, to be written before what the coalescer holds.
    pub(super) fn add_single(&mut self, packet: Range<usize>) {
        self.singles.push_back(packet);
    }

    /// The errno by which a super-packet was refused, once.
    pub(super) fn take_refusal(&mut self) -> Option<i32> {
        self.refusal.take()
    }

    /// How many packets wait to be written.
    pub(super) fn waiting(&self, coalescer: &Coalescer) -> u64 {
        let joined: usize = coalescer.writes(self.done).map(|write| write.packets()).sum();
        (joined + self.singles.len()) as u64
    }

    /// Writes what waits of the batch whose packets lie in `buffer`. An error ends the relay.
    pub(super) fn write(
        &mut self,
        coalescer: &Coalescer,
        buffer: &[u8],
        counters: &Counters,
    ) -> io::Result<Written> {
        let mut count = WriteCount::default();
        let result = self.write_all(coalescer, buffer, &mut count);
        count.tell(counters);
        result
    }

    fn write_all(
        &mut self,
        coalescer: &Coalescer,
        buffer: &[u8],
        count: &mut WriteCount,
    ) -> io::Result<Written> {
        loop {
            while let Some(range) = self.singles.front() {
                let written = self.device.put_from(self.vnet_len, buffer, range.clone());
                let outcome = settle(written, 1)?;
                if matches!(outcome, Outcome::Blocked) {
                    return Ok(Written::Blocked);
                }
                count.add(&outcome, 1, range.len());
                self.singles.pop_front();
            }
            let Some(write) = coalescer.write_at(self.done) else { return Ok(Written::All) };
            let written = self.device.put_joined(self.vnet_len, &write, buffer);
            let outcome = settle(written, write.packets())?;
            match outcome {
                Outcome::Blocked => return Ok(Written::Blocked),
                Outcome::Refused(errno) => {
                    self.refusal = Some(errno);
                    self.singles.extend(write.singles());
                }
                Outcome::Written | Outcome::Dropped(_) => {
                    count.add(&outcome, write.packets(), write.bytes());
                }
            }
            self.done += 1;
        }
    }
}

/// What became of a write of so many packets. A device that is gone is an error.
fn settle(written: io::Result<()>, packets: usize) -> io::Result<Outcome> {
    let Err(error) = written else { return Ok(Outcome::Written) };
    Ok(match error.raw_os_error().unwrap_or(0) {
        libc::EBADFD => return Err(error),
        libc::EAGAIN => Outcome::Blocked,
        // A device that is down, or a machine out of memory, would refuse the packets singly too.
        errno @ libc::EINVAL if packets > 1 => Outcome::Refused(errno),
        libc::EIO => Outcome::Dropped(InboundDrop::InterfaceDown),
        libc::ENOMEM | libc::ENOBUFS => Outcome::Dropped(InboundDrop::NoBuffers),
        _ => Outcome::Dropped(InboundDrop::Rejected),
    })
}

/// What was written and dropped by one call.
#[derive(Default)]
struct WriteCount {
    packets: u64,
    bytes: u64,
    super_packets: u64,
    joined: u64,
    dropped: Vec<(InboundDrop, u64)>,
}

impl WriteCount {
    fn add(&mut self, outcome: &Outcome, packets: usize, bytes: usize) {
        match outcome {
            Outcome::Written => {
                self.packets += packets as u64;
                self.bytes += bytes as u64;
                if packets > 1 {
                    self.super_packets += 1;
                    self.joined += packets as u64;
                }
            }
            Outcome::Dropped(cause) => self.dropped.push((*cause, packets as u64)),
            Outcome::Blocked | Outcome::Refused(_) => {}
        }
    }

    fn tell(&self, counters: &Counters) {
        counters.count_written(self.packets, self.bytes);
        counters.count_super_packets_written(self.super_packets, self.joined);
        for (cause, packets) in &self.dropped {
            counters.count_receive_drop(*cause, *packets);
        }
    }
}
