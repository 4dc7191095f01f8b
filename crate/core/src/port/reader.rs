//! Filling a slab with packets, super-packets cut on the way.

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

/// The longest vnet header that the driver gives, bytes.
const MAX_VNET_LEN: usize = 24;
/// The header of an ordinary packet: all zeroes, as long as the driver takes.
const NO_HEADER: &[u8] = &[0; MAX_VNET_LEN];

/// What was read since the device was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCounters {
    /// Packets handed out, those that super-packets were cut into counted singly.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Super-packets among what was read.
    pub super_packets: u64,
    /// Dropped since the kernel's own header before it did not fit it.
    pub malformed: u64,
    /// Read several at a time, super-packets counted as one.
    pub via_io_uring: u64,
    /// Reads that failed; each is tried again after a pause.
    pub errors: u64,
}

/// In which form packets are handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Ordinary packets: super-packets are cut.
    #[default]
    Cut,
    /// As the kernel gave them, the vnet header before each, where the device has one.
    Whole,
}

/// What came of one call of [`Reader::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// So many packets; 0 if none is there.
    Packets(usize),
    /// Not one packet might fit into what is left of the slab.
    NeedsRoom,
    /// Reading failed: it is to be tried again after this time, a millisecond or more.
    Pause(Duration),
}

/// Reads packets in batches.
#[derive(Debug)]
pub struct Reader {
    segmenter: Segmenter,
    /// Packets that were read several at a time.
    bursts: Bursts,
    /// Packets that were handed out whole and given back, with their headers.
    returned: VecDeque<Vec<u8>>,
    counters: ReadCounters,
    /// Whether the device can be read.
    state: Backoff,
}

impl Reader {
    /// A reader that hands out what the kernel gives, headers before the packet and all.
    #[must_use]
    pub fn whole() -> Self {
        Self::with(Segmenter::none())
    }

    /// A reader that takes off a vnet header of `vnet_len` bytes, completes checksums, and cuts
    /// super-packets.
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

    /// The same reader, which reads packets that keep coming several at a time, by io_uring(7), if that
    /// `is_wanted` and the kernel lets it.
    #[must_use]
    pub fn with_io_uring(self, is_wanted: bool) -> Self {
        Self { bursts: Bursts::new(is_wanted), ..self }
    }

    /// The counters so far.
    #[must_use]
    pub fn counters(&self) -> ReadCounters {
        let Segmenter { super_packets, malformed, .. } = self.segmenter;
        let via_io_uring = self.bursts.taken;
        ReadCounters { super_packets, malformed, via_io_uring, ..self.counters }
    }

    /// Bytes of a slab that any one packet fits into.
    #[must_use]
    pub const fn largest_packet() -> usize {
        MAX_READ
    }

    /// Whether packets were taken from the device that were not handed out yet: the device itself
    /// may have nothing to read any more.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.segmenter.has_waiting() || !self.returned.is_empty() || !self.bursts.is_empty()
    }

    /// Takes back a packet that was handed out whole, to hand it out again, maybe cut.
    pub fn give_back(&mut self, packet: &[u8]) {
        self.counters.packets = self.counters.packets.saturating_sub(1);
        self.counters.bytes = self.counters.bytes.saturating_sub(packet.len() as u64);
        self.returned.push_back(packet.to_owned());
    }

    /// Reads until nothing is left, the room is full, or `max_packets` are there.
    ///
    /// An error means that the device was deleted (`EBADFD`), and is returned once no packet came before
    /// it. Any other failure is counted, and passes.
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
                device.read(segmenter.scratch()).map(|len| segmenter.take_in(len))
            } else {
                let vnet_len = segmenter.vnet_len();
                let Some(place) = filling.place_behind(vnet_len) else { return Ok(End::Space) };
                read_behind(device, place, vnet_len)
                    .map(|(len, header)| segmenter.take_in_place(len, &header, filling))
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

/// Why a batch ended.
enum End {
    Space,
    Device,
}

/// Whether a read tells that the device is empty; one that was interrupted tells nothing.
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

/// Reads a packet whose vnet header takes the place of the last bytes before it, which are put back
/// once the header is known: one plain read(2), and the packets lie end to end all the same.
///
/// Gives the length of both together, and the header.
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
