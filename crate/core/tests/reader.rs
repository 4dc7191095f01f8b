//! Packets of a device read in batches: one call each, or several at a time by io_uring(7), which must
//! make no difference but in speed.

#[path = "support/refusal.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod refusal;
#[path = "support/room.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod room;

use refusal::Verdict;
use room::{TestNamespace, skip};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use tun2udp_core::backoff::Backoff;
use tun2udp_core::device::{DeviceOptions, TunDevice};
use tun2udp_core::packet::layer::Layer;
use tun2udp_core::port::{Filled, Form, Reader, Space};
use tun2udp_core::sys::uring::ReadRing;

/// Bytes of the IPv4 and UDP headers.
const HEADERS: usize = 28;
/// Bytes of a slab as `lib/device/packets/source.ts` has it.
const SLAB: usize = 256 << 10;
/// The MTU of the device, which the longest packets here use up.
const MTU: usize = 65_000;

#[track_caller]
fn skips() -> bool {
    let no_ring = || ReadRing::new(1, 64).err().map(|error| format!("io_uring_setup: {error}"));
    skip::because(room::missing().or_else(no_ring))
}

/// A device with an address, and who sends numbered datagrams into it.
struct Traffic {
    device: TunDevice,
    socket: UdpSocket,
    sent: Vec<Vec<u8>>,
}

impl Traffic {
    fn new(place: &TestNamespace, vnet_len: usize) -> Self {
        let options = DeviceOptions {
            name: Some("read0".to_owned()),
            has_vnet_header: vnet_len > 0,
            ..DeviceOptions::default()
        };
        let device = TunDevice::open(&options).unwrap();
        place.run(&format!("ip link set read0 mtu {MTU} txqueuelen 5000 up"));
        place.run("ip address add 10.77.0.1/24 dev read0");
        let socket = UdpSocket::bind("10.77.0.1:0").unwrap();
        socket.connect("10.77.0.2:9").unwrap();
        Self { device, socket, sent: Vec::new() }
    }

    /// Sends `count` datagrams, the length of each by its number.
    fn send(&mut self, count: usize, len: impl Fn(usize) -> usize) {
        for _ in 0..count {
            let number = self.sent.len();
            let mut payload = vec![number as u8; len(number).max(4)];
            payload[..4].copy_from_slice(&(number as u32).to_be_bytes());
            self.socket.send(&payload).unwrap();
            self.sent.push(payload);
        }
    }
}

/// What is read into one slab after another, until nothing is there.
struct Reading {
    reader: Reader,
    slab: Vec<u8>,
    offsets: Vec<u32>,
    start: usize,
    max_packets: usize,
    payloads: Vec<Vec<u8>>,
}

impl Reading {
    fn new(reader: Reader, slab: usize, max_packets: usize) -> Self {
        let offsets = vec![0; max_packets + 1];
        Self { reader, slab: vec![0; slab], offsets, start: 0, max_packets, payloads: Vec::new() }
    }

    /// One batch; answers how many packets it was of.
    fn step(&mut self, device: &TunDevice, form: Form) -> std::io::Result<usize> {
        loop {
            let room = Space {
                slab: &mut self.slab,
                offsets: &mut self.offsets,
                start: self.start,
                max_packets: self.max_packets,
            };
            match self.reader.read(device, room, form)? {
                Filled::NeedsRoom => {
                    assert_ne!(self.start, 0, "an empty slab has room for any packet");
                    self.start = 0;
                }
                Filled::Pause(pause) => std::thread::sleep(pause),
                Filled::Packets(count) => {
                    for ends in self.offsets[..=count].windows(2) {
                        let packet = &self.slab[ends[0] as usize..ends[1] as usize];
                        let vnet_len = if form == Form::Whole && packet[0] == 0 { 10 } else { 0 };
                        self.payloads.push(packet[vnet_len + HEADERS..].to_vec());
                    }
                    self.start = self.offsets[count] as usize;
                    return Ok(count);
                }
            }
        }
    }

    fn drain(&mut self, device: &TunDevice, form: Form) {
        while self.step(device, form).unwrap() > 0 {}
    }
}

/// Lengths of payloads such that some are as long as can be, and most are short.
fn mixed(number: usize) -> usize {
    match number % 50 {
        7 => MTU - HEADERS,
        23 => 20_000,
        _ => number * 37 % 1400,
    }
}

fn readers() -> [(Reader, usize); 2] {
    [(Reader::whole(), 0), (Reader::cutting(10, Layer::Ip), 10)]
}

#[test]
fn every_packet_comes_once_and_in_order() {
    if skips() {
        return;
    }
    for max_packets in [1, 7, 256] {
        for slab in [Reader::largest_packet() + 10, SLAB] {
            for (reader, vnet_len) in readers() {
                TestNamespace::enter(|place| {
                    let mut traffic = Traffic::new(place, vnet_len);
                    let reader = reader.with_io_uring(true);
                    let mut reading = Reading::new(reader, slab, max_packets);
                    for _ in 0..3 {
                        traffic.send(400, mixed);
                        reading.drain(&traffic.device, Form::Cut);
                    }
                    assert!(reading.payloads == traffic.sent, "{max_packets} {slab} {vnet_len}");
                    let counters = reading.reader.counters();
                    assert_eq!(counters.packets, 1200);
                    // One packet at a time is read by a call of its own.
                    assert_eq!(counters.via_io_uring > 600, max_packets > 1, "{counters:?}");
                    assert!(!reading.reader.has_waiting());
                });
            }
        }
    }
}

#[test]
fn a_device_with_few_packets_is_read_one_by_one() {
    if skips() {
        return;
    }
    TestNamespace::enter(|place| {
        let mut traffic = Traffic::new(place, 0);
        let mut reading = Reading::new(Reader::whole().with_io_uring(true), SLAB, 256);
        for _ in 0..50 {
            traffic.send(15, mixed);
            reading.drain(&traffic.device, Form::Cut);
        }
        assert!(reading.payloads == traffic.sent);
        assert_eq!(reading.reader.counters().via_io_uring, 0);
    });
}

#[test]
fn the_form_may_change_while_packets_wait() {
    if skips() {
        return;
    }
    TestNamespace::enter(|place| {
        let mut traffic = Traffic::new(place, 10);
        let reader = Reader::cutting(10, Layer::Ip).with_io_uring(true);
        let mut reading = Reading::new(reader, Reader::largest_packet() + 10, 256);
        traffic.send(600, |_| 1400);
        let mut forms = [Form::Whole, Form::Cut].into_iter().cycle();
        let mut waited = 0;
        while reading.step(&traffic.device, forms.next().unwrap()).unwrap() > 0 {
            waited += usize::from(reading.reader.has_waiting());
        }
        assert!(reading.payloads == traffic.sent);
        assert!(waited > 5, "{waited}");
    });
}

#[test]
fn what_was_read_comes_before_the_end_of_the_device() {
    if skips() {
        return;
    }
    TestNamespace::enter(|place| {
        let mut traffic = Traffic::new(place, 0);
        let reader = Reader::whole().with_io_uring(true);
        let mut reading = Reading::new(reader, Reader::largest_packet() + 10, 256);
        traffic.send(300, |_| 1400);
        while !reading.reader.has_waiting() {
            assert!(reading.step(&traffic.device, Form::Cut).unwrap() > 0);
        }
        place.run("ip link delete read0");
        let error = loop {
            match reading.step(&traffic.device, Form::Cut) {
                Ok(0) => panic!("the device is gone"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(libc::EBADFD));
        assert!(traffic.sent.starts_with(&reading.payloads));
        assert!(!reading.reader.has_waiting());
    });
}

#[test]
fn packets_come_one_by_one_where_the_kernel_gives_no_ring() {
    if skips() {
        return;
    }
    if skip::because(refusal::missing()) {
        return;
    }
    let refusals = [
        (libc::SYS_io_uring_setup, libc::ENOSYS),
        (libc::SYS_io_uring_setup, libc::EPERM),
        (libc::SYS_io_uring_register, libc::ENOMEM),
        (libc::SYS_io_uring_enter, libc::EINVAL),
        (libc::SYS_io_uring_enter, libc::EPERM),
    ];
    for (call, errno) in refusals {
        for (reader, vnet_len) in readers() {
            TestNamespace::enter(|place| {
                let mut traffic = Traffic::new(place, vnet_len);
                traffic.send(500, mixed);
                let mut reading = Reading::new(reader.with_io_uring(true), SLAB, 256);
                refusal::under(
                    &[call],
                    move |_| Verdict::Refuse(errno),
                    || {
                        reading.drain(&traffic.device, Form::Cut);
                        assert!(reading.payloads == traffic.sent, "{call} {errno}");
                        assert_eq!(reading.reader.counters().via_io_uring, 0);
                    },
                );
            });
        }
    }
}

/// Only an interface that is gone ends the reading: any other failure passes, and is counted.
#[test]
fn every_errno_of_a_read_but_that_of_a_deleted_interface_is_counted_and_passes() {
    if skips() {
        return;
    }
    if skip::because(refusal::missing()) {
        return;
    }
    let uncounted = [libc::EINTR, libc::EAGAIN];
    TestNamespace::enter(|place| {
        let mut traffic = Traffic::new(place, 0);
        let fd = traffic.device.as_raw_fd() as u64;
        for errno in (1..=133).filter(|errno| *errno != libc::EBADFD) {
            traffic.sent.clear();
            traffic.send(3, mixed);
            let mut reading = Reading::new(Reader::whole(), SLAB, 256);
            let mut left = 2;
            let judge = move |call: &refusal::Call| {
                if call.arguments[0] != fd || left == 0 {
                    return Verdict::Pass;
                }
                left -= 1;
                Verdict::Refuse(errno)
            };
            refusal::under(&[libc::SYS_read], judge, || {
                // EAGAIN means that nothing is there: it is asked again once the device is readable.
                while reading.payloads.len() < 3 {
                    reading.step(&traffic.device, Form::Cut).unwrap();
                }
            });
            assert!(reading.payloads == traffic.sent, "{errno}");
            let expected = if uncounted.contains(&errno) { 0 } else { 2 };
            assert_eq!(reading.reader.counters().errors, expected, "{errno}");
        }
    });
}

#[test]
fn packets_are_read_several_at_a_time_again_once_the_kernel_lets_them() {
    if skips() {
        return;
    }
    if skip::because(refusal::missing()) {
        return;
    }
    for call in [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter] {
        TestNamespace::enter(|place| {
            let mut traffic = Traffic::new(place, 0);
            let mut reading = Reading::new(Reader::whole().with_io_uring(true), SLAB, 256);
            let mut left = 1;
            let judge = move |_: &refusal::Call| {
                left -= 1;
                if left >= 0 { Verdict::Refuse(libc::ENOMEM) } else { Verdict::Pass }
            };
            refusal::under(&[call], judge, || {
                traffic.send(400, mixed);
                reading.drain(&traffic.device, Form::Cut);
                assert_eq!(reading.reader.counters().via_io_uring, 0, "{call}");
                std::thread::sleep(Backoff::OFFLOAD_PAUSE);
                traffic.send(400, mixed);
                reading.drain(&traffic.device, Form::Cut);
            });
            assert!(reading.payloads == traffic.sent, "{call}");
            assert!(reading.reader.counters().via_io_uring > 100, "{call}");
        });
    }
}
