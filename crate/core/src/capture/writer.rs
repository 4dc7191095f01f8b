//! The thread of a capture: takes the blocks of all threads of the relay, and writes them in the order of their times.
//!
//! It sleeps when the buffers are nearly empty, until one is half full, so that a packet costs no system call.

use super::channel::Channel;
use super::output::{Full, Sink};
use super::pcapng::{self, Interface};
use super::tap::{Taps, now};
use crate::error::Error;
use crate::sys::output::{Events, wait};
use std::sync::Arc;
use std::time::Duration;

/// How long the thread sleeps, unless a buffer is half full. The relay does not wake it for a packet.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// The thread goes on without sleeping while it finds more than this part of a buffer. So under load the
/// buffers are mostly empty while it waits for a CPU.
const BUSY_PART: usize = 16;

/// Bytes for the statistics of both interfaces at the end of a file.
const RESERVE: usize = 512;

/// The parts of a capture that its thread uses.
pub(super) struct Writer {
    pub(super) channel: Arc<Channel>,
    pub(super) taps: Arc<Taps>,
    pub(super) sink: Sink,
    pub(super) interfaces: Vec<Interface>,
    /// The time of the begin, nanoseconds since 1970.
    pub(super) began: u64,
    /// Packets that may still be written.
    pub(super) packets_left: u64,
    /// How long it sleeps: [`PAUSE`].
    pub(super) pause: Duration,
}

impl Writer {
    /// Writes until the capture is closed, the relay ends, or the output takes nothing more. Returns the failure of the
    /// output.
    pub(super) fn run(mut self) -> Result<(), Arc<Error>> {
        let mut buffers = self.channel.buffers();
        let mut sorted = Vec::new();
        let mut end = self.begin_file();
        while end.is_ok() && !self.channel.is_closing() && !self.taps.is_ended() {
            let is_busy = self.take(&mut buffers);
            end = self.write(&mut buffers, &mut sorted);
            if end.is_ok() && !is_busy {
                end = self.pause();
            }
        }
        self.channel.close();
        self.taps.remove(&self.channel);
        self.take(&mut buffers);
        match end {
            Ok(()) => {
                end = self.write(&mut buffers, &mut sorted);
                if !matches!(end, Err(Full::Failed(_) | Full::ReaderGone)) {
                    end = self.finish_file();
                }
            }
            Err(Full::Limit) => {
                self.lose(&buffers);
                end = self.finish_file();
            }
            Err(_) => self.lose(&buffers),
        }
        match end {
            Ok(()) | Err(Full::ReaderGone | Full::Limit) => Ok(()),
            Err(Full::Failed(error)) => {
                let name = self.sink.name();
                Err(Arc::new(Error::os("write the capture to", name, "write", &error)))
            }
        }
    }

    /// Takes the blocks of all threads. Returns whether one of them filled more than a [`BUSY_PART`] of its buffer.
    fn take(&self, buffers: &mut [Vec<u8>]) -> bool {
        for (number, buffer) in buffers.iter_mut().enumerate() {
            buffer.clear();
            self.channel.take(number, buffer);
        }
        // A wake-up for a buffer that was taken must not end the next pause.
        self.channel.wake.clear();
        buffers.iter().any(|buffer| buffer.len() > self.channel.buffer_bytes() / BUSY_PART)
    }

    /// Writes the blocks that were taken, in the order of their times.
    fn write(&mut self, buffers: &mut [Vec<u8>], sorted: &mut Vec<u8>) -> Result<(), Full> {
        let filled = buffers.iter().filter(|buffer| !buffer.is_empty()).count();
        if filled > 1 {
            sorted.clear();
            merge(buffers, sorted);
            return self.write_blocks(sorted);
        }
        match buffers.iter().find(|buffer| !buffer.is_empty()) {
            Some(only) => self.write_blocks(only),
            None => Ok(()),
        }
    }

    fn write_blocks(&mut self, mut bytes: &[u8]) -> Result<(), Full> {
        while !bytes.is_empty() {
            let run = self.run_that_fits(bytes);
            let (now, later) = bytes.split_at_checked(run).unwrap_or((bytes, &[]));
            let written = self.sink.write(now, &self.channel);
            let whole = written.as_ref().map_or_else(|(whole, _)| *whole, |()| run);
            self.channel.bytes.add(whole as u64);
            let result = match written {
                Err((_, full)) => Err(full),
                Ok(()) if later.is_empty() => Ok(()),
                Ok(()) if self.packets_left == 0 => Err(Full::Limit),
                Ok(()) => self.next_file(),
            };
            if let Err(full) = result {
                self.channel.lose(pcapng::blocks(bytes.get(whole..).unwrap_or_default()));
                return Err(full);
            }
            bytes = later;
        }
        if self.packets_left == 0 { Err(Full::Limit) } else { Ok(()) }
    }

    /// Returns the bytes of the blocks that may be written to the file.
    fn run_that_fits(&mut self, bytes: &[u8]) -> usize {
        let is_limited = self.packets_left != u64::MAX;
        if !is_limited && !self.sink.is_full(bytes.len() + RESERVE) {
            return bytes.len();
        }
        let mut run = 0;
        for block in pcapng::blocks(bytes) {
            let next = run + block.bytes.len();
            if self.packets_left == 0 || self.sink.is_full(next + RESERVE) {
                break;
            }
            run = next;
            if is_limited {
                self.packets_left -= 1;
            }
        }
        run
    }

    fn begin_file(&mut self) -> Result<(), Full> {
        self.write_own(&pcapng::prologue(&self.interfaces))
    }

    /// Ends the file with the statistics of the interfaces.
    fn finish_file(&mut self) -> Result<(), Full> {
        let mut blocks = Vec::new();
        let times = [self.began, now()];
        for (interface, counts) in self.channel.statistics() {
            pcapng::statistics(&mut blocks, interface, times, &counts);
        }
        self.write_own(&blocks)
    }

    fn next_file(&mut self) -> Result<(), Full> {
        if !self.sink.has_next() {
            return Err(Full::Limit);
        }
        self.finish_file()?;
        self.sink.next()?;
        self.channel.files.add(1);
        self.begin_file()
    }

    fn write_own(&mut self, blocks: &[u8]) -> Result<(), Full> {
        let written = self.sink.write(blocks, &self.channel);
        let whole = written.as_ref().map_or_else(|(whole, _)| *whole, |()| blocks.len());
        self.channel.bytes.add(whole as u64);
        written.map_err(|(_, full)| full)
    }

    /// Counts the blocks that were taken as left out.
    fn lose(&self, buffers: &[Vec<u8>]) {
        for buffer in buffers {
            self.channel.lose(pcapng::blocks(buffer));
        }
    }

    /// Sleeps until a buffer is half full, the capture is closed, or the pause has passed.
    fn pause(&self) -> Result<(), Full> {
        // Its wake-up may have been cleared already.
        if self.channel.is_half_full() || self.channel.is_closing() {
            return Ok(());
        }
        if let Some(stream) = self.sink.stream() {
            return if stream.is_gone(&self.channel, self.pause) {
                Err(Full::ReaderGone)
            } else {
                Ok(())
            };
        }
        let events = Events { room: false, ending: false };
        wait(&self.channel.wake, None, events, self.pause).map(drop).map_err(Full::Failed)
    }
}

/// Appends the blocks of all buffers to `sorted`, in the order of their times. The order within a buffer is kept.
fn merge(buffers: &[Vec<u8>], sorted: &mut Vec<u8>) {
    let mut rests: Vec<&[u8]> = buffers.iter().map(Vec::as_slice).collect();
    while let Some((block, rest)) = rests
        .iter_mut()
        .filter_map(|rest| pcapng::first_block(rest).map(|block| (block, rest)))
        .min_by_key(|(block, _)| block.time())
    {
        sorted.extend_from_slice(block.bytes);
        *rest = rest.get(block.bytes.len()..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
