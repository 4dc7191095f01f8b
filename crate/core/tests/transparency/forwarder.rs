//! What the test puts between a TUN interface and UDP.

use std::net::SocketAddr;

/// How a forwarder is to be wired up, in the calling thread's network namespace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wiring {
    /// Where each packet of the interface goes, as one datagram.
    pub(crate) peer: SocketAddr,
    /// MTU of the interface, bytes.
    pub(crate) mtu: u32,
}

/// A running forwarder; it ends when it is dropped.
pub(crate) trait Forwarder {
    /// Its interface, up, in the calling thread's namespace.
    fn interface(&self) -> &str;

    /// Where it receives datagrams.
    fn listens_on(&self) -> SocketAddr;
}

/// Something that starts forwarders of one kind.
pub(crate) trait Launcher: Sync {
    /// The kind's name, for messages.
    fn name(&self) -> String;

    /// Starts one; panics with the reason if it cannot.
    fn launch(&self, wiring: &Wiring) -> Box<dyn Forwarder>;
}
