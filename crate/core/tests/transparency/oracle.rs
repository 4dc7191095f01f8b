//! The oracle: a plain forwarder that uses one system call per packet and does not change packets.

use crate::forwarder::{Forwarder, Launcher, Wiring};
use crate::pump::{self, Work};
use crate::support::plain_tun::PlainTun;
use std::net::{SocketAddr, UdpSocket};

/// Replaces each packet, in either direction, by the returned ones. The oracle has none; the harness tests itself
/// with some that break the law.
pub(crate) type Tamper = Box<dyn FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send>;

/// Starts plain forwarders.
pub(crate) struct Plain {
    name: &'static str,
    tamper: Option<fn() -> Tamper>,
}

/// The oracle itself.
pub(crate) const ORACLE: Plain = Plain { name: "oracle", tamper: None };

impl Plain {
    /// Creates a plain forwarder that breaks the law as `tamper` does.
    pub(crate) const fn broken(name: &'static str, tamper: fn() -> Tamper) -> Self {
        Self { name, tamper: Some(tamper) }
    }
}

impl Launcher for Plain {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn launch(&self, wiring: &Wiring) -> Box<dyn Forwarder> {
        let open = if wiring.road.has_frames() { PlainTun::open_tap } else { PlainTun::open };
        let tun = open(pump::INTERFACE).expect("open the oracle's interface");
        let tamper = self.tamper.map(|make| make());
        let buffer = vec![0; 65_535];
        let work = PlainWork { tamper: tamper.unwrap_or_else(|| Box::new(|p| vec![p])), buffer };
        Box::new(pump::start(tun, wiring, work))
    }
}

struct PlainWork {
    tamper: Tamper,
    buffer: Vec<u8>,
}

/// Forwards each packet by itself. A packet that the other side refuses is lost alone: one that is too long
/// for a datagram, empty, or of a version other than 4 and 6 (EINVAL from the driver).
impl Work for PlainWork {
    fn outbound(&mut self, tun: &mut PlainTun, socket: &UdpSocket, peer: SocketAddr) {
        let Some(packet) = tun.read().expect("read the interface") else { return };
        for packet in (self.tamper)(packet.to_vec()) {
            let _ = socket.send_to(&packet, peer);
        }
    }

    fn inbound(&mut self, tun: &PlainTun, socket: &UdpSocket) {
        let Ok(count) = socket.recv(&mut self.buffer) else { return };
        for packet in (self.tamper)(self.buffer[..count].to_vec()) {
            let _ = tun.write(&packet);
        }
    }
}
