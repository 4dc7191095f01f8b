use super::super::channel::Selection;
use super::super::config::Output;
use super::super::pcapng::{Comment, LINK_RAW};
use super::super::stats::{SIDES, Side};
use super::super::tap::{Record, Tap};
use super::*;
use crate::sys::poll::WakeUp;
use socket2::{Domain, Socket, Type};
use std::io::{IoSlice, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Half of a buffer, bytes. A packet is much smaller.
const HALF: usize = 8 << 10;
/// How long a test waits for what the writer does at once.
const LIMIT: Duration = Duration::from_secs(60);

/// A writer that never wakes by itself, and whose output is a socket that keeps the bounds of writes.
struct Running {
    channel: Arc<Channel>,
    tap: Tap,
    reader: Socket,
    output: Socket,
    writer: JoinHandle<Result<(), Arc<Error>>>,
}

/// Creates a channel, the captures of a relay with one queue, and the writer.
fn writer(output: Socket) -> (Arc<Channel>, Arc<Taps>, Writer) {
    let selection = Selection {
        interfaces: [Some(0), None],
        snap_length: 1_000,
        filter: None,
        buffer_bytes: 2 * HALF,
    };
    let channel = Arc::new(Channel::new(selection, 1, WakeUp::new().unwrap()));
    let taps = Arc::new(Taps::new(1, Box::new(|_| {})));
    let name = "tun0".to_owned();
    let writer = Writer {
        channel: Arc::clone(&channel),
        taps: Arc::clone(&taps),
        sink: Sink::open(Output::Descriptor(OwnedFd::from(output))).unwrap(),
        interfaces: vec![Interface { name, description: "", link: LINK_RAW, snap_length: 1_000 }],
        began: 0,
        packets_left: u64::MAX,
        pause: Duration::from_secs(100_000),
    };
    (channel, taps, writer)
}

/// Passes a packet of 100 bytes.
fn record(channel: &Channel) {
    let pieces = [IoSlice::new(&[0x45; 100])];
    let record = Record {
        side: Side::InsideInbound,
        time: 1,
        pieces: &pieces,
        outer: None,
        comment: Comment::None,
    };
    channel.record(0, &record, &mut Vec::new());
}

impl Running {
    fn start() -> Self {
        let (reader, output) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap();
        reader.set_read_timeout(Some(LIMIT)).unwrap();
        let (channel, taps, writer) = writer(output.try_clone().unwrap());
        let writer = thread::spawn(move || writer.run());
        Self { channel, tap: Tap::new(&taps, 0), reader, output, writer }
    }

    /// Returns whether the socket of the output takes a write.
    fn has_room(&self) -> bool {
        let (wake, events) = (WakeUp::new().unwrap(), Events { room: true, ending: false });
        let fd = Some(self.output.as_fd());
        wait(&wake, fd, events, Duration::ZERO).unwrap().is_writable
    }

    /// Ends the capture as a relay does that is closed.
    fn finish(mut self) {
        self.tap.end(&[0; SIDES]);
        self.channel.close();
        drop(self.output);
        self.writer.join().unwrap().unwrap();
    }
}

/// Returns the next write; empty: the writer has ended.
fn next(reader: &mut Socket) -> Vec<u8> {
    let mut bytes = vec![0; 4 * HALF];
    let len = reader.read(&mut bytes).expect("the writer writes");
    bytes.truncate(len);
    bytes
}

/// Sends the lengths of all writes.
fn lengths(mut reader: Socket) -> Receiver<usize> {
    let (sender, lengths) = mpsc::channel();
    thread::spawn(move || {
        while let len @ 1.. = next(&mut reader).len() {
            sender.send(len).unwrap();
        }
    });
    lengths
}

#[test]
fn the_writer_sleeps_once_it_finds_little() {
    let (channel, _taps, writer) =
        writer(Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap().0);
    let mut buffers = channel.buffers();
    for (packets, is_busy) in
        [(0, false), (1, false), (7, false), (8, true), (50, true), (0, false)]
    {
        for _ in 0..packets {
            record(&channel);
        }
        assert_eq!(writer.take(&mut buffers), is_busy, "{packets}");
        assert_eq!(pcapng::blocks(&buffers[0]).count(), packets);
    }
}

#[test]
fn a_wake_up_that_is_cleared_too_early_is_not_lost() {
    let (_reader, output) = Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap();
    let (channel, _taps, mut writer) = writer(output);
    writer.pause = LIMIT;
    let began = Instant::now();
    while !channel.is_half_full() {
        record(&channel);
    }
    channel.wake.clear();
    writer.pause().unwrap();
    writer.take(&mut channel.buffers());
    channel.close();
    channel.wake.clear();
    writer.pause().unwrap();
    assert!(began.elapsed() < LIMIT, "a pause lasted to its end");
}

#[test]
fn a_small_write_is_followed_by_one_of_half_a_buffer() {
    let running = Running::start();
    let lengths = lengths(running.reader.try_clone().unwrap());
    let began = Instant::now();
    let mut written = Vec::new();
    while written.len() < 200 {
        assert!(began.elapsed() < LIMIT, "{written:?}");
        record(&running.channel);
        written.extend(lengths.try_iter());
    }
    running.finish();
    written.extend(lengths);
    // Around these are the begin of the file, and the rest and the statistics.
    let paced = written.get(1..written.len() - 2).unwrap();
    for pair in paced.windows(2) {
        assert!(pair[0] > 2 * HALF / BUSY_PART || pair[1] >= HALF, "{pair:?} in {written:?}");
    }
}

#[test]
fn a_buffer_that_becomes_full_while_the_output_is_full_is_written_after_it() {
    let mut running = Running::start();
    // Nothing is read yet, so the socket becomes full.
    while running.has_room() {
        record(&running.channel);
    }
    // The writer waits for it with a buffer, and the other one becomes full, too.
    while running.channel.stats().inside_inbound.left_out < 20_000 {
        record(&running.channel);
    }
    let mut packets = 0;
    // The begin of the file has no packets.
    next(&mut running.reader);
    while packets < running.channel.stats().inside_inbound.captured {
        packets += pcapng::blocks(&next(&mut running.reader)).count() as u64;
    }
    running.reader.set_read_timeout(None).unwrap();
    let end = lengths(running.reader.try_clone().unwrap());
    running.finish();
    assert_eq!(end.iter().count(), 1, "the statistics");
}
