//! One packet a call.

use crate::Result;
use std::net::UdpSocket;
use tun_rs::SyncDevice;

pub fn outbound(device: &SyncDevice, socket: &UdpSocket, mtu: usize) -> Result<()> {
    let mut packet = vec![0; mtu];
    loop {
        let length = device.recv(&mut packet)?;
        // A peer that is not there yet refuses.
        let _ = socket.send(&packet[..length]);
    }
}

pub fn inbound(device: &SyncDevice, socket: &UdpSocket, mtu: usize) -> Result<()> {
    let mut packet = vec![0; mtu];
    loop {
        if let Ok(length) = socket.recv(&mut packet) {
            // An interface that is not up yet takes nothing.
            let _ = device.send(&packet[..length]);
        }
    }
}
