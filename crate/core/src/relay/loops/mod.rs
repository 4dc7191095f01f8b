//! Loops: a route that leads the relay's own datagrams into its interface.
//!
//! Each packet would then be sent, read again as the payload of a longer one, and sent again. Such datagrams are
//! recognized when they are read (`guard`), dropped and counted. `watch` keeps which peers are concerned, and finds
//! out when the route is gone. Both directions of a loop are events.
//!
//! If the interface is in the network namespace of the sockets, a datagram from the address and port of a socket to a
//! peer is the relay's own: nothing else on this machine can send from there. If the interface is in another namespace,
//! such a datagram may be legitimate, since that namespace can have the same addresses. Then a datagram is dropped only
//! if its payload is such a datagram as well, so it went around once already.

mod guard;
mod watch;

pub(super) use guard::LoopGuard;
pub(super) use watch::{LoopChange, Loops, LoopsOptions};
