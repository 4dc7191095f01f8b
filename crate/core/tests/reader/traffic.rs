//! Numbered packets that a device receives, and a reader of them.

use crate::room::{self, TestNamespace, skip};
use std::net::UdpSocket;
use tun2udp_core::device::{DeviceOptions, TunDevice};
use tun2udp_core::packet::layer::Layer;
use tun2udp_core::port::{Filled, Form, Reader, Space};
use tun2udp_core::sys::uring::ReadRing;

/// Bytes of the IPv4 and UDP headers.
pub(crate) const HEADERS: usize = 28;
/// Bytes of a slab, as in `lib/device/packets/source.ts`.
pub(crate) const SLAB: usize = 256 << 10;
/// The MTU of the device, which the longest packets have.
pub(crate) const MTU: usize = 65_000;

/// Returns whether to skip the calling test, and prints why.
#[track_caller]
pub(crate) fn skips() -> bool {
    let no_ring = || ReadRing::new(1, 64).err().map(|error| format!("io_uring_setup: {error}"));
    skip::because(room::missing().or_else(no_ring))
}

/// A device with an address, and the socket that sends numbered datagrams into it.
pub(crate) struct Traffic {
    pub(crate) device: TunDevice,
    pub(crate) socket: UdpSocket,
    pub(crate) sent: Vec<Vec<u8>>,
}

impl Traffic {
    pub(crate) fn new(place: &TestNamespace, vnet_len: usize) -> Self {
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

    /// Sends `count` datagrams. The number of each determines its length.
    pub(crate) fn send(&mut self, count: usize, len: impl Fn(usize) -> usize) {
        for _ in 0..count {
            let number = self.sent.len();
            let mut payload = vec![number as u8; len(number).max(4)];
            payload[..4].copy_from_slice(&(number as u32).to_be_bytes());
            self.socket.send(&payload).unwrap();
            self.sent.push(payload);
        }
    }
}

/// Reads batches into a slab until the device is empty.
pub(crate) struct Reading {
    pub(crate) reader: Reader,
    pub(crate) slab: Vec<u8>,
    pub(crate) offsets: Vec<u32>,
    pub(crate) start: usize,
    pub(crate) max_packets: usize,
    pub(crate) payloads: Vec<Vec<u8>>,
}

impl Reading {
    pub(crate) fn new(reader: Reader, slab: usize, max_packets: usize) -> Self {
        let offsets = vec![0; max_packets + 1];
        Self { reader, slab: vec![0; slab], offsets, start: 0, max_packets, payloads: Vec::new() }
    }

    /// Reads one batch; returns the number of its packets.
    pub(crate) fn step(&mut self, device: &TunDevice, form: Form) -> std::io::Result<usize> {
        loop {
            let space = Space {
                slab: &mut self.slab,
                offsets: &mut self.offsets,
                start: self.start,
                max_packets: self.max_packets,
            };
            match self.reader.read(device, space, form)? {
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

    pub(crate) fn drain(&mut self, device: &TunDevice, form: Form) {
        while self.step(device, form).unwrap() > 0 {}
    }
}

/// Lengths of payloads: a few are as long as the MTU allows, most are short.
pub(crate) fn mixed(number: usize) -> usize {
    match number % 50 {
        7 => MTU - HEADERS,
        23 => 20_000,
        _ => number * 37 % 1400,
    }
}

pub(crate) fn readers() -> [(Reader, usize); 2] {
    [(Reader::whole(), 0), (Reader::cutting(10, Layer::Ip), 10)]
}
