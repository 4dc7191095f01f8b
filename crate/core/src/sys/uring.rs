//! Several reads of a descriptor with one io_uring_enter(2), into a registered buffer
//! (`IORING_REGISTER_BUFFERS`).

use io_uring::types::Fd;
use io_uring::{IoUring, opcode};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// A ring, and a buffer for the packets that it reads.
pub struct ReadRing {
    ring: IoUring,
    memory: Vec<u8>,
    slot_bytes: usize,
    /// Result of each read of the last call: bytes, or a negative errno.
    results: Vec<i32>,
    /// A call failed. Reads may be left in the queue, which the next call would submit.
    has_failed: bool,
}

impl fmt::Debug for ReadRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadRing").field("results", &self.results).finish_non_exhaustive()
    }
}

impl ReadRing {
    /// Creates a ring for up to `slots` reads at a time, of up to `slot_bytes` each.
    ///
    /// `ENOSYS`, `EPERM` or `EACCES` if the kernel or a filter of system calls refuses it. `ENOMEM` beyond
    /// `RLIMIT_MEMLOCK`: the buffer is locked into memory.
    pub fn new(slots: u16, slot_bytes: usize) -> io::Result<Self> {
        let ring = IoUring::builder().dontfork().build(u32::from(slots))?;
        let mut memory = vec![0; usize::from(slots) * slot_bytes];
        let place = libc::iovec { iov_base: memory.as_mut_ptr().cast(), iov_len: memory.len() };
        // SAFETY: the memory is not moved, and not freed before the ring is closed: fields are dropped in
        // order.
        unsafe { ring.submitter().register_buffers(&[place]) }?;
        let results = vec![0; usize::from(slots)];
        Ok(Self { ring, memory, slot_bytes, results, has_failed: false })
    }

    /// Returns the maximum number of reads at a time.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.results.len()
    }

    /// Returns the packet of read number `slot` of the last call; `WouldBlock` if there was none.
    pub fn packet(&self, slot: usize) -> io::Result<&[u8]> {
        let result = self.results.get(slot).copied().unwrap_or(-libc::EAGAIN);
        let len = usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))?;
        let start = slot * self.slot_bytes;
        Ok(self.memory.get(start..start + len).unwrap_or_default())
    }

    /// Reads `count` times, in order and without waiting. [`ReadRing::packet`] returns the results.
    ///
    /// After an error the ring is not used any more and returns `ECANCELED`; packets of the failed call are
    /// available. If the file cannot be read without waiting (TUN before Linux 5.18), the result of each read is
    /// `EOPNOTSUPP`.
    pub fn read(&mut self, fd: BorrowedFd<'_>, count: usize) -> io::Result<()> {
        self.results.fill(-libc::EAGAIN);
        if self.has_failed {
            return Err(io::Error::from_raw_os_error(libc::ECANCELED));
        }
        let count = count.min(self.slots());
        let places = self.memory.chunks_exact_mut(self.slot_bytes);
        for (slot, place) in places.take(count).enumerate() {
            let (pointer, len) = (place.as_mut_ptr(), place.len() as u32);
            let read = opcode::ReadFixed::new(Fd(fd.as_raw_fd()), pointer, len, 0)
                .rw_flags(libc::RWF_NOWAIT)
                .build()
                .user_data(slot as u64);
            // SAFETY: the place is part of the registered memory. This call waits for the end of the read, or
            // the read is never made.
            unsafe { self.ring.submission().push(&read) }
                .map_err(|_| io::Error::from_raw_os_error(libc::EBUSY))?;
        }
        let submitted = loop {
            match self.ring.submit_and_wait(count) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) if self.ring.completion().len() < count => {}
                result => break result.map(drop),
            }
        };
        for done in self.ring.completion() {
            if let Some(result) = self.results.get_mut(done.user_data() as usize) {
                *result = done.result();
            }
        }
        self.has_failed = submitted.is_err();
        submitted
    }
}

#[cfg(test)]
#[allow(clippy::print_stdout, reason = "a skipped test says why")]
mod tests {
    use super::*;
    use std::os::fd::{AsFd, FromRawFd, OwnedFd};

    fn ring(name: &str) -> Option<ReadRing> {
        match ReadRing::new(8, 4096) {
            Ok(ring) => Some(ring),
            Err(error) => {
                println!("SKIP {name}: io_uring_setup: {error}");
                None
            }
        }
    }

    #[test]
    fn each_read_returns_one_packet_until_none_is_left() {
        let Some(mut ring) = ring("each_read_returns_one_packet_until_none_is_left") else {
            return;
        };
        let mut ends = [0; 2];
        // SAFETY: pipe2(2) writes two descriptors, which `ends` has room for.
        assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_DIRECT | libc::O_CLOEXEC) }, 0);
        // SAFETY: the call has just returned these descriptors, so nothing else owns them.
        let [from, to] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        for packet in [&b"one"[..], b"two, which is longer", b"three"] {
            super::super::io::write(to.as_fd(), packet).unwrap();
        }
        ring.read(from.as_fd(), 2).unwrap();
        assert_eq!(ring.packet(0).unwrap(), b"one");
        assert_eq!(ring.packet(1).unwrap(), b"two, which is longer");
        assert_eq!(ring.packet(2).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        ring.read(from.as_fd(), 100).unwrap();
        assert_eq!(ring.packet(0).unwrap(), b"three");
        for slot in 1..9 {
            assert_eq!(ring.packet(slot).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn a_file_that_may_make_its_reader_wait_is_not_read() {
        let Some(mut ring) = ring("a_file_that_may_make_its_reader_wait_is_not_read") else {
            return;
        };
        // SAFETY: inotify_init1(2) takes no memory.
        let fd = unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) };
        assert!(fd >= 0);
        // SAFETY: the call has just returned this descriptor, so nothing else owns it.
        let file = unsafe { OwnedFd::from_raw_fd(fd) };
        ring.read(file.as_fd(), 3).unwrap();
        for slot in 0..3 {
            let error = ring.packet(slot).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP));
        }
    }
}
