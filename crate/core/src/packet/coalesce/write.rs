//! The packets of one write to the device.

use super::{Coalescer, Group};
use crate::packet::vnet::VnetHeader;
use std::ops::Range;

/// One write to the device.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    pub(super) coalescer: &'a Coalescer,
    pub(super) group: &'a Group,
}

impl<'a> Write<'a> {
    /// Returns the number of packets.
    #[must_use]
    pub fn packets(&self) -> usize {
        self.group.count
    }

    /// Returns the bytes of these packets as received.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.group.bytes
    }

    /// Returns the vnet header, followed by the new headers if it is a super-packet.
    #[must_use]
    pub fn header(&self) -> &'a [u8] {
        const ORDINARY: &[u8] = &[0; VnetHeader::LEN];
        if self.is_joined() {
            return self.coalescer.headers.get(self.group.header.clone()).unwrap_or_default();
        }
        ORDINARY
    }

    /// Returns whether it is a super-packet.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.group.count > 1
    }

    /// Returns the range of the whole first packet in the buffer.
    #[must_use]
    pub fn first(&self) -> Range<usize> {
        self.group.first.clone()
    }

    /// Returns what follows the header, as ranges of the buffer: one whole packet, or the payloads.
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

    /// Returns the ranges of the single packets in the buffer, for a kernel that refuses the super-packet.
    ///
    /// The headers of each are directly in front of its payload and as long as those of the first.
    pub fn singles(&self) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let headers = self.group.header.len().saturating_sub(VnetHeader::LEN);
        self.payload().map(move |payload| payload.start.saturating_sub(headers)..payload.end)
    }
}
