//! A relay whose datagrams may come back out of its interface, and the host that it runs on.

use crate::namespace::{in_namespace, ip};
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tun2udp_core::relay::{Relay, RelayConfig};

pub(crate) const BURST: u64 = 20;

/// A relay and the kinds of its events.
pub(crate) struct Running {
    pub(crate) relay: Relay,
    pub(crate) events: Arc<Mutex<Vec<&'static str>>>,
}

impl Running {
    pub(crate) fn start(config: RelayConfig) -> Self {
        let events = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&events);
        let relay =
            Relay::start(config, move |event| seen.lock().unwrap().push(event.kind)).unwrap();
        Self { relay, events }
    }

    pub(crate) fn interface(&self) -> &str {
        &self.relay.info().interface_name
    }

    pub(crate) fn sent(&self) -> u64 {
        self.relay.stats().outbound.datagrams_sent
    }

    pub(crate) fn looped(&self) -> u64 {
        self.relay.stats().outbound.looped
    }

    pub(crate) fn read(&self) -> u64 {
        self.relay.stats().outbound.packets_read
    }

    /// The events about loops.
    pub(crate) fn loop_events(&self) -> Vec<&'static str> {
        let events = self.events.lock().unwrap();
        events.iter().copied().filter(|kind| kind.starts_with("loop")).collect()
    }

    /// Waits until a loop has ended, which takes a few checks, one per second, and calls `action` every now and then.
    pub(crate) fn await_end(&self, loops: usize, action: impl Fn()) {
        let expected = ["loop", "loop-ended"].repeat(loops);
        // On a busy machine this is longer than `eventually` waits.
        for _ in 0..600 {
            if self.loop_events() == expected {
                return;
            }
            action();
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{:?}", self.loop_events());
    }
}

/// A host with a gateway on its link, in both address families.
pub(crate) fn with_host(body: impl FnOnce()) {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        ip("link set v0 up");
        ip("link set v1 up");
        ip("-4 address add 192.0.2.1/24 dev v0");
        ip("-6 address add 2001:db8::1/64 dev v0 nodad");
        for gateway in ["192.0.2.2", "2001:db8::2"] {
            ip(&format!("neighbor add {gateway} lladdr 02:00:00:00:00:02 nud permanent dev v0"));
        }
        ip("-4 route add 203.0.113.0/24 via 192.0.2.2");
        ip("-6 route add 2001:db8:f::/64 via 2001:db8::2");
        body();
    });
}

pub(crate) fn config(peer: &str) -> RelayConfig {
    RelayConfig::new("10.9.0.1/24".parse().unwrap(), peer.parse().unwrap(), 0)
}

/// Sends packets of `len` bytes of payload into the tunnel.
pub(crate) fn send(len: usize) {
    let inside = UdpSocket::bind("10.9.0.1:0").unwrap();
    for _ in 0..BURST {
        inside.send_to(&vec![7; len], "10.9.0.2:7").unwrap();
    }
}
