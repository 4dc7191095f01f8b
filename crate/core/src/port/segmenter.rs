//! What a packet becomes that was read behind a vnet header: itself with its checksum put in, or, of a
//! super-packet, the packets that it stands for, as far as there is room for them.

use super::slab::Filling;
use crate::device::MAX_READ;
use crate::packet::layer::Layer;
use crate::packet::split::{self, Split, SplitPlan};
use crate::packet::vnet::VnetHeader;
use std::ops::Range;

/// Cuts one packet after another; what found no room waits.
#[derive(Debug)]
pub(super) struct Segmenter {
    /// A packet that is cut, behind its vnet header; empty if headers are passed on.
    scratch: Vec<u8>,
    vnet_len: usize,
    layer: Layer,
    /// Headers of the packets that the super-packet in `scratch` is cut into.
    headers: Vec<u8>,
    waiting: Waiting,
    /// The last packet was a super-packet, and the next may well be one.
    expects_super_packet: bool,
    /// Super-packets that were cut.
    pub(super) super_packets: u64,
    /// Packets dropped since their header did not fit them.
    pub(super) malformed: u64,
}

/// What is in the scratch and was not handed out yet.
#[derive(Debug)]
enum Waiting {
    Nothing,
    Whole(Range<usize>),
    Segments { plan: SplitPlan, base: Range<usize>, next: usize },
}

impl Segmenter {
    /// For packets behind a vnet header of `vnet_len` bytes.
    pub(super) fn new(vnet_len: usize, layer: Layer) -> Self {
        Self { scratch: vec![0; MAX_READ], vnet_len, layer, ..Self::none() }
    }

    /// Where nothing is to be cut.
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

    /// Whether nothing is to be cut.
    pub(super) fn is_none(&self) -> bool {
        self.scratch.is_empty()
    }

    /// Bytes of the header before each packet.
    pub(super) fn vnet_len(&self) -> usize {
        self.vnet_len
    }

    /// Whether the next packet is likely to be a super-packet, and so is to be read into the scratch.
    pub(super) fn expects_super_packet(&self) -> bool {
        self.expects_super_packet
    }

    /// Where [`Segmenter::take_in`] finds a packet; only while none waits.
    pub(super) fn scratch(&mut self) -> &mut [u8] {
        &mut self.scratch
    }

    /// Whether a packet waits, or a part of one.
    pub(super) fn has_waiting(&self) -> bool {
        !matches!(self.waiting, Waiting::Nothing)
    }

    /// Takes in a packet that lies elsewhere, its header before it, to be delivered.
    pub(super) fn take_copy(&mut self, read: &[u8]) {
        if let Some(space) = self.scratch.get_mut(..read.len()) {
            space.copy_from_slice(read);
        }
        self.take_in(read.len());
    }

    /// Hands out a packet that lies elsewhere, or takes it in if it is to be cut; answers whether there
    /// was room for it.
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

    /// Hands out the packet where it lies in the slab; one that is to be cut is taken out of it.
    pub(super) fn take_in_place(&mut self, len: usize, header: &[u8], filling: &mut Filling<'_>) {
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

    /// Puts the checksum into an ordinary packet that lies at the end of the slab, and hands it out.
    fn complete(&mut self, vnet: &VnetHeader, len: usize, filling: &mut Filling<'_>) {
        let packet = filling.rest().get_mut(..len).unwrap_or_default();
        match split::prepare(vnet, packet, &mut self.headers) {
            Ok(_) => filling.advance(len),
            Err(_) => self.malformed += 1,
        }
    }

    /// Plans what becomes of the `len` bytes that were read into the scratch.
    pub(super) fn take_in(&mut self, len: usize) {
        match self.scratch.first_chunk().map(VnetHeader::parse) {
            Some(vnet) if len >= self.vnet_len => self.plan(vnet, len),
            _ => self.malformed += 1,
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

    /// Hands out what waits, `before` each packet; answers whether nothing waits any more and
    /// another packet may be read.
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
