//! A forwarder that uses tun-rs as its documentation recommends.
//!
//! `bench-tun-rs plain|gso INTERFACE MTU PORT PEER_PORT`, both ports on 127.0.0.1.
//!
//! `plain` moves one packet per call. With `gso`, tun-rs splits super-packets and coalesces packets, and the
//! datagrams of a batch are sent and received with one `sendmmsg` and one `recvmmsg`.

mod gso;
mod plain;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;
use std::env::args;
use std::error::Error;
use std::net::UdpSocket;
use std::sync::Arc;
use tun_rs::DeviceBuilder;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = args().skip(1).collect();
    let [mode, name, mtu, port, peer_port] = arguments.as_slice() else {
        return Err("usage: bench-tun-rs plain|gso INTERFACE MTU PORT PEER_PORT".into());
    };
    let socket = UdpSocket::bind(("127.0.0.1", port.parse()?))?;
    socket.connect(("127.0.0.1", peer_port.parse()?))?;
    if mode == "gso" {
        // The default buffer has room for less than two super-packets in pieces.
        setsockopt(&socket, RcvBufForce, &(7 << 20))?;
    }
    let device =
        DeviceBuilder::new().name(name).enable(false).offload(mode == "gso").build_sync()?;
    let (device, socket) = (Arc::new(device), Arc::new(socket));
    let mtu = mtu.parse()?;
    let inbound = {
        let (device, socket) = (Arc::clone(&device), Arc::clone(&socket));
        let run = if mode == "gso" { gso::inbound } else { plain::inbound };
        std::thread::spawn(move || run(&device, &socket, mtu))
    };
    let run = if mode == "gso" { gso::outbound } else { plain::outbound };
    run(&device, &socket, mtu)?;
    inbound.join().map_err(|_| "the inbound thread panicked")?
}
