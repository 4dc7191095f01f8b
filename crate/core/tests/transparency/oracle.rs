//! The oracle: a plain forwarder, one packet a system call, nothing kept, nothing looked at.

use crate::forwarder::{Forwarder, Launcher, Wiring};
use crate::pump::{self, Work};
use crate::support::plain_tun::PlainTun;
use std::net::{SocketAddr, UdpSocket};

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
        let tun = PlainTun::open(pump::INTERFACE).expect("open the oracle's interface");
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

/// A packet that the other side does not take is lost, and nothing else with it: too long for a
/// datagram, empty, or of a version that is neither 4 nor 6 (EINVAL from the driver).
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
