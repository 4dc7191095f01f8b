//! Sends a refused message again if its source address or the interface of the socket may be the reason.

use super::endpoint::UdpEndpoint;
use super::send_queue::SendQueue;
use std::net::IpAddr;

/// The state of second tries during one call of the sender.
#[derive(Debug, Default)]
pub(super) struct SecondTry {
    /// The source address of the first message, which is tried without it.
    suspect: Option<IpAddr>,
    /// Whether the socket was bound to its interface again. Once per call is enough.
    is_bound_again: bool,
}

impl SecondTry {
    /// Records that the first message was accepted. Returns its source address if it was accepted only without.
    pub(super) fn take_lost_source(&mut self, queue: &mut SendQueue) -> Option<IpAddr> {
        let lost = self.suspect.take()?;
        queue.forget_source(lost);
        Some(lost)
    }

    /// Prepares to send the first message again after `errno`. Returns false if this does not help.
    pub(super) fn prepare(
        &mut self,
        errno: i32,
        queue: &mut SendQueue,
        endpoint: &UdpEndpoint,
    ) -> bool {
        if self.suspect.is_none() && may_concern_source(errno) {
            self.suspect = queue.replace_source(None);
            if self.suspect.is_some() {
                return true;
            }
        }
        self.restore_source(queue);
        if self.is_bound_again || !may_concern_device(errno) {
            return false;
        }
        self.is_bound_again = true;
        endpoint.bind_device_again()
    }

    /// Gives the first message its source address again: it was not the reason.
    pub(super) fn restore_source(&mut self, queue: &mut SendQueue) {
        if let Some(source) = self.suspect.take() {
            queue.replace_source(Some(source));
        }
    }
}

/// Returns whether the kernel returns this errno for a source address that this machine does not have
/// (`ip_route_output_key_hash_rcu` of net/ipv4/route.c, `ip6_datagram_send_ctl` of net/ipv6/datagram.c).
const fn may_concern_source(errno: i32) -> bool {
    matches!(errno, libc::EINVAL | libc::ENETUNREACH | libc::EADDRNOTAVAIL)
}

/// Returns whether the kernel returns this errno on a socket whose interface was deleted.
const fn may_concern_device(errno: i32) -> bool {
    matches!(errno, libc::ENODEV | libc::ENXIO | libc::ENETUNREACH | libc::EHOSTUNREACH)
}
