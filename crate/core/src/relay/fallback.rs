//! The slower ways that are taken when the kernel refuses a faster one: each is said once, as an
//! event, and shows in the counters from then on.

use super::config::{Event, OffloadConfig};
use crate::error::strerror;

/// What the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    /// The driver has no `IFF_VNET_HDR`: no super-packets at all.
    VnetHeader,
    /// `TUNSETOFFLOAD` without TSO.
    Tso,
    /// `TUNSETOFFLOAD` without USO, as before Linux 6.2.
    Uso,
    /// `UDP_SEGMENT`, with this errno.
    UdpSegment(i32),
    /// `UDP_GRO`, as before Linux 5.0.
    UdpGro,
    /// The write of a super-packet, with this errno.
    Coalesce(i32),
    /// The program that spreads packets over several queues, with this errno.
    Steering(i32),
    /// Several queues that receive: the peer's trains are of several flows.
    Receivers,
}

impl Fallback {
    /// Takes out of `offload` what this fall-back ends.
    pub(super) fn apply(self, offload: &mut OffloadConfig) {
        match self {
            Self::VnetHeader => {
                offload.tso = false;
                offload.uso = false;
                offload.coalesce = false;
            }
            Self::Tso => offload.tso = false,
            Self::Uso => offload.uso = false,
            Self::UdpSegment(_) => offload.udp_segment = false,
            Self::UdpGro => offload.udp_gro = false,
            Self::Coalesce(_) => offload.coalesce = false,
            Self::Steering(_) | Self::Receivers => {}
        }
    }

    /// The event that says it.
    pub(super) fn event(self) -> Event {
        let (kind, message) = match self {
            Self::VnetHeader => (
                "vnet-header-off",
                "this kernel's TUN driver has no IFF_VNET_HDR: packets are read and written one \
                 by one"
                    .to_owned(),
            ),
            Self::Tso => (
                "tso-off",
                "the kernel refused TSO for the interface: TCP packets are read one by one"
                    .to_owned(),
            ),
            Self::Uso => (
                "uso-off",
                "the kernel refused USO for the interface (it came with Linux 6.2): UDP packets \
                 are read and written one by one"
                    .to_owned(),
            ),
            Self::UdpSegment(errno) => (
                "udp-segment-off",
                format!(
                    "the kernel refused UDP_SEGMENT ({}): datagrams are sent one by one from now \
                     on",
                    strerror(errno)
                ),
            ),
            Self::UdpGro => (
                "udp-gro-off",
                "the kernel refused UDP_GRO: datagrams are received one by one".to_owned(),
            ),
            Self::Coalesce(errno) => (
                "coalesce-off",
                format!(
                    "the kernel refused a joined packet ({}): packets are written one by one from \
                     now on",
                    strerror(errno)
                ),
            ),
            Self::Steering(errno) => (
                "steering-off",
                format!(
                    "the kernel refused a program that spreads packets over the queues ({}): it \
                     spreads them by a hash of its own",
                    strerror(errno)
                ),
            ),
            Self::Receivers => (
                "one-receiver",
                "the peer sends packets of several flows in one train: one queue receives all from \
                 now on, so that no packet overtakes another"
                    .to_owned(),
            ),
        };
        Event { kind, message }
    }
}
