//! Joining packets of a flow into super-packets that the kernel cuts apart again exactly so.
//!
//! The rules are those of the kernel's own GRO (net/core/gro.c, net/ipv4/tcp_offload.c) and at
//! least as strict: nothing is joined that differs in a field which the cut would not give back.
//! Checksums are verified first, and a packet whose checksum is wrong goes alone, unmended. Within
//! a flow the order is kept.

mod candidate;
mod emit;

use crate::packet::vnet::VnetHeader;
use candidate::{Candidate, Class};
use std::ops::Range;

/// Packets of TCP joined into one at the most.
const MAX_SEGMENTS_TCP: usize = 128;
/// Packets of UDP joined into one at the most: `UDP_MAX_SEGMENTS` (include/linux/udp.h) of Linux
/// before 6.9, where more are `EINVAL` (virtio_net_hdr_to_skb in include/linux/virtio_net.h).
const MAX_SEGMENTS_UDP: usize = 64;
/// Bytes of a super-packet at the most: what the length field of IPv4 can say.
const MAX_LEN: usize = 65_535;
/// Flows that may have an open super-packet at the same time.
const MAX_FLOWS: usize = 64;

/// Which packets may be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoalesceOptions {
    /// TCP, over IPv4 and IPv6.
    pub tcp: bool,
    /// UDP, which needs a kernel that knows `VIRTIO_NET_HDR_GSO_UDP_L4` (Linux ≥ 6.2).
    pub udp: bool,
}

/// Joins the packets of one batch.
///
/// Packets lie in a buffer of the caller's, which is given along with each call and must be the
/// same from [`Coalescer::push`] to the last use of [`Coalescer::writes`].
#[derive(Debug)]
pub struct Coalescer {
    options: CoalesceOptions,
    groups: Vec<Group>,
    open: Vec<OpenFlow>,
    segments: Vec<Segment>,
    headers: Vec<u8>,
}

/// Packets that are written together: one, or several joined.
#[derive(Clone, Debug)]
struct Group {
    /// The first packet, whole.
    first: Range<usize>,
    /// The last one joined, in [`Coalescer::segments`]; none while it is alone.
    segments: Option<Chain>,
    count: usize,
    /// Bytes of all packets, as they came.
    bytes: usize,
    /// The super-packet's headers, the vnet header before them, in [`Coalescer::headers`].
    header: Range<usize>,
}

/// The first and last link of a group's list.
#[derive(Clone, Copy, Debug)]
struct Chain {
    first: usize,
    last: usize,
}

/// A joined packet's payload, and the next of its group.
#[derive(Clone, Debug)]
struct Segment {
    payload: Range<usize>,
    next: Option<usize>,
}

/// A group that may still grow.
#[derive(Debug)]
struct OpenFlow {
    group: usize,
    head: Candidate,
    /// The first packet's checksum was found right.
    is_verified: bool,
    next_sequence: u32,
    /// Bytes of the super-packet so far.
    len: usize,
    /// PSH and FIN of the last packet.
    last_flags: u8,
}

/// One write to the device.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    coalescer: &'a Coalescer,
    group: &'a Group,
}

impl Coalescer {
    /// A coalescer for packets of the kinds in `options`.
    #[must_use]
    pub fn new(options: CoalesceOptions) -> Self {
        Self {
            options,
            groups: Vec::new(),
            open: Vec::with_capacity(MAX_FLOWS),
            segments: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Changes which packets may be joined from now on.
    pub fn set_options(&mut self, options: CoalesceOptions) {
        self.options = options;
    }

    /// Adds the packet at `range` of `buffer`.
    pub fn push(&mut self, buffer: &[u8], range: Range<usize>) {
        if !self.options.tcp && !self.options.udp {
            self.add_group(range);
            return;
        }
        let packet = buffer.get(range.clone()).unwrap_or_default();
        let candidate = match Class::of(packet, self.options) {
            Class::Joinable(candidate) => candidate,
            // It belongs to a flow whose order must be kept, and cannot be joined.
            Class::Alone(candidate) => {
                if let Some(at) = self.find(buffer, packet, &candidate) {
                    self.close(buffer, at);
                }
                self.add_group(range);
                return;
            }
            // A fragment may belong to any flow, so nothing may be joined across it.
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
            is_verified: false,
            next_sequence: candidate.next_sequence(),
            len: packet.len(),
            last_flags: 0,
            head: candidate,
        });
    }

    /// Ends the batch: from now on [`Coalescer::writes`] is complete.
    pub fn finish(&mut self, buffer: &[u8]) {
        self.close_all(buffer);
    }

    /// How many writes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The writes in order, those before `from` left out.
    pub fn writes(&self, from: usize) -> impl Iterator<Item = Write<'_>> {
        self.groups.iter().skip(from).map(|group| Write { coalescer: self, group })
    }

    /// The write of that number, if there is one.
    #[must_use]
    pub fn write_at(&self, number: usize) -> Option<Write<'_>> {
        self.groups.get(number).map(|group| Write { coalescer: self, group })
    }

    /// Forgets the batch and keeps the memory.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.open.clear();
        self.segments.clear();
        self.headers.clear();
    }

    /// The open flow that a packet belongs to; the newest is the likeliest.
    fn find(&self, buffer: &[u8], packet: &[u8], candidate: &Candidate) -> Option<usize> {
        self.open.iter().rposition(|open| {
            open.head.flow_hash == candidate.flow_hash
                && candidate.is_same_flow(packet, &open.head, self.first_packet(buffer, open))
        })
    }

    fn first_packet<'a>(&self, buffer: &'a [u8], open: &OpenFlow) -> &'a [u8] {
        let group = self.groups.get(open.group);
        group.and_then(|group| buffer.get(group.first.clone())).unwrap_or_default()
    }

    fn add_group(&mut self, first: Range<usize>) -> usize {
        let bytes = first.len();
        self.groups.push(Group { first, segments: None, count: 1, bytes, header: 0..0 });
        self.groups.len() - 1
    }

    /// Joins the packet to the open flow `at`, or says no and leaves everything as it was.
    fn join(
        &mut self,
        buffer: &[u8],
        at: usize,
        range: &Range<usize>,
        candidate: &Candidate,
    ) -> bool {
        let packet = buffer.get(range.clone()).unwrap_or_default();
        let Some(open) = self.open.get(at) else { return false };
        let first = self.first_packet(buffer, open);
        let Some(group) = self.groups.get(open.group) else { return false };
        let fits = candidate.sequence == open.next_sequence
            && candidate.payload_len <= open.head.payload_len
            && open.len + candidate.payload_len <= MAX_LEN
            && group.count < candidate.max_segments()
            && candidate.follows(packet, &open.head, first, group.count)
            && candidate.has_valid_checksums(packet)
            && (open.is_verified || open.head.has_valid_checksums(first));
        if !fits {
            return false;
        }
        let payload = range.start + candidate.layout.payload..range.end;
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

    /// Lets an open group grow no more, and makes its headers if it is a super-packet.
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

impl<'a> Write<'a> {
    /// How many packets it carries.
    #[must_use]
    pub fn packets(&self) -> usize {
        self.group.count
    }

    /// Bytes of these packets, as they came.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.group.bytes
    }

    /// What comes before the payload: the vnet header and, of a super-packet, fresh headers.
    #[must_use]
    pub fn header(&self) -> &'a [u8] {
        const ORDINARY: &[u8] = &[0; VnetHeader::LEN];
        if self.is_joined() {
            return self.coalescer.headers.get(self.group.header.clone()).unwrap_or_default();
        }
        ORDINARY
    }

    /// Whether it is a super-packet.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.group.count > 1
    }

    /// The first packet whole, as a range of the buffer: the only one, unless it is a super-packet.
    #[must_use]
    pub fn first(&self) -> Range<usize> {
        self.group.first.clone()
    }

    /// What follows the header, as ranges of the buffer: one packet whole, or the payloads.
    pub fn payload(&self) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let Group { first, segments, header, .. } = self.group;
        let headers = header.len().saturating_sub(VnetHeader::LEN);
        let all = &self.coalescer.segments;
        let mut next = segments.map(|chain| chain.first);
        let joined = std::iter::from_fn(move || {
            let segment = all.get(next?)?;
            next = segment.next;
            Some(segment.payload.clone())
        });
        std::iter::once(first.start + headers..first.end).chain(joined)
    }

    /// The packets one by one, as ranges of the buffer: for a kernel that refuses the super-packet.
    ///
    /// Each was received right before its payload with headers as long as the first one's.
    pub fn singles(&self) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let headers = self.group.header.len().saturating_sub(VnetHeader::LEN);
        self.payload().map(move |payload| payload.start.saturating_sub(headers)..payload.end)
    }
}

#[cfg(test)]
mod tests;
