//! Reads several packets with one system call: while packets of a device keep arriving, its reads are submitted
//! together. With one read(2) per packet, a small packet costs a quarter more.

use crate::backoff::Backoff;
use crate::device::{MAX_READ, TunDevice};
use crate::sys::uring::ReadRing;
use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

/// Maximum number of reads that are submitted together.
const SLOTS: u16 = 32;
/// Bytes between two slots: the longest read fits, and each slot begins on its own cache line.
const SLOT_BYTES: usize = MAX_READ.next_multiple_of(64);
/// Packets that must have come in a row before reads are submitted together. A device with little traffic gets no
/// more reads than it has packets.
const WARM: usize = 16;
/// The smallest number of reads for which a submission is worthwhile.
const FEWEST: usize = 4;

/// Packets that were read together and were not returned yet.
#[derive(Debug)]
pub(super) struct Bursts {
    ring: Ring,
    /// Whether the kernel permits the ring.
    state: Backoff,
    /// Packets that came in a row, without an empty read.
    in_a_row: usize,
    /// The first slot that was not returned yet, if it is before the end.
    next: usize,
    end: usize,
    /// Packets that were returned.
    pub(super) taken: u64,
}

/// The ring, which is created when it is first needed.
#[derive(Debug)]
enum Ring {
    Untried,
    Ready(Box<ReadRing>),
    /// The ring is not wanted.
    None,
}

impl Bursts {
    /// Creates an empty set of packets. Packets are only read together if that `is_wanted`.
    pub(super) fn new(is_wanted: bool) -> Self {
        let ring = if is_wanted { Ring::Untried } else { Ring::None };
        Self { ring, state: Backoff::OFFLOAD, in_a_row: 0, next: 0, end: 0, taken: 0 }
    }

    /// Returns whether no packet waits.
    pub(super) fn is_empty(&self) -> bool {
        self.next >= self.end
    }

    /// Returns the first packet that waits.
    pub(super) fn first(&self) -> Option<&[u8]> {
        match &self.ring {
            Ring::Ready(ring) if !self.is_empty() => ring.packet(self.next).ok(),
            _ => None,
        }
    }

    /// Removes the first packet that waits.
    pub(super) fn pop(&mut self) {
        self.taken += 1;
        self.go_on(self.next + 1);
    }

    /// Selects the first slot from `from` on that has a packet. A packet may follow an empty read.
    fn go_on(&mut self, from: usize) {
        let Ring::Ready(ring) = &self.ring else { return };
        let mut slots = from..self.end;
        self.next = slots.find(|slot| ring.packet(*slot).is_ok()).unwrap_or(self.end);
    }

    /// Records the result of a single read.
    pub(super) fn note<T>(&mut self, read: &io::Result<T>) {
        self.in_a_row = if read.is_ok() { self.in_a_row.saturating_add(1) } else { 0 };
    }

    /// Creates the ring, unless the kernel refused it a short time ago.
    fn make_ring(&mut self) {
        if !self.state.is_on() && !self.state.allows(Instant::now()) {
            return;
        }
        match ReadRing::new(SLOTS, SLOT_BYTES) {
            Ok(ring) => self.ring = Ring::Ready(Box::new(ring)),
            Err(_) => {
                self.state.refuse(Instant::now());
            }
        }
    }

    /// Reads up to `wanted` packets together if that is worthwhile now. Returns whether it read any.
    ///
    /// No packet may wait. Errors are not reported: the single read that follows returns them.
    pub(super) fn read(&mut self, device: &TunDevice, wanted: usize) -> bool {
        if self.in_a_row < WARM || wanted < FEWEST {
            return false;
        }
        if matches!(self.ring, Ring::Untried) {
            self.make_ring();
        }
        let Ring::Ready(ring) = &mut self.ring else { return false };
        // Half of the packets that came in a row: even if the device is empty then, few reads return empty.
        let count = wanted.min(self.in_a_row / 2).min(ring.slots());
        let read = ring.read(device.as_fd(), count);
        let came = (0..count).filter(|slot| ring.packet(*slot).is_ok()).count();
        self.in_a_row = if came == count { self.in_a_row.saturating_add(came) } else { 0 };
        if came == 0 {
            if read.is_err() || is_refusal(ring) {
                self.ring = Ring::Untried;
                self.state.refuse(Instant::now());
            }
            return false;
        }
        if !self.state.is_on() {
            self.state.accept(Instant::now());
        }
        self.end = count;
        self.go_on(0);
        true
    }
}

/// Returns whether the kernel can read a device this way. A packet that waits there is lost.
pub(super) fn is_there(device: &TunDevice) -> bool {
    ReadRing::new(1, SLOT_BYTES)
        .is_ok_and(|mut ring| ring.read(device.as_fd(), 1).is_ok() && !is_refusal(&ring))
}

/// Returns whether the kernel refuses to read this file this way, rather than finding it empty.
fn is_refusal(ring: &ReadRing) -> bool {
    ring.packet(0).is_err_and(|error| {
        matches!(
            error.raw_os_error(),
            Some(libc::EOPNOTSUPP | libc::EINVAL | libc::EPERM | libc::EACCES)
        )
    })
}
