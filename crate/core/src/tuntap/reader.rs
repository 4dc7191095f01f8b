//! Filling a slab with packets, super-packets cut on the way.

use super::burst::Bursts;
use super::slab::{Filling, Room};
use crate::device::{MAX_READ, TunDevice};
use crate::packet::ethernet;
use crate::packet::split::{self, Prepared, SplitPlan};
use crate::packet::vnet::VnetHeader;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;

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
}

/// Reads packets in batches.
#[derive(Debug)]
pub struct Reader {
    /// A packet that is cut, behind its vnet header; empty if headers are passed on.
    scratch: Vec<u8>,
    vnet_len: usize,
    is_tap: bool,
    /// Headers of the packets that the super-packet in `scratch` is cut into.
    headers: Vec<u8>,
    waiting: Waiting,
    /// Packets that were read several at a time.
    bursts: Bursts,
    /// The last packet was a super-packet, and the next may well be one.
    expects_super_packet: bool,
    /// Packets that were handed out whole and given back, with their headers.
    returned: VecDeque<Vec<u8>>,
    counters: ReadCounters,
}

/// What is in the scratch and was not handed out yet.
#[derive(Debug)]
enum Waiting {
    Nothing,
    Whole(Range<usize>),
    Segments { plan: SplitPlan, base: Range<usize>, next: usize },
}

impl Reader {
    /// A reader that hands out what the kernel gives, headers before the packet and all.
    #[must_use]
    pub fn whole() -> Self {
        Self {
            scratch: Vec::new(),
            vnet_len: 0,
            is_tap: false,
            headers: Vec::new(),
            waiting: Waiting::Nothing,
            bursts: Bursts::new(false),
            expects_super_packet: false,
            returned: VecDeque::new(),
            counters: ReadCounters::default(),
        }
    }

    /// A reader that takes off a vnet header of `vnet_len` bytes, completes checksums, and cuts
    /// super-packets.
    #[must_use]
    pub fn cutting(vnet_len: usize, is_tap: bool) -> Self {
        Self { scratch: vec![0; MAX_READ], vnet_len, is_tap, ..Self::whole() }
    }

    /// The same, which reads several packets at a time, by io_uring(7), where many wait and the kernel
    /// lets it; what waits there in vain is one packet of memory for each.
    #[must_use]
    pub fn with_io_uring(self, is_wanted: bool) -> Self {
        Self { bursts: Bursts::new(is_wanted), ..self }
    }

    /// The counters so far.
    #[must_use]
    pub fn counters(&self) -> ReadCounters {
        self.counters
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
        !matches!(self.waiting, Waiting::Nothing)
            || !self.returned.is_empty()
            || !self.bursts.is_empty()
    }

    /// Takes back a packet that was handed out whole, to hand it out again, maybe cut.
    pub fn give_back(&mut self, packet: &[u8]) {
        self.counters.packets = self.counters.packets.saturating_sub(1);
        self.counters.bytes = self.counters.bytes.saturating_sub(packet.len() as u64);
        self.returned.push_back(packet.to_owned());
    }

    /// Reads until nothing is left, the room is full, or `max_packets` are there.
    ///
    /// An error is told once no packet came before it: `EBADFD` once the device was deleted.
    pub fn read(&mut self, device: &TunDevice, room: Room<'_>, form: Form) -> io::Result<Filled> {
        let mut filling = Filling::new(room);
        let end = if self.scratch.is_empty() || form == Form::Whole {
            self.read_whole(device, &mut filling)
        } else {
            self.read_cutting(device, &mut filling)
        };
        let count = filling.count();
        self.counters.packets += count as u64;
        self.counters.bytes += filling.bytes() as u64;
        match end {
            _ if count > 0 => Ok(Filled::Packets(count)),
            Ok(End::Room) => Ok(Filled::NeedsRoom),
            Ok(End::Device) => Ok(Filled::Packets(0)),
            Err(error) => Err(error),
        }
    }

    fn read_cutting(&mut self, device: &TunDevice, filling: &mut Filling<'_>) -> io::Result<End> {
        loop {
            if !self.deliver(filling, &[]) {
                return Ok(End::Room);
            }
            if let Some(packet) = self.returned.pop_front() {
                if let Some(space) = self.scratch.get_mut(..packet.len()) {
                    space.copy_from_slice(&packet);
                }
                self.take_in(packet.len());
                continue;
            }
            if !self.bursts.is_empty() {
                if !self.take_in_burst(filling) {
                    return Ok(End::Room);
                }
                continue;
            }
            if !self.expects_super_packet && self.bursts.read(device, filling.wanted()) {
                continue;
            }
            let read = if self.expects_super_packet {
                device.read(&mut self.scratch).map(|len| self.take_in(len))
            } else {
                let Some(place) = filling.place_behind(self.vnet_len) else {
                    return Ok(End::Room);
                };
                read_behind(device, place, self.vnet_len)
                    .map(|(len, header)| self.take_in_place(len, &header, filling))
            };
            self.bursts.note(&read);
            match read {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(End::Device),
                Err(error) => return Err(error),
            }
        }
    }

    fn read_whole(&mut self, device: &TunDevice, filling: &mut Filling<'_>) -> io::Result<End> {
        let ordinary = NO_HEADER.get(..self.vnet_len).unwrap_or_default();
        if !self.deliver(filling, ordinary) {
            return Ok(End::Room);
        }
        while let Some(packet) = self.returned.front() {
            if !filling.push(&[packet]) {
                return Ok(End::Room);
            }
            self.returned.pop_front();
        }
        while !filling.is_full() {
            if let Some(packet) = self.bursts.first() {
                if !filling.push(&[packet]) {
                    return Ok(End::Room);
                }
                self.bursts.pop();
                self.counters.via_io_uring += 1;
                continue;
            }
            if self.bursts.read(device, filling.wanted()) {
                continue;
            }
            let Some(space) = filling.space() else { return Ok(End::Room) };
            let read = device.read(space);
            self.bursts.note(&read);
            match read {
                Ok(len) => filling.advance(len),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(End::Device),
                Err(error) => return Err(error),
            }
        }
        Ok(End::Room)
    }

    /// Hands out the first packet that was read with others, or takes it in where it is to be cut;
    /// answers whether there was room for it.
    fn take_in_burst(&mut self, filling: &mut Filling<'_>) -> bool {
        let Some(read) = self.bursts.first() else { return true };
        let vnet = read.first_chunk().map(VnetHeader::parse);
        match (vnet, read.get(self.vnet_len..)) {
            (Some(vnet), Some(_)) if vnet.is_super_packet() => {
                let len = read.len();
                if let Some(space) = self.scratch.get_mut(..len) {
                    space.copy_from_slice(read);
                }
                self.plan(vnet, len);
            }
            (Some(vnet), Some(packet)) => {
                let Some(space) = filling.rest().get_mut(..packet.len()) else { return false };
                space.copy_from_slice(packet);
                self.expects_super_packet = false;
                match split::prepare(&vnet, space, &mut self.headers) {
                    Ok(_) => filling.advance(packet.len()),
                    Err(_) => self.counters.malformed += 1,
                }
            }
            _ => self.counters.malformed += 1,
        }
        self.bursts.pop();
        self.counters.via_io_uring += 1;
        true
    }

    /// Hands out the packet where it lies in the slab; one that is to be cut is taken out of it.
    fn take_in_place(&mut self, len: usize, header: &[u8], filling: &mut Filling<'_>) {
        let vnet = header.first_chunk().map(VnetHeader::parse);
        let (Some(packet_len), Some(vnet)) = (len.checked_sub(self.vnet_len), vnet) else {
            self.counters.malformed += 1;
            return;
        };
        let packet = filling.rest().get_mut(..packet_len).unwrap_or_default();
        if vnet.is_super_packet() {
            if let Some(read) = self.scratch.get_mut(self.vnet_len..len) {
                read.copy_from_slice(packet);
            }
            self.plan(vnet, len);
            return;
        }
        match split::prepare(&vnet, packet, &mut self.headers) {
            Ok(_) => filling.advance(packet_len),
            Err(_) => self.counters.malformed += 1,
        }
    }

    /// Plans what becomes of the `len` bytes that were read into the scratch.
    fn take_in(&mut self, len: usize) {
        match self.scratch.first_chunk().map(VnetHeader::parse) {
            Some(vnet) if len >= self.vnet_len => self.plan(vnet, len),
            _ => self.counters.malformed += 1,
        }
    }

    /// Plans what becomes of the packet in the scratch, which ends at `len`.
    fn plan(&mut self, mut vnet: VnetHeader, len: usize) {
        self.headers.clear();
        self.expects_super_packet = vnet.is_super_packet();
        let packet = self.vnet_len..len;
        let Some(bytes) = self.scratch.get_mut(packet.clone()) else { return };
        // A super-packet's headers are looked at behind the frame's own; a lone checksum is found
        // by its place alone.
        let link_len =
            if self.is_tap && vnet.is_super_packet() { ethernet::header_len(bytes) } else { 0 };
        vnet.csum_start = vnet.csum_start.saturating_sub(link_len as u16);
        let Some((_, inner)) = bytes.split_at_mut_checked(link_len) else { return };
        match split::prepare(&vnet, inner, &mut self.headers) {
            Ok(Prepared::Whole) => self.waiting = Waiting::Whole(packet),
            Ok(Prepared::Segments(plan)) => {
                self.counters.super_packets += 1;
                let base = packet.start..packet.start + link_len;
                self.waiting = Waiting::Segments { plan, base, next: 0 };
            }
            Err(_) => self.counters.malformed += 1,
        }
    }

    /// Hands out what waits, `before` each packet; answers whether nothing waits any more and
    /// another packet may be read.
    fn deliver(&mut self, filling: &mut Filling<'_>, before: &[u8]) -> bool {
        let Self { scratch, headers, waiting, .. } = self;
        let bytes = |range: Range<usize>| scratch.get(range).unwrap_or_default();
        match waiting {
            Waiting::Nothing => {}
            Waiting::Whole(range) => {
                if !filling.push(&[before, bytes(range.clone())]) {
                    return false;
                }
            }
            Waiting::Segments { plan, base, next } => {
                for (header, payload) in plan.segments().skip(*next) {
                    let header = headers.get(header).unwrap_or_default();
                    let payload = base.end + payload.start..base.end + payload.end;
                    if !filling.push(&[before, bytes(base.clone()), header, bytes(payload)]) {
                        return false;
                    }
                    *next += 1;
                }
            }
        }
        *waiting = Waiting::Nothing;
        !filling.is_full()
    }
}

/// Why a batch ended.
enum End {
    Room,
    Device,
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
