use super::*;
use crate::packet::samples::Sample;
use std::cell::RefCell;
use std::time::Duration;

const ALL: CoalesceOptions = CoalesceOptions { tcp: true, udp: true };
/// Errnos that do not mean that the kernel refused a packet.
const NO_REFUSALS: [i32; 3] = [libc::EINTR, libc::EAGAIN, libc::EBADFD];

/// A write to the device, or its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Put {
    Single(Vec<u8>),
    /// The number of packets in one super-packet.
    Joined(usize),
}

/// A device for which `judge` decides the result of each call: an errno, or 0.
struct Model<J: Fn(&Put) -> i32> {
    judge: J,
    calls: RefCell<Vec<Put>>,
}

impl<J: Fn(&Put) -> i32> Model<J> {
    fn new(judge: J) -> Self {
        Self { judge, calls: RefCell::default() }
    }

    fn put(&self, put: Put) -> io::Result<()> {
        let errno = (self.judge)(&put);
        self.calls.borrow_mut().push(put);
        if errno == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
    }

    fn take_calls(&self) -> Vec<Put> {
        self.calls.take()
    }
}

impl<J: Fn(&Put) -> i32> PacketSink for Model<J> {
    fn put_single(&self, buffer: &[u8], range: Range<usize>) -> io::Result<()> {
        self.put(Put::Single(buffer[range].to_vec()))
    }

    fn put_joined(&self, write: &Write<'_>, _: &[u8]) -> io::Result<()> {
        self.put(Put::Joined(write.packets()))
    }
}

/// Returns packets of a TCP flow over IPv4. They have DF, so a super-packet would renumber their identification.
fn flow(flow: u8, count: usize) -> Vec<Vec<u8>> {
    let sample = Sample { flow, ..Sample::tcp(u32::from(flow), &vec![flow; 100 * count]) };
    let mut packets = sample.segments(100);
    for (number, packet) in packets.iter_mut().enumerate() {
        // In packets with DF the identification has no meaning, but it is kept.
        packet[4..6].copy_from_slice(&(0xbeef - 7 * number as u16).to_be_bytes());
        packet[10..12].copy_from_slice(&[0, 0]);
        let sum: u32 =
            packet[..20].chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]]))).sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        packet[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    }
    packets
}

/// A batch and its buffer.
struct Batch {
    writer: CoalescingWriter,
    buffer: Vec<u8>,
    outcomes: Vec<WriteOutcome>,
}

impl Batch {
    fn new() -> Self {
        let writer = CoalescingWriter::new(ALL);
        Self { writer, buffer: Vec::new(), outcomes: Vec::new() }
    }

    fn push(&mut self, packets: &[Vec<u8>]) -> &mut Self {
        for packet in packets {
            let range = self.keep(packet);
            self.writer.push(&self.buffer, range);
        }
        self.writer.finish(&self.buffer);
        self
    }

    fn push_single(&mut self, packet: &[u8]) -> &mut Self {
        let range = self.keep(packet);
        self.writer.push_single(range);
        self
    }

    fn keep(&mut self, packet: &[u8]) -> Range<usize> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(packet);
        start..self.buffer.len()
    }

    fn write(&mut self, model: &Model<impl Fn(&Put) -> i32>) -> io::Result<WriteProgress> {
        let Self { writer, buffer, outcomes } = self;
        writer.write(model, buffer, &mut |outcome| outcomes.push(outcome))
    }

    /// Writes a batch of `packets` completely.
    fn write_all(&mut self, model: &Model<impl Fn(&Put) -> i32>, packets: &[Vec<u8>]) {
        self.writer.restart();
        self.buffer.clear();
        self.outcomes.clear();
        assert_eq!(self.push(packets).write(model).unwrap(), WriteProgress::Done);
        assert!(self.writer.is_done());
    }

    fn pass_pause(&mut self) {
        let pause = self.writer.state.pause_left(Instant::now()).expect("coalescing is off");
        std::thread::sleep(pause + Duration::from_millis(1));
    }
}

fn singles(packets: &[Vec<u8>]) -> Vec<Put> {
    packets.iter().cloned().map(Put::Single).collect()
}

fn refuse_joined(errno: i32) -> impl Fn(&Put) -> i32 {
    move |put| if matches!(put, Put::Joined(_)) { errno } else { 0 }
}

/// Returns packets and bytes of each write.
fn written(outcomes: &[WriteOutcome]) -> Vec<(usize, usize)> {
    let written = |outcome: &WriteOutcome| match outcome {
        WriteOutcome::Written { packets, bytes } => Some((*packets, *bytes)),
        WriteOutcome::Refused { .. } => None,
    };
    outcomes.iter().filter_map(written).collect()
}

/// The relay and the device retried after EINVAL only. After any other errno the packets were lost.
#[test]
fn every_errno_of_a_super_packet_has_its_packets_tried_singly_in_order_and_unchanged() {
    let packets = flow(1, 9);
    for errno in (1..=133).filter(|errno| !NO_REFUSALS.contains(errno)) {
        let (mut batch, model) = (Batch::new(), Model::new(refuse_joined(errno)));
        batch.write_all(&model, &packets);
        let calls = model.take_calls();
        assert_eq!(calls[0], Put::Joined(9), "{errno}");
        assert_eq!(calls[1..], singles(&packets), "{errno}");
        assert_eq!(written(&batch.outcomes).len(), 9, "{errno}");
        assert_eq!(batch.writer.take_change(), Some(CoalescingChange::Off { errno }));
        assert_eq!(batch.writer.take_change(), None, "a change is reported once");
    }
}

/// The relay never coalesced again, and the device tried to write each super-packet.
#[test]
fn coalescing_is_off_after_a_refusal_and_on_again_after_a_trial() {
    let packets = [flow(1, 3), flow(2, 3)].concat();
    let (mut batch, model) = (Batch::new(), Model::new(refuse_joined(libc::EINVAL)));
    // Super-packets that the batch already contains are not written as such.
    batch.write_all(&model, &packets);
    assert_eq!(model.take_calls(), [vec![Put::Joined(3)], singles(&packets)].concat());
    assert_eq!(batch.writer.take_change(), Some(CoalescingChange::Off { errno: libc::EINVAL }));
    for _ in 0..3 {
        batch.write_all(&model, &packets);
        assert_eq!(model.take_calls(), singles(&packets), "no trial before the pause ends");
    }
    batch.pass_pause();
    batch.write_all(&model, &packets);
    assert_eq!(model.take_calls(), [vec![Put::Joined(3)], singles(&packets)].concat());
    batch.write_all(&model, &packets);
    assert_eq!(model.take_calls(), singles(&packets));
    assert_eq!(batch.writer.take_change(), None, "a refused trial changes nothing");
    batch.pass_pause();
    let model = Model::new(|_| 0);
    batch.write_all(&model, &packets);
    assert_eq!(model.take_calls(), [Put::Joined(3), Put::Joined(3)]);
    assert_eq!(batch.writer.take_change(), Some(CoalescingChange::On));
    batch.write_all(&model, &packets);
    assert_eq!(batch.writer.take_change(), None);
}

/// The device made a call for each packet of the batch, and the relay ended.
#[test]
fn a_device_that_is_gone_ends_the_write_and_the_rest_is_refused_without_a_call() {
    let packets = [flow(1, 3), flow(2, 2)].concat();
    for (gone_at, left) in [(0, 5), (1, 2)] {
        let mut batch = Batch::new();
        let model = Model::new(|_: &Put| 0);
        let count = RefCell::new(0);
        let gone = Model::new(|put: &Put| {
            let number = count.replace_with(|number| *number + 1);
            if number == gone_at { libc::EBADFD } else { (model.judge)(put) }
        });
        let error = batch.push(&packets).write(&gone).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADFD));
        assert_eq!(batch.writer.waiting(), left);
        let Batch { writer, outcomes, .. } = &mut batch;
        writer.refuse_rest(libc::EBADFD, &mut |outcome| outcomes.push(outcome));
        let is_refused =
            |outcome: &&WriteOutcome| matches!(outcome, WriteOutcome::Refused { errno: 77, .. });
        assert_eq!(outcomes.iter().filter(is_refused).count(), left);
        assert_eq!((writer.waiting(), writer.is_done()), (0, true));
        assert_eq!(gone.take_calls().len(), gone_at + 1);
    }
}

/// The relay counted causes, and the device recorded numbers of packets. Both need the packet and the errno.
#[test]
fn each_refused_packet_is_reported_by_its_range_and_errno() {
    let packets = [flow(1, 3), flow(2, 1)].concat();
    let mut batch = Batch::new();
    let unloved = packets[1].clone();
    let model = Model::new(move |put: &Put| match put {
        Put::Joined(_) => libc::ENOMEM,
        Put::Single(packet) if *packet == unloved => libc::EPERM,
        Put::Single(_) => 0,
    });
    batch.write_all(&model, &packets);
    let len = packets[0].len();
    let written =
        |packet: usize| WriteOutcome::Written { packets: 1, bytes: packets[packet].len() };
    let refused = WriteOutcome::Refused { packet: len..2 * len, errno: libc::EPERM };
    assert_eq!(batch.outcomes, [written(0), refused, written(2), written(3)]);
}

/// The relay and the device dropped the packets after one call. One more call distinguishes the two causes.
#[test]
fn of_an_interface_that_is_down_one_packet_of_a_super_packet_is_tried() {
    let packets = [flow(1, 5), flow(2, 1)].concat();
    let (mut batch, model) = (Batch::new(), Model::new(|_: &Put| libc::EIO));
    batch.write_all(&model, &packets);
    let calls = [vec![Put::Joined(5)], singles(&packets[..1]), singles(&packets[5..])].concat();
    assert_eq!(model.take_calls(), calls);
    assert_eq!(batch.outcomes.len(), 6);
    assert!(batch.outcomes.iter().all(|one| matches!(one, WriteOutcome::Refused { errno: 5, .. })));
    assert_eq!(batch.writer.take_change(), None, "coalescing is not the reason");
    batch.write_all(&model, &packets);
    assert_eq!(model.take_calls()[0], Put::Joined(5));
}

#[test]
fn packets_that_are_refused_singly_too_do_not_end_coalescing() {
    let packets = flow(1, 4);
    for errno in (1..=133).filter(|errno| !NO_REFUSALS.contains(errno)) {
        let (mut batch, model) = (Batch::new(), Model::new(|_: &Put| errno));
        batch.write_all(&model, &packets);
        assert_eq!(batch.writer.take_change(), None, "{errno}");
        assert_eq!(batch.outcomes.len(), 4, "{errno}");
        assert!(batch.writer.coalesces());
    }
}

/// Only the relay has packets that are known to be single.
#[test]
fn packets_that_stay_alone_go_before_what_is_coalesced() {
    let (alone, packets) = (flow(9, 1), flow(1, 2));
    let (mut batch, model) = (Batch::new(), Model::new(|_: &Put| 0));
    batch.push_single(&alone[0]).push(&packets);
    assert_eq!(batch.writer.waiting(), 3);
    assert_eq!(batch.write(&model).unwrap(), WriteProgress::Done);
    assert_eq!(model.take_calls(), [singles(&alone), vec![Put::Joined(2)]].concat());
    assert_eq!(written(&batch.outcomes)[1].0, 2, "a super-packet is one write of two packets");
}

/// Only the device accepts packets while others wait. The relay reads none during that time.
#[test]
fn packets_added_while_the_device_has_no_room_come_after_those_that_wait() {
    let (first, later) = (flow(1, 3), flow(1, 2));
    for blocked_at in 0..4 {
        let mut batch = Batch::new();
        let count = RefCell::new(0);
        // The super-packet is refused, and one of the four single writes finds no room.
        let model = Model::new(|put: &Put| {
            let number = count.replace_with(|number| *number + 1);
            if number == blocked_at { libc::EAGAIN } else { refuse_joined(libc::EINVAL)(put) }
        });
        assert_eq!(batch.push(&first).write(&model).unwrap(), WriteProgress::Blocked);
        assert!(!batch.writer.is_done());
        assert_eq!(batch.push(&later).write(&model).unwrap(), WriteProgress::Done);
        let taken = model.take_calls();
        let taken: Vec<Put> = taken
            .into_iter()
            .enumerate()
            .filter(|(number, put)| *number != blocked_at && matches!(put, Put::Single(_)))
            .map(|(_, put)| put)
            .collect();
        assert_eq!(taken, singles(&[first.clone(), later.clone()].concat()), "{blocked_at}");
        assert_eq!(batch.writer.waiting(), 0);
    }
}

/// The relay checked errnos, and the device checked kinds of errors. A signal must not affect either.
#[test]
fn a_signal_lets_the_call_be_made_again() {
    let packets = [flow(1, 2), flow(2, 1)].concat();
    let (mut batch, count) = (Batch::new(), RefCell::new(0));
    let model =
        Model::new(
            |_: &Put| {
                if count.replace_with(|number| *number + 1) % 2 == 0 { libc::EINTR } else { 0 }
            },
        );
    batch.write_all(&model, &packets);
    let joined = vec![Put::Joined(2); 2];
    let single = [singles(&packets[2..]), singles(&packets[2..])].concat();
    assert_eq!(model.take_calls(), [joined, single].concat());
    assert_eq!(batch.outcomes.len(), 2);
}

/// The relay started again with its next batch, and the device as soon as a batch was written.
#[test]
fn a_batch_is_forgotten_when_its_owner_begins_anew() {
    let (mut batch, model) = (Batch::new(), Model::new(|_: &Put| libc::EAGAIN));
    batch.push(&flow(1, 3));
    assert_eq!(batch.write(&model).unwrap(), WriteProgress::Blocked);
    assert_eq!(batch.writer.waiting(), 3);
    batch.writer.restart();
    assert_eq!((batch.writer.waiting(), batch.writer.is_done()), (0, true));
    assert_eq!(batch.write(&model).unwrap(), WriteProgress::Done);
}

#[test]
fn what_may_not_be_coalesced_never_is() {
    let mut writer = CoalescingWriter::new(CoalesceOptions { tcp: false, udp: false });
    writer.restart();
    assert!(!writer.coalesces());
}
