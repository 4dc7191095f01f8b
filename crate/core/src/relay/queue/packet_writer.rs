//! Writes a batch into the interface, and converts the coalescing writer's reports into counters and causes.

use super::recording::{Recording, RecordingSink};
use crate::device::TunDevice;
use crate::packet::coalesce::CoalesceOptions;
use crate::packet::vnet::VnetHeader;
use crate::port::coalescing_writer::{
    CoalescingChange, CoalescingWriter, DeviceSink, WriteOutcome, WriteProgress,
};
use crate::relay::stats::{Counters, InboundDrop};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Writes the packets of one batch after another, and counts them.
pub(super) struct PacketWriter {
    device: Arc<TunDevice>,
    vnet_len: usize,
    packets: CoalescingWriter,
}

impl PacketWriter {
    /// Creates a writer that coalesces as `options` allow.
    pub(super) fn new(device: Arc<TunDevice>, options: CoalesceOptions) -> Self {
        let vnet_len = if device.has_vnet_header() { VnetHeader::LEN } else { 0 };
        let packets = CoalescingWriter::new(options).for_layer(device.layer());
        Self { device, vnet_len, packets }
    }

    /// Returns the packets to write.
    pub(super) fn packets(&mut self) -> &mut CoalescingWriter {
        &mut self.packets
    }

    /// Returns whether every packet of the batch was written or dropped.
    pub(super) fn is_done(&self) -> bool {
        self.packets.is_done()
    }

    /// Returns the change of coalescing since the last call, if there is one.
    pub(super) fn take_change(&mut self) -> Option<CoalescingChange> {
        self.packets.take_change()
    }

    /// Writes the remaining packets of the batch, which lie in `buffer`. An error means that the device is gone, and
    /// ends the relay.
    pub(super) fn write(
        &mut self,
        buffer: &[u8],
        counters: &Counters,
        recording: &Recording<'_>,
    ) -> io::Result<WriteProgress> {
        let mut count = WriteCount::default();
        let device = DeviceSink { device: &self.device, vnet_len: self.vnet_len };
        let result = if recording.is_on() {
            recording.begin_call();
            let sink = RecordingSink { device, recording };
            self.packets.write(&sink, buffer, &mut |outcome| {
                if let WriteOutcome::Refused { packet, errno } = &outcome {
                    recording.refused(buffer, packet, cause_of(*errno));
                }
                count.add(&outcome);
            })
        } else {
            self.packets.write(&device, buffer, &mut |outcome| count.add(&outcome))
        };
        count.publish(counters);
        result
    }

    /// Counts the packets that will not be written any more, and forgets them. They lie in `buffer`.
    pub(super) fn close(&mut self, buffer: &[u8], counters: &Counters, recording: &Recording<'_>) {
        counters.count_receive_drop(InboundDrop::Closing, self.packets.waiting() as u64);
        recording.begin_call();
        self.packets.refuse_rest(0, &mut |outcome| {
            if let WriteOutcome::Refused { packet, .. } = outcome {
                recording.refused(buffer, &packet, InboundDrop::Closing);
            }
        });
        self.packets.restart();
    }
}

/// Returns the cause that a refused packet is counted as.
fn cause_of(errno: i32) -> InboundDrop {
    match errno {
        libc::EIO => InboundDrop::InterfaceDown,
        libc::ENOMEM | libc::ENOBUFS => InboundDrop::NoBuffers,
        _ => InboundDrop::Rejected,
    }
}

/// The packets that one call wrote and dropped.
#[derive(Default)]
struct WriteCount {
    packets: u64,
    bytes: u64,
    super_packets: u64,
    joined: u64,
    dropped: Vec<InboundDrop>,
}

impl WriteCount {
    fn add(&mut self, outcome: &WriteOutcome) {
        match outcome {
            WriteOutcome::Written { packets, bytes } => {
                self.packets += *packets as u64;
                self.bytes += *bytes as u64;
                if *packets > 1 {
                    self.super_packets += 1;
                    self.joined += *packets as u64;
                }
            }
            WriteOutcome::Refused { packet: Range { .. }, errno } => {
                self.dropped.push(cause_of(*errno));
            }
        }
    }

    fn publish(&self, counters: &Counters) {
        counters.count_written(self.packets, self.bytes);
        counters.count_super_packets_written(self.super_packets, self.joined);
        for cause in &self.dropped {
            counters.count_receive_drop(*cause, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_errno_of_a_refused_packet_has_one_cause() {
        for errno in 0..=140 {
            let expected = match errno {
                5 => InboundDrop::InterfaceDown,
                12 | 105 => InboundDrop::NoBuffers,
                _ => InboundDrop::Rejected,
            };
            assert_eq!(cause_of(errno), expected, "{errno}");
        }
    }
}
