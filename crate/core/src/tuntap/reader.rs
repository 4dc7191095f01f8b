//! Filling a slab with packets: one system call each, super-packets cut on the way.

use crate::device::{MAX_READ, TunDevice};
use crate::packet::ethernet;
use crate::packet::split::{self, Prepared, SplitPlan};
use crate::packet::vnet::VnetHeader;
use std::io::{self, IoSliceMut};
use std::ops::Range;

/// Bytes of a packet that are read straight into the slab, behind a vnet header: any packet of
/// Ethernet's MTU. What is longer is gathered in the scratch.
const DIRECT: usize = 2048;

/// Where packets go: end to end into `slab` from `start` on.
#[derive(Debug)]
pub struct Room<'a> {
    /// Memory for the packets.
    pub slab: &'a mut [u8],
    /// `offsets[0]` becomes where the first packet begins, `offsets[n + 1]` where the n-th ends.
    pub offsets: &'a mut [u32],
    /// Where the first packet is to begin, bytes.
    pub start: usize,
    /// Packets wanted at the most.
    pub max_packets: usize,
}

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
    /// The vnet header of the last packet, and behind it the packet, if it is cut or longer than
    /// `DIRECT`; empty if headers are passed on.
    scratch: Vec<u8>,
    vnet_len: usize,
    is_tap: bool,
    /// Headers of the packets that the super-packet in `scratch` is cut into.
    headers: Vec<u8>,
    waiting: Waiting,
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
            counters: ReadCounters::default(),
        }
    }

    /// A reader that takes off a vnet header of `vnet_len` bytes, completes checksums, and cuts
    /// super-packets.
    #[must_use]
    pub fn cutting(vnet_len: usize, is_tap: bool) -> Self {
        Self { scratch: vec![0; MAX_READ], vnet_len, is_tap, ..Self::whole() }
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

    /// Reads until nothing is left, the room is full, or `max_packets` are there.
    ///
    /// An error is told once no packet came before it: `EBADFD` once the device was deleted.
    pub fn read(&mut self, device: &TunDevice, room: Room<'_>) -> io::Result<Filled> {
        let limit = room.max_packets.min(room.offsets.len().saturating_sub(1));
        let mut filling = Filling { filled: room.start, count: 0, limit, room };
        filling.mark();
        let end = if self.scratch.is_empty() {
            read_whole(device, &mut filling)
        } else {
            self.read_cutting(device, &mut filling)
        };
        self.counters.packets += filling.count as u64;
        self.counters.bytes += (filling.filled - filling.room.start) as u64;
        match end {
            _ if filling.count > 0 => Ok(Filled::Packets(filling.count)),
            Ok(End::Room) => Ok(Filled::NeedsRoom),
            Ok(End::Device) => Ok(Filled::Packets(0)),
            Err(error) => Err(error),
        }
    }

    fn read_cutting(&mut self, device: &TunDevice, filling: &mut Filling<'_>) -> io::Result<End> {
        loop {
            if !self.deliver(filling) {
                return Ok(End::Room);
            }
            let Some(space) = filling.space(DIRECT) else { return Ok(End::Room) };
            match self.scatter(device, space) {
                Ok(len) => self.take_in(len, filling),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(End::Device),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads one packet: its vnet header into the scratch, the packet into `space`, and what is too
    /// long for that into the scratch, where it would lie had all gone there.
    fn scatter(&mut self, device: &TunDevice, space: &mut [u8]) -> io::Result<usize> {
        let (vnet, rest) = self.scratch.split_at_mut_checked(self.vnet_len).unwrap_or_default();
        let (_, rest) = rest.split_at_mut_checked(DIRECT).unwrap_or_default();
        let space = space.get_mut(..DIRECT).unwrap_or_default();
        device.read_vectored(&mut [vnet, space, rest].map(IoSliceMut::new))
    }

    /// Hands out the packet of `len` bytes, vnet header and all, that was read, where it lies, or
    /// plans what becomes of it.
    fn take_in(&mut self, len: usize, filling: &mut Filling<'_>) {
        self.headers.clear();
        let vnet = self.scratch.first_chunk().map(VnetHeader::parse);
        let (Some(len), Some(vnet)) = (len.checked_sub(self.vnet_len), vnet) else {
            self.counters.malformed += 1;
            return;
        };
        let Some(direct) = filling.space(len.min(DIRECT)) else { return };
        if len <= DIRECT && !vnet.is_super_packet() {
            let packet = direct.get_mut(..len).unwrap_or_default();
            match split::prepare(&vnet, packet, &mut self.headers) {
                Ok(_) => filling.advance(len),
                Err(_) => self.counters.malformed += 1,
            }
            return;
        }
        let direct = direct.get(..len.min(DIRECT)).unwrap_or_default();
        let gathered = self.scratch.get_mut(self.vnet_len..).unwrap_or_default();
        let Some(gathered) = gathered.get_mut(..len) else { return };
        if let Some(head) = gathered.get_mut(..direct.len()) {
            head.copy_from_slice(direct);
        }
        self.plan(vnet, len);
    }

    /// Plans what becomes of the packet of `len` bytes in the scratch.
    fn plan(&mut self, mut vnet: VnetHeader, len: usize) {
        let packet = self.vnet_len..self.vnet_len + len;
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

    /// Hands out what waits; answers whether nothing waits any more and another packet may be read.
    fn deliver(&mut self, filling: &mut Filling<'_>) -> bool {
        let Self { scratch, headers, waiting, .. } = self;
        let bytes = |range: Range<usize>| scratch.get(range).unwrap_or_default();
        match waiting {
            Waiting::Nothing => {}
            Waiting::Whole(range) => {
                if !filling.push(&[bytes(range.clone())]) {
                    return false;
                }
            }
            Waiting::Segments { plan, base, next } => {
                for (header, payload) in plan.segments().skip(*next) {
                    let header = headers.get(header).unwrap_or_default();
                    let payload = base.end + payload.start..base.end + payload.end;
                    if !filling.push(&[bytes(base.clone()), header, bytes(payload)]) {
                        return false;
                    }
                    *next += 1;
                }
            }
        }
        *waiting = Waiting::Nothing;
        filling.count < filling.limit
    }
}

/// Why a batch ended.
enum End {
    Room,
    Device,
}

fn read_whole(device: &TunDevice, filling: &mut Filling<'_>) -> io::Result<End> {
    while filling.count < filling.limit {
        let Some(space) = filling.space(MAX_READ) else { return Ok(End::Room) };
        match device.read(space) {
            Ok(len) => filling.advance(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(End::Device),
            Err(error) => return Err(error),
        }
    }
    Ok(End::Room)
}

/// A room that is being filled.
struct Filling<'a> {
    room: Room<'a>,
    filled: usize,
    count: usize,
    limit: usize,
}

impl Filling<'_> {
    /// Notes where the last packet ends.
    fn mark(&mut self) {
        if let Some(offset) = self.room.offsets.get_mut(self.count) {
            *offset = self.filled as u32;
        }
    }

    fn advance(&mut self, len: usize) {
        self.filled += len;
        self.count += 1;
        self.mark();
    }

    /// The room that is left, if it is `len` bytes at least.
    fn space(&mut self, len: usize) -> Option<&mut [u8]> {
        self.room.slab.get_mut(self.filled..).filter(|space| space.len() >= len)
    }

    /// Copies a packet in, or answers that there is no room for it.
    fn push(&mut self, parts: &[&[u8]]) -> bool {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if self.count >= self.limit {
            return false;
        }
        let Some(mut space) = self.room.slab.get_mut(self.filled..self.filled + len) else {
            return false;
        };
        for part in parts {
            let Some((to, rest)) = space.split_at_mut_checked(part.len()) else { return false };
            to.copy_from_slice(part);
            space = rest;
        }
        self.advance(len);
        true
    }
}
