//! The relay under test, with each offload on and off.

use crate::forwarder::{Forwarder, Launcher, Wiring};
use std::net::SocketAddr;
use tun2udp_core::relay::{Mode, OffloadConfig, Relay, RelayConfig};

/// One variant: the offloads that are allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelayVariant {
    pub(crate) name: &'static str,
    pub(crate) offload: OffloadConfig,
    pub(crate) queues: usize,
    pub(crate) source_ports: usize,
    /// Super-packets are used in at least one direction, so that the interface has fewer packets than were
    /// sent.
    pub(crate) joins_packets: bool,
}

const ALL: OffloadConfig = OffloadConfig::ALL;

/// The variant that the others differ from.
const RELAY: RelayVariant =
    RelayVariant { name: "relay", offload: ALL, queues: 1, source_ports: 1, joins_packets: true };

/// All variants: all offloads, none, and all except one; several queues and source ports.
pub(crate) const VARIANTS: [RelayVariant; 10] = [
    RELAY,
    RelayVariant {
        name: "plain relay",
        offload: OffloadConfig::NONE,
        joins_packets: false,
        ..RELAY
    },
    RelayVariant {
        name: "relay without TSO",
        offload: OffloadConfig { tso: false, ..ALL },
        ..RELAY
    },
    RelayVariant {
        name: "relay without USO",
        offload: OffloadConfig { uso: false, ..ALL },
        ..RELAY
    },
    RelayVariant {
        name: "relay without joining",
        offload: OffloadConfig { coalesce: false, ..ALL },
        ..RELAY
    },
    RelayVariant {
        name: "relay without UDP_SEGMENT",
        offload: OffloadConfig { gso: false, ..ALL },
        ..RELAY
    },
    RelayVariant {
        name: "relay without UDP_GRO",
        offload: OffloadConfig { gro: false, ..ALL },
        ..RELAY
    },
    RelayVariant { name: "relay of three queues", queues: 3, ..RELAY },
    RelayVariant { name: "relay of four source ports", source_ports: 4, ..RELAY },
    RelayVariant {
        name: "relay of two queues and five source ports",
        queues: 2,
        source_ports: 5,
        ..RELAY
    },
];

/// Returns the configuration of a relay for this wiring.
pub(crate) fn config(wiring: &Wiring, offload: OffloadConfig, queues: usize) -> RelayConfig {
    let address = "10.9.0.1/24".parse().expect("an address");
    let mtu = Some(wiring.road.mtu);
    let mode = if wiring.road.has_frames() { Mode::Tap } else { Mode::Tun };
    RelayConfig { mode, mtu, offload, queues, ..RelayConfig::new(address, wiring.peer, 0) }
}

impl Launcher for RelayVariant {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn completes_what_the_kernel_cut(&self) -> bool {
        self.offload.uso && !self.offload.tso
    }

    fn has_queues(&self) -> bool {
        self.queues > 1 || self.source_ports > 1
    }

    fn launch(&self, wiring: &Wiring) -> Box<dyn Forwarder> {
        let config = config(wiring, self.offload, self.queues);
        start(self.name, RelayConfig { source_ports: self.source_ports, ..config })
    }
}

/// Starts a relay, and prints its events.
pub(crate) fn start(name: &str, config: RelayConfig) -> Box<dyn Forwarder> {
    let own = name.to_owned();
    let relay = Relay::start(config, move |event| println!("{own}: {}", event.message));
    Box::new(Running(relay.unwrap_or_else(|error| panic!("start the {name}: {error}"))))
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
