//! Reasons to send a refused message once more: its source address, or the interface of the socket.

use super::send_queue::SendQueue;
use std::net::IpAddr;

/// Returns whether the kernel returns this errno for a source address that this machine does not have
/// (`ip_route_output_key_hash_rcu` of net/ipv4/route.c, `ip6_datagram_send_ctl` of net/ipv6/datagram.c).
pub(super) const fn may_concern_source(errno: i32) -> bool {
    matches!(errno, libc::EINVAL | libc::ENETUNREACH | libc::EADDRNOTAVAIL)
}

/// Gives the first message its source address again: the error had another reason.
pub(super) fn restore_source(queue: &mut SendQueue, suspect: Option<IpAddr>) {
    if suspect.is_some() {
        queue.replace_source(suspect);
    }
}

/// Returns whether the kernel returns this errno on a socket whose interface was deleted.
pub(super) const fn may_concern_device(errno: i32) -> bool {
    matches!(errno, libc::ENODEV | libc::ENXIO | libc::ENETUNREACH | libc::EHOSTUNREACH)
}
