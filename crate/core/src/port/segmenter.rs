//! Processes a packet that was read behind a vnet header. An ordinary packet gets its checksum completed. A
//! super-packet is split into packets, as far as there is space for them.

use super::slab::Filling;
use crate::device::MAX_READ;
use crate::packet::layer::Layer;
use crate::packet::split::{self, Split, SplitPlan};
use crate::packet::vnet::VnetHeader;
use std::ops::Range;

/// Splits one packet after another. Packets without space wait.
#[derive(Debug)]
pub(super) struct Segmenter {
    /// A packet that is being split, behind its vnet header. Empty if headers are passed on.
    scratch: Vec<u8>,
    vnet_len: usize,
    layer: Layer,
    /// Headers of the packets of the super-packet in `scratch`.
    headers: Vec<u8>,
    waiting: Waiting,
    /// Whether the last packet was a super-packet, so that the next one may be one too.
    expects_super_packet: bool,
    /// Super-packets that were split.
    pub(super) super_packets: u64,
    /// Packets dropped because their header does not match them.
    pub(super) malformed: u64,
}

/// The part of the scratch that was not returned yet.
#[derive(Debug)]
enum Waiting {
    Nothing,
    Whole(Range<usize>),
    Segments { plan: SplitPlan, base: Range<usize>, next: usize },
}

impl Segmenter {
    /// Creates a segmenter for packets behind a vnet header of `vnet_len` bytes.
    pub(super) fn new(vnet_len: usize, layer: Layer) -> Self {
        Self { scratch: vec![0; MAX_READ], vnet_len, layer, ..Self::none() }
    }

    /// Creates a segmenter that does not split packets.
    pub(super) fn none() -> Self {
        Self {
            scratch: Vec::new(),
            vnet_len: 0,
            layer: Layer::Ip,
            headers: Vec::new(),
            waiting: Waiting::Nothing,
            expects_super_packet: false,
            super_packets: 0,
            malformed: 0,
        }
    }

    /// Returns whether packets are not split.
    pub(super) fn is_none(&self) -> bool {
        self.scratch.is_empty()
    }

    /// Returns the bytes of the header before each packet.
    pub(super) fn vnet_len(&self) -> usize {
        self.vnet_len
    }

    /// Returns whether the next packet is likely to be a super-packet, and is to be read into the scratch.
    pub(super) fn expects_super_packet(&self) -> bool {
        self.expects_super_packet
    }

    /// Returns the buffer in which [`Segmenter::enqueue`] expects a packet. Call it only while no packet waits.
    pub(super) fn scratch(&mut self) -> &mut [u8] {
        &mut self.scratch
    }

    /// Returns whether a packet, or a part of one, waits.
    pub(super) fn has_waiting(&self) -> bool {
        !matches!(self.waiting, Waiting::Nothing)
    }

    /// Copies a packet with its header into the scratch, for [`Segmenter::deliver`].
    pub(super) fn take_copy(&mut self, read: &[u8]) {
        if let Some(space) = self.scratch.get_mut(..read.len()) {
            space.copy_from_slice(read);
        }
        self.enqueue(read.len());
    }

    /// Returns a packet that lies elsewhere to the caller, or copies it into the scratch if it must be split. Returns
    /// whether there was space for it.
    pub(super) fn take(&mut self, read: &[u8], filling: &mut Filling<'_>) -> bool {
        let vnet = read.first_chunk().map(VnetHeader::parse);
        let (Some(vnet), Some(packet)) = (vnet, read.get(self.vnet_len..)) else {
            self.malformed += 1;
            return true;
        };
        if vnet.is_super_packet() {
            self.take_copy(read);
            return true;
        }
        let Some(space) = filling.rest().get_mut(..packet.len()) else { return false };
        space.copy_from_slice(packet);
        self.expects_super_packet = false;
        self.complete(&vnet, packet.len(), filling);
        true
    }

    /// Adds a packet at its place in the slab. A packet that must be split is moved to the scratch first.
    pub(super) fn enqueue_in_place(
        &mut self,
        len: usize,
        header: &[u8],
        filling: &mut Filling<'_>,
    ) {
        let vnet = header.first_chunk().map(VnetHeader::parse);
        let (Some(packet_len), Some(vnet)) = (len.checked_sub(self.vnet_len), vnet) else {
            self.malformed += 1;
            return;
        };
        if !vnet.is_super_packet() {
            self.complete(&vnet, packet_len, filling);
            return;
        }
        let packet = filling.rest().get(..packet_len).unwrap_or_default();
        if let Some(read) = self.scratch.get_mut(self.vnet_len..len) {
            read.copy_from_slice(packet);
        }
        self.plan(vnet, len);
    }

    /// Completes the checksum of an ordinary packet at the end of the slab, and adds the packet.
    fn complete(&mut self, vnet: &VnetHeader, len: usize, filling: &mut Filling<'_>) {
        let packet = filling.rest().get_mut(..len).unwrap_or_default();
        match split::prepare(vnet, packet, &mut self.headers) {
            Ok(_) => filling.advance(len),
            Err(_) => self.malformed += 1,
        }
    }

    /// Plans how to process the `len` bytes that were read into the scratch.
    pub(super) fn enqueue(&mut self, len: usize) {
        match self.scratch.first_chunk().map(VnetHeader::parse) {
            Some(vnet) if len >= self.vnet_len => self.plan(vnet, len),
            _ => self.malformed += 1,
        }
    }

    /// Plans how to process the packet in the scratch, which ends at `len`.
    fn plan(&mut self, mut vnet: VnetHeader, len: usize) {
        self.headers.clear();
        self.expects_super_packet = vnet.is_super_packet();
        let packet = self.vnet_len..len;
        let Some(bytes) = self.scratch.get_mut(packet.clone()) else { return };
        // The headers of a super-packet are parsed behind the header of the frame. A partial checksum is found by its
        // offset alone.
        let link_len = if vnet.is_super_packet() { self.layer.network_offset(bytes) } else { 0 };
        vnet.csum_start = vnet.csum_start.saturating_sub(link_len as u16);
        let Some((_, inner)) = bytes.split_at_mut_checked(link_len) else { return };
        match split::prepare(&vnet, inner, &mut self.headers) {
            Ok(Split::Whole) => self.waiting = Waiting::Whole(packet),
            Ok(Split::Segments(plan)) => {
                self.super_packets += 1;
                let base = packet.start..packet.start + link_len;
                self.waiting = Waiting::Segments { plan, base, next: 0 };
            }
            Err(_) => self.malformed += 1,
        }
    }

    /// Adds the packets that wait to the slab, each behind `before`. Returns whether none waits any more, so that the
    /// next packet may be read.
    pub(super) fn deliver(&mut self, filling: &mut Filling<'_>, before: &[u8]) -> bool {
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
