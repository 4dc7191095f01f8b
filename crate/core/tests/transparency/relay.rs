//! The relay under test, in each of the ways in which it can work.

use crate::forwarder::{Forwarder, Launcher, Wiring};
use std::net::SocketAddr;
use tun2udp_core::relay::{OffloadConfig, Relay, RelayConfig};

/// One way: which of the kernel's shortcuts are allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelayVariant {
    pub(crate) name: &'static str,
    pub(crate) offload: OffloadConfig,
    /// Super-packets go over the interface, at least one way, so that there is less on it than
    /// went through.
    pub(crate) joins_packets: bool,
}

/// All ways: everything, nothing, and each fall-back forced by itself.
pub(crate) const VARIANTS: [RelayVariant; 4] = [
    RelayVariant { name: "relay", offload: OffloadConfig::ALL, joins_packets: false },
    RelayVariant { name: "plain relay", offload: OffloadConfig::NONE, joins_packets: false },
    RelayVariant {
        name: "relay without UDP_SEGMENT",
        offload: OffloadConfig { udp_segment: false, ..OffloadConfig::ALL },
        joins_packets: false,
    },
    RelayVariant {
        name: "relay without UDP_GRO",
        offload: OffloadConfig { udp_gro: false, ..OffloadConfig::ALL },
        joins_packets: false,
    },
];

impl Launcher for RelayVariant {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn launch(&self, wiring: &Wiring) -> Box<dyn Forwarder> {
        let address = "10.9.0.1/24".parse().expect("an address");
        let mut config = RelayConfig::new(address, wiring.peer, 0);
        config.mtu = Some(wiring.road.mtu);
        config.offload = self.offload;
        let name = self.name;
        let relay = Relay::start(config, move |event| println!("{name}: {}", event.message));
        Box::new(Running(relay.unwrap_or_else(|error| panic!("start the {name}: {error}"))))
    }
}

struct Running(Relay);

impl Forwarder for Running {
    fn interface(&self) -> &str {
        &self.0.info().interface_name
    }

    fn listens_on(&self) -> SocketAddr {
        self.0.info().local
    }
}
