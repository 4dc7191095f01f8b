//! The reaction to a failed system call of the packet path. No other file classifies errnos.
//!
//! The table applies to relays and to devices in JavaScript. The caller decides in which counter a lost packet
//! is counted. Sources: drivers/net/tun.c, net/ipv4/udp.c, fs/eventpoll.c.

/// A system call of the packet path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// read(2) of a TUN or TAP device.
    DeviceRead,
    /// write(2) or writev(2) of one packet to a device.
    DeviceWrite,
    /// writev(2) of several packets of a flow as one super-packet.
    DeviceWriteJoined,
    /// recvmmsg(2) of a UDP socket.
    SocketReceive,
    /// sendto(2) or sendmmsg(2) of one datagram.
    SocketSend,
    /// sendmmsg(2) of several datagrams as one message (`UDP_SEGMENT`).
    SocketSendBatch,
    /// epoll_wait(2) and epoll_ctl(2).
    Wait,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::DeviceRead,
        Self::DeviceWrite,
        Self::DeviceWriteJoined,
        Self::SocketReceive,
        Self::SocketSend,
        Self::SocketSendBatch,
        Self::Wait,
    ];
}

/// How to continue after a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// A signal interrupted it: call again.
    Repeat,
    /// There is nothing to read, or no room to write: wait until the descriptor is ready.
    Await,
    /// The kernel did not take this packet: count it and continue with the next one.
    Drop,
    /// The kernel did not take several packets at once: try each of them singly.
    Split,
    /// Nothing can be read now: count the error and try again after a pause ([`crate::backoff`]).
    Pause,
    /// The interface was deleted: nothing can be read or written any more.
    End,
}

impl Reaction {
    /// Returns the reaction to `errno` from `call`.
    ///
    /// Only `EBADFD` of a device ends anything: the driver returns it once the interface was deleted,
    /// and for no other reason. A race with the deletion may return `EIO` or `EFAULT` before.
    #[must_use]
    pub const fn to(call: Call, errno: i32) -> Self {
        use Call::{
            DeviceRead, DeviceWrite, DeviceWriteJoined, SocketReceive, SocketSend, SocketSendBatch,
            Wait,
        };
        match (call, errno) {
            (_, libc::EINTR) => Self::Repeat,
            // A failed wait leaves only a pause.
            (Wait, _) => Self::Pause,
            (_, libc::EAGAIN) => Self::Await,
            (DeviceRead | DeviceWrite | DeviceWriteJoined, libc::EBADFD) => Self::End,
            (DeviceRead | SocketReceive, _) => Self::Pause,
            (DeviceWriteJoined, _) => Self::Split,
            // No checksum offload, or a policy of IPsec on the route; segments longer than the path's
            // MTU, too many of them, or a route of type blackhole; segments that the kernel would
            // have to fragment.
            (SocketSendBatch, libc::EIO | libc::EINVAL | libc::EMSGSIZE) => Self::Split,
            // The other errnos are about the destination or congestion and concern each datagram alike.
            (DeviceWrite | SocketSend | SocketSendBatch, _) => Self::Drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every errno of Linux, and some unused numbers.
    const ALL: std::ops::RangeInclusive<i32> = 0..=140;

    #[test]
    fn each_errno_of_each_call_has_the_reaction_of_the_table() {
        let is_device =
            |call| matches!(call, Call::DeviceRead | Call::DeviceWrite | Call::DeviceWriteJoined);
        for call in Call::ALL {
            for errno in ALL {
                let expected = match errno {
                    4 => Reaction::Repeat,
                    11 if call != Call::Wait => Reaction::Await,
                    77 if is_device(call) => Reaction::End,
                    5 | 22 | 90 if call == Call::SocketSendBatch => Reaction::Split,
                    _ => match call {
                        Call::DeviceRead | Call::SocketReceive | Call::Wait => Reaction::Pause,
                        Call::DeviceWriteJoined => Reaction::Split,
                        _ => Reaction::Drop,
                    },
                };
                assert_eq!(Reaction::to(call, errno), expected, "{call:?} {errno}");
            }
        }
    }
}
