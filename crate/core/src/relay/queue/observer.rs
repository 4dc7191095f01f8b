//! Acts on the report of one round, except for the progress, which the loop uses.

use super::step::{Failure, Step, StepReport};
use crate::device::TunDevice;
use crate::error::{Error, ErrorCode, Result};
use crate::relay::fallback::Fallback;
use crate::relay::loops::{LoopChange, Loops};
use crate::relay::peers::{PeerChange, Peers};
use crate::udp::UdpEndpoint;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

/// Passes on what a queue finds out; any queue's thread may call it.
pub(super) struct Reporter<'a> {
    pub(super) on_fallback: &'a (dyn Fn(Fallback) + Sync),
    /// A GSO batch that this socket received has flows of other queues.
    pub(super) on_misdirected: &'a (dyn Fn(&UdpEndpoint) + Sync),
    /// Datagrams come from an address that is not a peer's.
    pub(super) on_foreign: &'a (dyn Fn(IpAddr) + Sync),
    /// A peer changed.
    pub(super) on_peer_change: &'a (dyn Fn(PeerChange) + Sync),
    /// Datagrams to a peer come back, or do not any more.
    pub(super) on_loop: &'a (dyn Fn(LoopChange) + Sync),
    /// Returns the number of datagrams sent to a peer so far.
    pub(super) sent_to: &'a (dyn Fn(SocketAddr) -> u64 + Sync),
}

/// Acts on the reports of a queue's rounds.
pub(super) struct Observer<'a> {
    pub(super) device: &'a TunDevice,
    pub(super) peers: &'a Peers,
    pub(super) loops: &'a Loops,
    pub(super) reporter: &'a Reporter<'a>,
}

impl Observer<'_> {
    /// Reports the changes of peers and of loops since the last call.
    pub(super) fn note_changes(&self) {
        let loops = self.loops.take_changes(self.peers, self.reporter.sent_to);
        loops.into_iter().for_each(self.reporter.on_loop);
        self.peers.take_changes().into_iter().for_each(self.reporter.on_peer_change);
    }

    /// Acts on a report about the direction from or to `endpoint`. Returns the progress of the round. An error means
    /// that the device is gone.
    pub(super) fn note(
        &self,
        endpoint: Option<&UdpEndpoint>,
        report: std::result::Result<StepReport, Failure>,
    ) -> Result<Step> {
        let report = report.map_err(|failure| fatal(self.device, &failure))?;
        if let Some(fallback) = report.fallback {
            (self.reporter.on_fallback)(fallback);
        }
        if report.is_misdirected {
            endpoint.into_iter().for_each(self.reporter.on_misdirected);
        }
        if let Some(address) = report.foreign {
            (self.reporter.on_foreign)(address);
        }
        if report.is_peer_lost
            && let Some(endpoint) = endpoint
        {
            self.peers.follow_zones(endpoint.as_fd());
        }
        Ok(report.step)
    }
}

fn fatal(device: &TunDevice, failure: &Failure) -> Error {
    let name = device.name();
    let base = Error::os(failure.operation, name, failure.syscall, &failure.error);
    // After the interface was deleted, every call returns EBADFD (drivers/net/tun.c).
    if base.code() == ErrorCode::DeviceDeleted {
        return base.with_advice(
            "the interface was deleted: start the relay again, and leave its interface alone",
        );
    }
    base
}
