//! Moves batches: super-packets at the device, `sendmmsg` and `recvmmsg` at the socket.

use crate::Result;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg};
use std::io::{IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use tun_rs::{GROTable, IDEAL_BATCH_SIZE, SyncDevice, VIRTIO_NET_HDR_LEN};

/// The length of the longest IP packet.
const MAX_PACKET: usize = 65_535;

pub fn outbound(device: &SyncDevice, socket: &UdpSocket, mtu: usize) -> Result<()> {
    let mut super_packet = vec![0; VIRTIO_NET_HDR_LEN + MAX_PACKET];
    let mut packets = vec![vec![0; mtu]; IDEAL_BATCH_SIZE];
    let mut lengths = vec![0; IDEAL_BATCH_SIZE];
    let mut headers = MultiHeaders::<()>::preallocate(IDEAL_BATCH_SIZE, None);
    loop {
        let count = device.recv_multiple(&mut super_packet, &mut packets, &mut lengths, 0)?;
        let slices: Vec<_> = packets
            .iter()
            .zip(&lengths)
            .take(count)
            .map(|(packet, &length)| [IoSlice::new(&packet[..length])])
            .collect();
        let mut sent = 0;
        while sent < count {
            let rest = &slices[sent..];
            let addresses = vec![None; rest.len()];
            let flags = MsgFlags::empty();
            match sendmmsg(socket.as_raw_fd(), &mut headers, rest, addresses, [], flags) {
                Ok(results) => sent += results.count(),
                // The peer refuses datagrams until it has started; this datagram is lost.
                Err(_) => sent += 1,
            }
        }
    }
}

pub fn inbound(device: &SyncDevice, socket: &UdpSocket, mtu: usize) -> Result<()> {
    let mut table = GROTable::default();
    // Coalesced packets are appended to the first of them.
    let mut packets: Vec<Vec<u8>> = (0..IDEAL_BATCH_SIZE)
        .map(|_| Vec::with_capacity(VIRTIO_NET_HDR_LEN + MAX_PACKET))
        .collect();
    let mut headers = MultiHeaders::<()>::preallocate(IDEAL_BATCH_SIZE, None);
    loop {
        // If packets are as long as the MTU, this writes nothing.
        for packet in &mut packets {
            packet.resize(VIRTIO_NET_HDR_LEN + mtu, 0);
        }
        let lengths: Vec<usize> = {
            let mut slices: Vec<_> = packets
                .iter_mut()
                .map(|packet| [IoSliceMut::new(&mut packet[VIRTIO_NET_HDR_LEN..])])
                .collect();
            let flags = MsgFlags::MSG_WAITFORONE;
            match recvmmsg(socket.as_raw_fd(), &mut headers, &mut slices, flags, None) {
                Ok(results) => results.map(|message| message.bytes).collect(),
                Err(_) => continue,
            }
        };
        for (packet, length) in packets.iter_mut().zip(&lengths) {
            packet.truncate(VIRTIO_NET_HDR_LEN + length);
        }
        // An interface that is not up yet accepts nothing.
        let batch = &mut packets[..lengths.len()];
        let _ = device.send_multiple(&mut table, batch, VIRTIO_NET_HDR_LEN);
    }
}
