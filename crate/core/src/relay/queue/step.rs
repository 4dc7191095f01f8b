//! The report of one round of a direction to the loop that drives it.

use crate::relay::fallback::Fallback;
use std::io;
use std::net::IpAddr;

/// How far one round of a direction came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Everything available, if anything, was moved: the source is empty.
    Drained,
    /// Something was moved; there may be more.
    Moved,
    /// The sink is full.
    Blocked,
    /// The source could not be read, and is to be left alone for a while.
    Failed,
}

/// The progress and the findings of one round of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StepReport {
    pub(super) step: Step,
    /// The kernel refused an offload, or one is in use again.
    pub(super) fallback: Option<Fallback>,
    /// A GSO batch contained packets of flows that belong to other queues, where they could overtake
    /// each other. Reported once.
    pub(super) is_misdirected: bool,
    /// The peer could not be reached, or sent from another interface: its own may have another index now.
    pub(super) is_peer_lost: bool,
    /// Source of a datagram that is not a peer's.
    pub(super) foreign: Option<IpAddr>,
}

impl StepReport {
    /// A round that found nothing out.
    pub(super) fn of(step: Step) -> Self {
        Self { step, fallback: None, is_misdirected: false, is_peer_lost: false, foreign: None }
    }
}

/// A system call whose failure ends the relay.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) operation: &'static str,
    pub(super) syscall: &'static str,
    pub(super) error: io::Error,
}
