//! All queues of a device that one program holds, read and written as one.

use super::coalescing_writer::WriteProgress;
use super::reader::{Filled, Form, ReadCounters, Reader};
use super::slab::Space;
use super::writer::{PacketWriter, Refusal, WriteCounters};
use crate::device::{TunDevice, write_error};
use crate::error::{Error, ErrorCode, Result};
use crate::packet::flow;
use crate::packet::layer::Layer;
use crate::packet::vnet::VnetHeader;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The errno of writing while every queue is detached. The driver does not return `ENOTCONN`.
const NO_QUEUE: i32 = libc::ENOTCONN;

/// How long [`Queues::close`] waits for calls on other threads, and the interval of its checks.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
const CLOSE_INTERVAL: Duration = Duration::from_millis(1);

/// The queues of a device. Reading visits them in turn. Writing uses the queue of the packet's flow, so its packets
/// keep their order and the driver sends the replies of the flow to the same queue.
#[derive(Debug)]
pub struct Queues {
    queues: Vec<Queue>,
    reader: Reader,
    /// The queue that is read first. It changes with each call, so that every queue is read.
    turn: usize,
    layer: Layer,
}

#[derive(Debug)]
struct Queue {
    device: Arc<TunDevice>,
    writer: PacketWriter,
    is_attached: bool,
}

impl Queues {
    /// Creates the set of `devices`, which are queues of one device. Each gets its own writer.
    #[must_use]
    pub fn new(devices: Vec<TunDevice>, reader: Reader, writer: impl Fn() -> PacketWriter) -> Self {
        let layer = devices.first().map_or(Layer::Ip, TunDevice::layer);
        let queue =
            |device| Queue { device: Arc::new(device), writer: writer(), is_attached: true };
        Self { queues: devices.into_iter().map(queue).collect(), reader, turn: 0, layer }
    }

    /// Closes the queues. When the last queue of a device that is not persistent is closed, the kernel deletes the
    /// interface. This takes about 20 ms. The interface is deleted when this call returns, unless another process
    /// holds the device.
    ///
    /// Waits at most a second for calls that use a queue on other threads.
    pub fn close(self) {
        for Queue { device, .. } in self.queues {
            close_device(device);
        }
    }

    /// Returns the number of queues.
    #[must_use]
    pub fn count(&self) -> usize {
        self.queues.len()
    }

    /// Returns the queue with this number.
    #[must_use]
    pub fn device(&self, number: usize) -> Option<&Arc<TunDevice>> {
        self.queues.get(number).map(|queue| &queue.device)
    }

    /// Returns an attached queue. On a detached queue the driver fails every request, as if the interface were
    /// deleted.
    pub fn attached(&self) -> Result<&Arc<TunDevice>> {
        let attached = self.queues.iter().find(|queue| queue.is_attached);
        attached.map(|queue| &queue.device).ok_or_else(|| {
            let name = self.queues.first().map_or("the device", |queue| queue.device.name());
            detached("ask", name)
        })
    }

    /// Returns whether a queue is attached to the device.
    #[must_use]
    pub fn is_attached(&self, number: usize) -> bool {
        self.queues.get(number).is_some_and(|queue| queue.is_attached)
    }

    /// Records that [`TunDevice::set_attached`] was called for a queue.
    pub fn note_attached(&mut self, number: usize, is_attached: bool) {
        if let Some(queue) = self.queues.get_mut(number) {
            queue.is_attached = is_attached;
        }
    }

    /// Returns whether packets were taken from the device that were not returned yet.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.reader.has_waiting()
    }

    /// Accepts a packet that was returned whole, to return it again, in another form if requested.
    pub fn give_back(&mut self, packet: &[u8]) {
        self.reader.give_back(packet);
    }

    /// Reads from all attached queues, as [`Reader::read`] does.
    pub fn read(&mut self, room: Space<'_>, form: Form) -> io::Result<Filled> {
        if let [Queue { device, is_attached: true, .. }] = self.queues.as_slice() {
            return self.reader.read(device, room, form);
        }
        let Space { slab, offsets, mut start, max_packets } = room;
        let first = self.turn;
        self.turn = (self.turn + 1) % self.queues.len().max(1);
        let (before, from) = self.queues.split_at_checked(first).unwrap_or_default();
        let mut count = 0;
        for queue in from.iter().chain(before).filter(|queue| queue.is_attached) {
            let left = max_packets.saturating_sub(count);
            let Some(offsets) = offsets.get_mut(count..).filter(|_| left > 0) else { break };
            let room = Space { slab: &mut *slab, offsets: &mut *offsets, start, max_packets: left };
            match self.reader.read(&queue.device, room, form) {
                Ok(Filled::Packets(more)) => {
                    start = offsets.get(more).map_or(start, |end| *end as usize);
                    count += more;
                }
                result if count == 0 => return result,
                // The next call reports it.
                Ok(Filled::NeedsRoom | Filled::Pause(_)) | Err(_) => break,
            }
        }
        Ok(Filled::Packets(count))
    }

    /// Writes a packet, as [`PacketWriter::write`] does.
    pub fn write(&mut self, packet: &[u8]) -> io::Result<()> {
        let Queue { device, writer, .. } = self.queue_of(packet).ok_or_else(no_queue)?;
        writer.write(device, packet)
    }

    /// Writes a packet with its header, as [`PacketWriter::write_whole`] does.
    pub fn write_whole(&mut self, header: VnetHeader, packet: &[u8]) -> io::Result<()> {
        let Queue { device, writer, .. } = self.queue_of(packet).ok_or_else(no_queue)?;
        writer.write_whole(device, header, packet)
    }

    /// Writes a batch, as [`PacketWriter::write_batch`] does.
    pub fn write_batch<'p>(&mut self, packets: impl Iterator<Item = &'p [u8]>) -> WriteProgress {
        if let [Queue { device, writer, is_attached: true }] = self.queues.as_mut_slice() {
            return writer.write_batch(device, packets);
        }
        for (index, packet) in packets.enumerate() {
            match self.queue_of(packet) {
                Some(Queue { device, writer, .. }) => writer.put(device, index, packet),
                None => {
                    if let Some(queue) = self.queues.first_mut() {
                        queue.writer.refuse(index, NO_QUEUE);
                    }
                }
            }
        }
        self.each(|writer, device| writer.finish(device))
    }

    /// Writes the packets that wait, as [`PacketWriter::flush`] does.
    pub fn flush(&mut self) -> WriteProgress {
        self.each(PacketWriter::flush)
    }

    /// Drops the packets that wait, as [`PacketWriter::discard`] does.
    pub fn discard(&mut self) {
        self.queues.iter_mut().for_each(|queue| queue.writer.discard());
    }

    /// Returns the queue that packets wait for to be written, if there is one.
    #[must_use]
    pub fn blocked(&self) -> Option<usize> {
        self.queues.iter().position(|queue| queue.writer.is_blocked())
    }

    /// Returns the queue that the next write of this packet goes to.
    #[must_use]
    pub fn number_of(&self, packet: &[u8]) -> Option<usize> {
        let attached = || self.queues.iter().enumerate().filter(|(_, queue)| queue.is_attached);
        let count = attached().count();
        let chosen = if count > 1 { usize::from(self.flow_of(packet)) % count } else { 0 };
        attached().nth(chosen).map(|(number, _)| number)
    }

    /// Returns the packets that were refused since the last call, sorted by their number in the batch.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        let refusals = self.queues.iter_mut().flat_map(|queue| queue.writer.take_refusals());
        let mut refusals: Vec<Refusal> = refusals.collect();
        refusals.sort_unstable_by_key(|refusal| refusal.index);
        refusals
    }

    /// Returns whether a packet was refused that [`Queues::take_refusals`] has not returned yet.
    #[must_use]
    pub fn has_refusals(&self) -> bool {
        self.queues.iter().any(|queue| queue.writer.has_refusals())
    }

    /// Returns the counters of all queues.
    #[must_use]
    pub fn counters(&self) -> (ReadCounters, WriteCounters) {
        let written = self.queues.iter().map(|queue| queue.writer.counters());
        (self.reader.counters(), written.fold(WriteCounters::default(), WriteCounters::plus))
    }

    fn queue_of(&mut self, packet: &[u8]) -> Option<&mut Queue> {
        let number = if self.queues.len() == 1 { 0 } else { self.number_of(packet)? };
        self.queues.get_mut(number).filter(|queue| queue.is_attached)
    }

    fn flow_of(&self, packet: &[u8]) -> u16 {
        flow::hash(packet.get(self.layer.network_offset(packet)..).unwrap_or_default())
    }

    fn each(
        &mut self,
        work: impl Fn(&mut PacketWriter, &TunDevice) -> WriteProgress,
    ) -> WriteProgress {
        let progress = self.queues.iter_mut().map(|queue| work(&mut queue.writer, &queue.device));
        progress.fold(
            WriteProgress::Done,
            |all, one| if all == WriteProgress::Done { one } else { all },
        )
    }
}

/// Closes one descriptor on this thread, so that the kernel has finished with it on return. Waits for calls of other
/// threads that use the descriptor. After the timeout, the last of these calls closes it.
fn close_device(mut device: Arc<TunDevice>) {
    let start = Instant::now();
    loop {
        match Arc::try_unwrap(device) {
            Ok(last) => return drop(last),
            Err(_) if start.elapsed() > CLOSE_TIMEOUT => return,
            Err(shared) => device = shared,
        }
        thread::sleep(CLOSE_INTERVAL);
    }
}

fn no_queue() -> io::Error {
    io::Error::from_raw_os_error(NO_QUEUE)
}

/// Returns the error of a packet that was not written. `index` is the packet's number in its batch, if it is part of
/// one.
#[must_use]
pub fn refusal_error(name: &str, index: Option<usize>, errno: i32) -> Error {
    if errno == NO_QUEUE {
        return detached("write a packet to", name);
    }
    write_error(name, index, &io::Error::from_raw_os_error(errno))
}

fn detached(operation: &'static str, name: &str) -> Error {
    let reason = "all its queues are detached";
    Error::new(ErrorCode::Detached, operation, name, reason).with_advice("attach one first")
}
