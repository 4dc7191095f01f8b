//! Passes a running relay to another one: its device and sockets as descriptors, and its state.
//!
//! - `descriptors` are the queues of the device and their sockets, given to a relay or duplicated from one;
//! - `state` is what the new relay continues with: counters, and what is known about the peers;
//! - `holdings` is what a running relay can pass on;
//! - `settings` restores the interface after another process did not take over.
//!
//! `setup` examines the descriptors of another relay (`setup/adopt`), and `queue` pauses the loops (`queue/stop`).

mod descriptors;
mod holdings;
mod settings;
mod state;

pub use descriptors::{Descriptor, QueueDescriptors};
pub use state::{PeerState, RelayState, ReportedMtu};

pub(super) use holdings::{Holdings, closed};

/// The objects that a relay gets from the one that ran before it.
#[derive(Debug, Default)]
pub struct Inheritance {
    /// The queues of the device, in their order, with their sockets.
    pub queues: Vec<QueueDescriptors>,
    /// The state of the other relay. `None`: the counters begin at 0.
    pub state: Option<RelayState>,
    /// Whether the relay begins paused, because the other one still runs. Then
    /// [`Relay::resume`](super::Relay::resume) starts it, with the last state.
    pub is_paused: bool,
}
