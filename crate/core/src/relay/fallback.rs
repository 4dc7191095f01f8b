//! The slower paths that are taken when the kernel refuses a faster one, and their end.
//!
//! Each change of state is reported once, as an event, and is visible in `stats().offload`. If the kernel refuses
//! single writes (GSO batches, coalesced packets) or `UDP_GRO`, the faster path is tried again later, with a back-off.
//! If it refuses another optimization when the relay starts, the optimization stays off: the driver does not support it
//! (vnet header, TSO, USO), or this process may not use it (steering). `Receivers` stays too, since each trial would
//! let packets overtake each other.

use super::config::{Event, OffloadConfig};
use crate::error::strerror;

/// An optimization that the kernel refused, or accepts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    /// The driver has no `IFF_VNET_HDR`: no super-packets at all.
    VnetHeader,
    /// `TUNSETOFFLOAD` without TSO.
    Tso,
    /// `TUNSETOFFLOAD` without USO, as before Linux 6.2.
    Uso,
    /// `UDP_SEGMENT`, with this errno, by one queue.
    Gso(i32),
    /// `UDP_SEGMENT` is accepted again, by one queue.
    GsoAgain,
    /// `UDP_GRO`, as before Linux 5.0.
    Gro,
    /// `UDP_GRO` is accepted, by one socket.
    GroAgain,
    /// The write of a super-packet, with this errno, by one queue.
    Coalesce(i32),
    /// Super-packets are accepted again, by one queue.
    CoalesceAgain,
    /// The program that spreads packets over several queues, with this errno.
    Steering(i32),
    /// Several queues that receive: the peer's GSO batches are of several flows.
    Receivers,
}

impl Fallback {
    /// Changes in `offload` what this ends, or what is in use again.
    pub(super) fn apply(self, offload: &mut OffloadConfig) {
        match self {
            Self::VnetHeader => {
                offload.tso = false;
                offload.uso = false;
                offload.coalesce = false;
            }
            Self::Tso => offload.tso = false,
            Self::Uso => offload.uso = false,
            Self::Gso(_) => offload.gso = false,
            Self::GsoAgain => offload.gso = true,
            Self::Gro => offload.gro = false,
            Self::GroAgain => offload.gro = true,
            Self::Coalesce(_) => offload.coalesce = false,
            Self::CoalesceAgain => offload.coalesce = true,
            Self::Steering(_) | Self::Receivers => {}
        }
    }

    /// Returns the event that reports it.
    pub(super) fn event(self) -> Event {
        Event { kind: self.kind(), errno: self.errno(), address: None, message: self.message() }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::VnetHeader => "vnet-header-off",
            Self::Tso => "tso-off",
            Self::Uso => "uso-off",
            Self::Gso(_) => "gso-off",
            Self::GsoAgain => "gso-on",
            Self::Gro => "gro-off",
            Self::GroAgain => "gro-on",
            Self::Coalesce(_) => "coalesce-off",
            Self::CoalesceAgain => "coalesce-on",
            Self::Steering(_) => "steering-off",
            Self::Receivers => "one-receiver",
        }
    }

    const fn errno(self) -> Option<i32> {
        match self {
            Self::Gso(errno) | Self::Coalesce(errno) | Self::Steering(errno) => Some(errno),
            _ => None,
        }
    }

    fn message(self) -> String {
        match self {
            Self::VnetHeader => {
                "this kernel's TUN driver has no IFF_VNET_HDR: packets are read and written one \
                 by one"
                    .to_owned()
            }
            Self::Tso => {
                "the kernel refused TSO for the interface: TCP packets are read one by one"
                    .to_owned()
            }
            Self::Uso => {
                "the kernel refused USO for the interface (it came with Linux 6.2): UDP packets \
                 are read and written one by one"
                    .to_owned()
            }
            Self::Gso(errno) => format!(
                "the kernel refused UDP_SEGMENT ({}): datagrams are sent one by one until a \
                     trial succeeds",
                strerror(errno)
            ),
            Self::GsoAgain => {
                "the kernel accepts UDP_SEGMENT again: datagrams are sent in GSO batches".to_owned()
            }
            Self::Gro => "the kernel refused UDP_GRO: datagrams are received one by one until a \
                          trial succeeds"
                .to_owned(),
            Self::GroAgain => {
                "the kernel accepts UDP_GRO: datagrams are received in GSO batches".to_owned()
            }
            Self::Coalesce(errno) => format!(
                "the kernel refused a coalesced packet ({}): packets are written one by one \
                     until a trial succeeds",
                strerror(errno)
            ),
            Self::CoalesceAgain => "the kernel accepts coalesced packets again".to_owned(),
            Self::Steering(errno) => format!(
                "the kernel refused a program that spreads packets over the queues ({}): it \
                     spreads them by a hash of its own",
                strerror(errno)
            ),
            Self::Receivers => {
                "the peer sends packets of several flows in one GSO batch: one queue receives all \
                 from now on, so that no packet overtakes another"
                    .to_owned()
            }
        }
    }
}

/// Which offloads are in use, by all queues of a relay together: one that a queue does without for a
/// while counts as off.
#[derive(Debug)]
pub(super) struct ActiveOffload {
    pub(super) offload: OffloadConfig,
    /// Queues that do without `UDP_SEGMENT` for a while.
    without_segment: usize,
    /// Queues that do without coalescing for a while.
    without_coalesce: usize,
    /// Sockets that do without `UDP_GRO` for a while.
    without_gro: usize,
}

impl ActiveOffload {
    /// Creates the state of a start. `without_gro`: sockets for which the kernel refused `UDP_GRO`.
    pub(super) const fn new(offload: OffloadConfig, without_gro: usize) -> Self {
        Self { offload, without_segment: 0, without_coalesce: 0, without_gro }
    }

    /// Records what one queue met with; returns whether it changes which offloads are in use.
    pub(super) fn note(&mut self, fallback: Fallback) -> bool {
        let is_change = match fallback {
            Fallback::Gso(_) => lose(&mut self.without_segment),
            Fallback::Coalesce(_) => lose(&mut self.without_coalesce),
            Fallback::GsoAgain => regain(&mut self.without_segment),
            Fallback::CoalesceAgain => regain(&mut self.without_coalesce),
            Fallback::GroAgain => regain(&mut self.without_gro),
            _ => true,
        };
        let before = self.offload;
        if is_change {
            fallback.apply(&mut self.offload);
        }
        self.offload != before
    }
}

/// One more queue does without; returns whether it is the first.
fn lose(queues: &mut usize) -> bool {
    *queues += 1;
    *queues == 1
}

/// One queue has it again; returns whether it was the last without.
fn regain(queues: &mut usize) -> bool {
    let was_last = *queues == 1;
    *queues = queues.saturating_sub(1);
    was_last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_of_state_is_one_change_whatever_the_number_of_queues() {
        use Fallback::{Coalesce, CoalesceAgain, Gso, GsoAgain};
        let rows = [
            (Gso(22), true, (false, true)),
            (Gso(5), false, (false, true)),
            (Coalesce(22), true, (false, false)),
            (GsoAgain, false, (false, false)),
            (CoalesceAgain, true, (false, true)),
            (Gso(22), false, (false, true)),
            (GsoAgain, false, (false, true)),
            (GsoAgain, true, (true, true)),
            (Gso(22), true, (false, true)),
            (GsoAgain, true, (true, true)),
        ];
        let mut active = ActiveOffload::new(OffloadConfig::ALL, 0);
        for (number, (fallback, is_change, expected)) in rows.into_iter().enumerate() {
            assert_eq!(active.note(fallback), is_change, "row {number}");
            let OffloadConfig { gso, coalesce, .. } = active.offload;
            assert_eq!((gso, coalesce), expected, "row {number}");
        }
    }

    #[test]
    fn gro_is_on_once_each_socket_has_it() {
        let without = OffloadConfig { gro: false, ..OffloadConfig::ALL };
        let mut active = ActiveOffload::new(without, 3);
        for (number, expected) in [false, false, true].into_iter().enumerate() {
            assert_eq!(active.note(Fallback::GroAgain), expected, "socket {number}");
            assert_eq!(active.offload.gro, expected, "socket {number}");
        }
    }
}
