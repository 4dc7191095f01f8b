//! Several packets by one system call: where a device keeps packets coming, reads of it leave
//! together. One after another by read(2), a small packet costs a quarter more.

use crate::backoff::Backoff;
use crate::device::{MAX_READ, TunDevice};
use crate::sys::uring::ReadRing;
use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

/// Reads that leave together, at most.
const SLOTS: u16 = 32;
/// Bytes between two of them: whatever one read gives, and each begins in another line of the cache.
const SLOT_BYTES: usize = MAX_READ.next_multiple_of(64);
/// Packets that must have come in a row before reads leave together: a quiet device gets no more than
/// it has packets.
const WARM: usize = 16;
/// The fewest reads that are worth it.
const FEWEST: usize = 4;

/// Packets that were read several at a time, and wait to be handed out.
#[derive(Debug)]
pub(super) struct Bursts {
    ring: Ring,
    /// Whether the kernel lets it be used.
    state: Backoff,
    /// Packets that came in a row, the device never empty.
    in_a_row: usize,
    /// The slot that waits first, if it lies before the end.
    next: usize,
    end: usize,
    /// Packets that were handed out.
    pub(super) taken: u64,
}

/// Made once it is needed.
#[derive(Debug)]
enum Ring {
    Untried,
    Ready(Box<ReadRing>),
    /// Not wanted.
    None,
}

impl Bursts {
    /// None yet; and never any unless it `is_wanted`.
    pub(super) fn new(is_wanted: bool) -> Self {
        let ring = if is_wanted { Ring::Untried } else { Ring::None };
        Self { ring, state: Backoff::OFFLOAD, in_a_row: 0, next: 0, end: 0, taken: 0 }
    }

    /// Whether a packet waits.
    pub(super) fn is_empty(&self) -> bool {
        self.next >= self.end
    }

    /// The packet that waits first.
    pub(super) fn first(&self) -> Option<&[u8]> {
        match &self.ring {
            Ring::Ready(ring) if !self.is_empty() => ring.packet(self.next).ok(),
            _ => None,
        }
    }

    /// Takes the packet that waits first away.
    pub(super) fn pop(&mut self) {
        self.taken += 1;
        self.go_on(self.next + 1);
    }

    /// The first slot from `from` on with a packet waits next: one may have come behind a read in vain.
    fn go_on(&mut self, from: usize) {
        let Ring::Ready(ring) = &self.ring else { return };
        let mut slots = from..self.end;
        self.next = slots.find(|slot| ring.packet(*slot).is_ok()).unwrap_or(self.end);
    }

    /// Notes what a single read gave.
    pub(super) fn note<T>(&mut self, read: &io::Result<T>) {
        self.in_a_row = if read.is_ok() { self.in_a_row.saturating_add(1) } else { 0 };
    }

    /// Makes the ring, unless the kernel refused it a short time ago.
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

    /// Reads several packets, of `wanted` at most, if that is worth it now; answers whether some came.
    ///
    /// Nothing may wait. What a single read would say of an error, a single read is to be asked.
    pub(super) fn read(&mut self, device: &TunDevice, wanted: usize) -> bool {
        if self.in_a_row < WARM || wanted < FEWEST {
            return false;
        }
        if matches!(self.ring, Ring::Untried) {
            self.make_ring();
        }
        let Ring::Ready(ring) = &mut self.ring else { return false };
        // Half of what came in a row: of a device that is empty then, few reads are in vain.
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

/// Whether a device can be read so. A packet that waits there is lost.
pub(super) fn is_there(device: &TunDevice) -> bool {
    ReadRing::new(1, SLOT_BYTES)
        .is_ok_and(|mut ring| ring.read(device.as_fd(), 1).is_ok() && !is_refusal(&ring))
}

/// Whether the kernel does not read this file so, rather than having nothing.
fn is_refusal(ring: &ReadRing) -> bool {
    ring.packet(0).is_err_and(|error| {
        matches!(
            error.raw_os_error(),
            Some(libc::EOPNOTSUPP | libc::EINVAL | libc::EPERM | libc::EACCES)
        )
    })
}
