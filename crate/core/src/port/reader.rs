//! Fills a slab with packets and splits super-packets.

use super::burst::Bursts;
use super::segmenter::Segmenter;
use super::slab::{Filling, Space};
use crate::backoff::Backoff;
use crate::device::{MAX_READ, TunDevice};
use crate::errno::{Call, Reaction};
use crate::packet::layer::Layer;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// The longest vnet header that the driver supports, bytes.
const MAX_VNET_LEN: usize = 24;
/// The vnet header of an ordinary packet: only zero bytes, in the longest size that the driver supports.
const NO_HEADER: &[u8] = &[0; MAX_VNET_LEN];

/// The counters of reading since the device was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCounters {
    /// Packets returned to the caller. Each packet of a super-packet that was split counts.
    pub packets: u64,
    /// Bytes of these packets.
    pub bytes: u64,
    /// Super-packets read.
    pub super_packets: u64,
    /// Packets dropped because the vnet header that the kernel wrote does not match them.
    pub malformed: u64,
    /// Packets read several at a time. A super-packet counts as one.
    pub via_io_uring: u64,
    /// Failed reads. Each is tried again after a pause.
    pub errors: u64,
}

/// The form in which packets are returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Ordinary packets: super-packets are split.
    #[default]
    Cut,
    /// Packets as the kernel passes them, each with its vnet header if the device has one.
    Whole,
}

/// The result of one call of [`Reader::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// The number of packets read; 0 if there are none.
    Packets(usize),
    /// The rest of the slab may be too small for a packet.
    NeedsRoom,
    /// Reading failed and is to be tried again after this time, at least a millisecond.
    Pause(Duration),
}

/// Reads packets in batches.
#[derive(Debug)]
pub struct Reader {
    segmenter: Segmenter,
    /// Packets that were read several at a time.
    bursts: Bursts,
    /// Packets that were returned whole and given back by the caller, with their headers.
    returned: VecDeque<Vec<u8>>,
    counters: ReadCounters,
    /// Whether the device can be read.
    state: Backoff,
}

impl Reader {
    /// Creates a reader that returns packets unchanged, including the headers before them.
    #[must_use]
    pub fn whole() -> Self {
        Self::with(Segmenter::none())
    }

    /// Creates a reader that removes a vnet header of `vnet_len` bytes, completes checksums and splits super-packets.
    #[must_use]
    pub fn cutting(vnet_len: usize, layer: Layer) -> Self {
        Self::with(Segmenter::new(vnet_len, layer))
    }

    fn with(segmenter: Segmenter) -> Self {
        Self {
            segmenter,
            bursts: Bursts::new(false),
            returned: VecDeque::new(),
            counters: ReadCounters::default(),
            state: Backoff::READ,
        }
    }

    /// Enables reading several packets at a time with io_uring(7) while packets keep arriving, if that `is_wanted`
    /// and the kernel permits it.
    #[must_use]
    pub fn with_io_uring(self, is_wanted: bool) -> Self {
        Self { bursts: Bursts::new(is_wanted), ..self }
    }

    /// Returns the current counters.
    #[must_use]
    pub fn counters(&self) -> ReadCounters {
        let Segmenter { super_packets, malformed, .. } = self.segmenter;
        let via_io_uring = self.bursts.taken;
        ReadCounters { super_packets, malformed, via_io_uring, ..self.counters }
    }

    /// Returns the number of bytes of a slab that are enough for any packet.
    #[must_use]
    pub const fn largest_packet() -> usize {
        MAX_READ
    }

    /// Returns whether packets were taken from the device that were not returned yet. The device itself may then be
    /// empty.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.segmenter.has_waiting() || !self.returned.is_empty() || !self.bursts.is_empty()
    }

    /// Accepts a packet that was returned whole, to return it again, in another form if requested.
    pub fn give_back(&mut self, packet: &[u8]) {
        self.counters.packets = self.counters.packets.saturating_sub(1);
        self.counters.bytes = self.counters.bytes.saturating_sub(packet.len() as u64);
        self.returned.push_back(packet.to_owned());
    }

    /// Reads until the device is empty, the slab is full, or `max_packets` are stored.
    ///
    /// An error means that the device was deleted (`EBADFD`). It is returned by a call that read no packet before it.
    /// Any other failure is temporary, and is counted.
    pub fn read(&mut self, device: &TunDevice, room: Space<'_>, form: Form) -> io::Result<Filled> {
        let mut filling = Filling::new(room);
        let end = if self.segmenter.is_none() || form == Form::Whole {
            self.read_whole(device, &mut filling)
        } else {
            self.read_cutting(device, &mut filling)
        };
        let count = filling.count();
        self.counters.packets += count as u64;
        self.counters.bytes += filling.bytes() as u64;
        let errno = end.as_ref().err().map(|error| error.raw_os_error().unwrap_or(0));
        let has_failed =
            errno.is_some_and(|errno| Reaction::to(Call::DeviceRead, errno) != Reaction::End);
        if has_failed {
            self.counters.errors += 1;
            self.state.refuse(Instant::now());
        } else if !self.state.is_on() {
            self.state.accept(Instant::now());
        }
        match end {
            _ if count > 0 => Ok(Filled::Packets(count)),
            Ok(End::Space) => Ok(Filled::NeedsRoom),
            Ok(End::Device) => Ok(Filled::Packets(0)),
            Err(_) if has_failed => Ok(Filled::Pause(self.pause())),
            Err(error) => Err(error),
        }
    }

    fn pause(&self) -> Duration {
        let least = Duration::from_millis(1);
        self.state.pause_left(Instant::now()).unwrap_or_default().max(least)
    }

    fn read_cutting(&mut self, device: &TunDevice, filling: &mut Filling<'_>) -> io::Result<End> {
        let Self { segmenter, bursts, returned, .. } = self;
        loop {
            if !segmenter.deliver(filling, &[]) {
                return Ok(End::Space);
            }
            if let Some(packet) = returned.pop_front() {
                segmenter.take_copy(&packet);
                continue;
            }
            if let Some(read) = bursts.first() {
                if !segmenter.take(read, filling) {
                    return Ok(End::Space);
                }
                bursts.pop();
                continue;
            }
            let expects_super_packet = segmenter.expects_super_packet();
            if !expects_super_packet && bursts.read(device, filling.wanted()) {
                continue;
            }
            let read = if expects_super_packet {
                device.read(segmenter.scratch()).map(|len| segmenter.enqueue(len))
            } else {
                let vnet_len = segmenter.vnet_len();
                let Some(place) = filling.place_behind(vnet_len) else { return Ok(End::Space) };
                read_behind(device, place, vnet_len)
                    .map(|(len, header)| segmenter.enqueue_in_place(len, &header, filling))
            };
            bursts.note(&read);
            if found_nothing(read)? {
                return Ok(End::Device);
            }
        }
    }

    fn read_whole(&mut self, device: &TunDevice, filling: &mut Filling<'_>) -> io::Result<End> {
        let Self { segmenter, bursts, returned, .. } = self;
        let ordinary = NO_HEADER.get(..segmenter.vnet_len()).unwrap_or_default();
        if !segmenter.deliver(filling, ordinary) {
            return Ok(End::Space);
        }
        while let Some(packet) = returned.front() {
            if !filling.push(&[packet]) {
                return Ok(End::Space);
            }
            returned.pop_front();
        }
        while !filling.is_full() {
            if let Some(packet) = bursts.first() {
                if !filling.push(&[packet]) {
                    return Ok(End::Space);
                }
                bursts.pop();
                continue;
            }
            if bursts.read(device, filling.wanted()) {
                continue;
            }
            let Some(space) = filling.space() else { return Ok(End::Space) };
            let read = device.read(space).map(|len| filling.advance(len));
            bursts.note(&read);
            if found_nothing(read)? {
                return Ok(End::Device);
            }
        }
        Ok(End::Space)
    }
}

/// The reason why a batch ended.
enum End {
    Space,
    Device,
}

/// Returns whether a read found the device empty. After an interrupted read this is not known.
fn found_nothing(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(false),
        Err(error) => match Reaction::to(Call::DeviceRead, error.raw_os_error().unwrap_or(0)) {
            Reaction::Repeat => Ok(false),
            Reaction::Await => Ok(true),
            _ => Err(error),
        },
    }
}

/// Reads a packet with its vnet header in front of it. The header overwrites the last bytes before the packet; these
/// bytes are restored afterwards. So one plain read(2) is enough, and the packets lie end to end.
///
/// Returns the length of both together, and the header.
fn read_behind(
    device: &TunDevice,
    place: &mut [u8],
    vnet_len: usize,
) -> io::Result<(usize, [u8; MAX_VNET_LEN])> {
    let mut kept = [0; MAX_VNET_LEN];
    let kept_bytes = kept.get_mut(..vnet_len).unwrap_or_default();
    kept_bytes.copy_from_slice(place.get(..vnet_len).unwrap_or_default());
    let read = device.read(place);
    let header = place.get_mut(..vnet_len).unwrap_or_default();
    kept_bytes.swap_with_slice(header);
    read.map(|len| (len, kept))
}
