//! Moves one packet per call.

use crate::Result;
use std::net::UdpSocket;
use tun_rs::SyncDevice;

pub fn outbound(device: &SyncDevice, socket: &UdpSocket, mtu: usize) -> Result<()> {
    let mut packet = vec![0; mtu];
    loop {
        let length = device.recv(&mut packet)?;
        // The peer refuses datagrams until it has started.
        let _ = socket.send(&packet[..length]);
    }
}

pub fn inbound(device: &SyncDevice, socket: &UdpSocket, mtu: usize) -> Result<()> {
    let mut packet = vec![0; mtu];
    loop {
        if let Ok(length) = socket.recv(&mut packet) {
            // An interface that is not up yet accepts nothing.
            let _ = device.send(&packet[..length]);
        }
    }
}
