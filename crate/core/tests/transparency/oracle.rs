//! The oracle: a plain forwarder, one packet a system call, nothing kept, nothing looked at.

use crate::forwarder::{Forwarder, Launcher, Wiring};
use crate::support::{os, plain_tun::PlainTun};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread::JoinHandle;

/// Interface name; each forwarder has a namespace to itself.
const INTERFACE: &str = "plain0";

/// What is done to each packet on its way, in either direction: the packets that go on in its
/// place. The oracle has none; the harness tests itself with ones that break the law.
pub(crate) type Tamper = Box<dyn FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send>;

/// Starts plain forwarders.
pub(crate) struct Plain {
    name: &'static str,
    tamper: Option<fn() -> Tamper>,
}

/// The oracle itself.
pub(crate) const ORACLE: Plain = Plain { name: "oracle", tamper: None };

impl Plain {
    /// A plain forwarder that breaks the law in the way that `tamper` makes.
    pub(crate) const fn broken(name: &'static str, tamper: fn() -> Tamper) -> Self {
        Self { name, tamper: Some(tamper) }
    }
}

impl Launcher for Plain {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn launch(&self, wiring: &Wiring) -> Box<dyn Forwarder> {
        let tun = PlainTun::open(INTERFACE).expect("open the oracle's interface");
        for change in [format!("mtu {}", wiring.road.mtu), "up".to_owned()] {
            let mut command = Command::new("ip");
            command.args(["link", "set", INTERFACE]).args(change.split(' '));
            assert!(command.status().expect("ip link set").success(), "{change}");
        }
        let socket = UdpSocket::bind((wiring.road.loopback, 0)).expect("bind the oracle's socket");
        os::set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, 64 << 20)
            .expect("SO_RCVBUFFORCE");
        let listens_on = socket.local_addr().expect("getsockname");
        let (stop, stopped) = UnixStream::pair().expect("socketpair");
        let peer = wiring.peer;
        let tamper = self.tamper.map(|make| make());
        let thread = std::thread::spawn(move || forward(tun, &socket, peer, &stopped, tamper));
        Box::new(Running { listens_on, stop: Some(stop), thread: Some(thread) })
    }
}

struct Running {
    listens_on: SocketAddr,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
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
            assert!(matches!(result, Some(Ok(()))), "the plain forwarder panicked");
        }
    }
}

fn forward(
    mut tun: PlainTun,
    socket: &UdpSocket,
    peer: SocketAddr,
    stopped: &UnixStream,
    tamper: Option<Tamper>,
) {
    let mut tamper = tamper.unwrap_or_else(|| Box::new(|packet| vec![packet]));
    let mut datagram = vec![0; 65_535];
    loop {
        let [from_tun, from_udp, is_over] =
            os::wait_readable([&tun, socket, stopped]).expect("poll");
        if is_over {
            return;
        }
        // A packet that the other side does not take is lost, and nothing else with it: too long
        // for a datagram, empty, or of a version that is neither 4 nor 6 (EINVAL from the driver).
        if from_tun && let Some(packet) = tun.read().expect("read the interface") {
            for packet in tamper(packet.to_vec()) {
                let _ = socket.send_to(&packet, peer);
            }
        }
        if from_udp && let Ok(count) = socket.recv(&mut datagram) {
            for packet in tamper(datagram[..count].to_vec()) {
                let _ = tun.write(&packet);
            }
        }
    }
}
