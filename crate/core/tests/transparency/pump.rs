//! The loop of the test's own forwarders.

use crate::forwarder::{Forwarder, Wiring};
use crate::support::{os, plain_tun::PlainTun};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread::JoinHandle;

/// Interface name; each forwarder has its own namespace.
pub(crate) const INTERFACE: &str = "plain0";

/// The reaction of a forwarder when one of its sides is readable.
pub(crate) trait Work: Send + 'static {
    /// The interface can be read.
    fn outbound(&mut self, tun: &mut PlainTun, socket: &UdpSocket, peer: SocketAddr);

    /// The socket, which never blocks, can be read.
    fn inbound(&mut self, tun: &PlainTun, socket: &UdpSocket);
}

/// A forwarder on its own thread.
pub(crate) struct Running {
    listens_on: SocketAddr,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

/// Brings the interface `tun` up and starts to `work`.
pub(crate) fn start(mut tun: PlainTun, wiring: &Wiring, mut work: impl Work) -> Running {
    for change in [format!("mtu {}", wiring.road.mtu), "up".to_owned()] {
        let mut command = Command::new("ip");
        command.args(["link", "set", INTERFACE]).args(change.split(' '));
        assert!(command.status().expect("ip link set").success(), "{change}");
    }
    let socket = UdpSocket::bind((wiring.road.loopback, 0)).expect("bind a UDP socket");
    socket.set_nonblocking(true).expect("non-blocking");
    os::set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, 64 << 20)
        .expect("SO_RCVBUFFORCE");
    let listens_on = socket.local_addr().expect("getsockname");
    let (stop, stopped) = UnixStream::pair().expect("socketpair");
    let peer = wiring.peer;
    let forward = move || {
        loop {
            let readable = os::wait_readable([&tun, &socket, &stopped]).expect("poll");
            let [from_tun, from_udp, is_over] = readable;
            if is_over {
                return;
            }
            if from_tun {
                work.outbound(&mut tun, &socket, peer);
            }
            if from_udp {
                work.inbound(&tun, &socket);
            }
        }
    };
    Running { listens_on, stop: Some(stop), thread: Some(std::thread::spawn(forward)) }
}

impl Forwarder for Running {
    fn interface(&self) -> &str {
        INTERFACE
    }

    fn listens_on(&self) -> SocketAddr {
        self.listens_on
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The other end of the pair becomes readable.
        drop(self.stop.take());
        let result = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(result, Some(Ok(()))), "the forwarder panicked");
        }
    }
}
