//! Coalesces packets of a flow into super-packets that the kernel would split into the same packets.
//!
//! The rules are at least as strict as those of the kernel's own GRO (net/core/gro.c,
//! net/ipv4/tcp_offload.c): packets are not coalesced if they differ in a field that splitting would not
//! restore. Checksums are verified first; a packet with a wrong checksum is written alone and unchanged. The
//! order within a flow is kept.

mod candidate;
mod emit;
mod write;

use crate::packet::layer::Layer;
use candidate::{Candidate, Class};
use std::ops::Range;

pub use write::Write;

/// Maximum number of TCP packets per super-packet.
const MAX_SEGMENTS_TCP: usize = 128;
/// Maximum number of UDP packets per super-packet: `UDP_MAX_SEGMENTS` (include/linux/udp.h) of Linux
/// before 6.9, where more are `EINVAL` (virtio_net_hdr_to_skb in include/linux/virtio_net.h).
const MAX_SEGMENTS_UDP: usize = 64;
/// Maximum length of a super-packet, bytes: the largest value of the IPv4 length field.
const MAX_LEN: usize = 65_535;
/// Maximum number of flows with an open super-packet.
const MAX_FLOWS: usize = 64;

/// Kinds of packets that may be coalesced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoalesceOptions {
    /// TCP, over IPv4 and IPv6.
    pub tcp: bool,
    /// UDP; needs a kernel with `VIRTIO_NET_HDR_GSO_UDP_L4` (Linux ≥ 6.2).
    pub udp: bool,
}

/// Coalesces the packets of one batch.
///
/// The packets are in a buffer of the caller, which is passed to each call and must not change from
/// [`Coalescer::push`] to the last use of [`Coalescer::writes`].
#[derive(Debug)]
pub struct Coalescer {
    options: CoalesceOptions,
    layer: Layer,
    groups: Vec<Group>,
    open: Vec<OpenFlow>,
    segments: Vec<Segment>,
    headers: Vec<u8>,
}

/// Packets that are written together: one, or several as a super-packet.
#[derive(Clone, Debug)]
struct Group {
    /// The first packet, whole.
    first: Range<usize>,
    /// The further packets, in [`Coalescer::segments`]; `None` if there is only one packet.
    segments: Option<Chain>,
    count: usize,
    /// Bytes of all packets as received.
    bytes: usize,
    /// The vnet header and the headers of the super-packet, in [`Coalescer::headers`].
    header: Range<usize>,
}

/// The first and last link of a group's list.
#[derive(Clone, Copy, Debug)]
struct Chain {
    first: usize,
    last: usize,
}

/// The payload of a coalesced packet, and the next one of its group.
#[derive(Clone, Debug)]
struct Segment {
    payload: Range<usize>,
    next: Option<usize>,
}

/// A group that may still grow.
#[derive(Debug)]
struct OpenFlow {
    group: usize,
    /// Bytes of the frame in front of the IP header.
    link_len: usize,
    head: Candidate,
    /// The checksum of the first packet has been verified.
    is_verified: bool,
    next_sequence: u32,
    /// Bytes of the super-packet so far.
    len: usize,
    /// PSH and FIN of the last packet.
    last_flags: u8,
}

impl Coalescer {
    /// Creates a coalescer for packets of the kinds in `options`.
    #[must_use]
    pub fn new(options: CoalesceOptions) -> Self {
        Self {
            options,
            layer: Layer::Ip,
            groups: Vec::new(),
            open: Vec::with_capacity(MAX_FLOWS),
            segments: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// The same for packets of this layer. Frames are coalesced if their headers are equal.
    #[must_use]
    pub fn for_layer(self, layer: Layer) -> Self {
        Self { layer, ..self }
    }

    /// Changes which packets may be coalesced from now on.
    pub fn set_options(&mut self, options: CoalesceOptions) {
        self.options = options;
    }

    /// Adds the packet at `range` of `buffer`.
    pub fn push(&mut self, buffer: &[u8], range: Range<usize>) {
        if !self.options.tcp && !self.options.udp {
            self.add_group(range);
            return;
        }
        let frame = buffer.get(range.clone()).unwrap_or_default();
        let link_len = self.layer.ip_offset(frame);
        let packet = frame.get(link_len..).unwrap_or_default();
        let candidate = match Class::of(packet, self.options) {
            Class::Joinable(candidate) => candidate,
            // It cannot be coalesced, but the order of its flow must be kept.
            Class::Alone(candidate) => {
                if let Some(at) = self.find(buffer, packet, &candidate) {
                    self.close(buffer, at);
                }
                self.add_group(range);
                return;
            }
            // A fragment may belong to any flow, so packets before and after it are not coalesced.
            Class::Opaque => {
                self.close_all(buffer);
                self.add_group(range);
                return;
            }
        };
        if let Some(at) = self.find(buffer, packet, &candidate) {
            if self.join(buffer, at, &range, &candidate) {
                return;
            }
            self.close(buffer, at);
        }
        let group = self.add_group(range);
        if candidate.ends_group() {
            return;
        }
        if self.open.len() == MAX_FLOWS {
            self.close(buffer, 0);
        }
        self.open.push(OpenFlow {
            group,
            link_len,
            is_verified: false,
            next_sequence: candidate.next_sequence(),
            len: packet.len(),
            last_flags: 0,
            head: candidate,
        });
    }

    /// Ends the batch. [`Coalescer::writes`] is complete afterwards.
    pub fn finish(&mut self, buffer: &[u8]) {
        self.close_all(buffer);
    }

    /// Returns the number of writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Returns whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Returns the writes in order, starting with number `from`.
    pub fn writes(&self, from: usize) -> impl Iterator<Item = Write<'_>> {
        self.groups.iter().skip(from).map(|group| Write { coalescer: self, group })
    }

    /// Returns the write of that number; `None` if there are fewer.
    #[must_use]
    pub fn write_at(&self, number: usize) -> Option<Write<'_>> {
        self.groups.get(number).map(|group| Write { coalescer: self, group })
    }

    /// Removes the batch; the memory is kept for the next one.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.open.clear();
        self.segments.clear();
        self.headers.clear();
    }

    /// Returns the open flow of a packet. The search begins with the newest, which is the most likely.
    fn find(&self, buffer: &[u8], packet: &[u8], candidate: &Candidate) -> Option<usize> {
        self.open.iter().rposition(|open| {
            open.head.flow_hash == candidate.flow_hash
                && candidate.is_same_flow(packet, &open.head, self.first_packet(buffer, open))
        })
    }

    /// Returns the first packet of a group, without the header of its frame.
    fn first_packet<'a>(&self, buffer: &'a [u8], open: &OpenFlow) -> &'a [u8] {
        let range = self.groups.get(open.group).map(|group| group.first.clone());
        let packet = range.map(|range| range.start + open.link_len..range.end);
        packet.and_then(|range| buffer.get(range)).unwrap_or_default()
    }

    /// Returns whether the frame at `range` has the same header as the first one of a group, so that splitting restores
    /// it.
    #[inline]
    fn has_same_link(&self, buffer: &[u8], range: &Range<usize>, open: &OpenFlow) -> bool {
        if self.layer == Layer::Ip {
            return true;
        }
        let link = |start: usize| buffer.get(start..start + open.link_len);
        let first = self.groups.get(open.group).and_then(|group| link(group.first.start));
        first.is_some() && first == link(range.start)
    }

    fn add_group(&mut self, first: Range<usize>) -> usize {
        let bytes = first.len();
        self.groups.push(Group { first, segments: None, count: 1, bytes, header: 0..0 });
        self.groups.len() - 1
    }

    /// Appends the packet to the open flow `at` and returns true. Otherwise changes nothing and returns false.
    fn join(
        &mut self,
        buffer: &[u8],
        at: usize,
        range: &Range<usize>,
        candidate: &Candidate,
    ) -> bool {
        let Some(open) = self.open.get(at) else { return false };
        let link_len = open.link_len;
        let packet = buffer.get(range.start + link_len..range.end).unwrap_or_default();
        let first = self.first_packet(buffer, open);
        let Some(group) = self.groups.get(open.group) else { return false };
        let fits = candidate.sequence == open.next_sequence
            && candidate.payload_len <= open.head.payload_len
            && open.len + candidate.payload_len <= MAX_LEN
            && group.count < candidate.max_segments()
            && self.has_same_link(buffer, range, open)
            && candidate.follows(packet, &open.head, first, group.count)
            && candidate.has_valid_checksums(packet)
            && (open.is_verified || open.head.has_valid_checksums(first));
        if !fits {
            return false;
        }
        let payload = range.start + link_len + candidate.layout.payload..range.end;
        self.append(at, payload, range.len());
        let Some(open) = self.open.get_mut(at) else { return true };
        open.is_verified = true;
        open.next_sequence = candidate.next_sequence();
        open.len += candidate.payload_len;
        open.last_flags = candidate.last_flags();
        if candidate.ends_group() || candidate.payload_len < open.head.payload_len {
            self.close(buffer, at);
        }
        true
    }

    fn append(&mut self, at: usize, payload: Range<usize>, bytes: usize) {
        let link = self.segments.len();
        self.segments.push(Segment { payload, next: None });
        let group = self.open.get(at).and_then(|open| self.groups.get_mut(open.group));
        let Some(group) = group else { return };
        let chain = group.segments.get_or_insert(Chain { first: link, last: link });
        if let Some(last) = self.segments.get_mut(chain.last)
            && chain.last != link
        {
            last.next = Some(link);
        }
        chain.last = link;
        group.count += 1;
        group.bytes += bytes;
    }

    /// Closes an open group; creates its headers if it is a super-packet.
    fn close(&mut self, buffer: &[u8], at: usize) {
        let open = self.open.remove(at);
        let Some(group) = self.groups.get_mut(open.group) else { return };
        if group.count > 1 {
            let first = buffer.get(group.first.clone()).unwrap_or_default();
            let start = self.headers.len();
            emit::super_header(&open, first, &mut self.headers);
            group.header = start..self.headers.len();
        }
    }

    fn close_all(&mut self, buffer: &[u8]) {
        while let Some(last) = self.open.len().checked_sub(1) {
            self.close(buffer, last);
        }
    }
}

#[cfg(test)]
mod tests;
