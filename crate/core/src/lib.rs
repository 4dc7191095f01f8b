//! The native part of tun2udp that does not depend on Node.js.
//!
//! Rooms, from the bottom up. A room uses only rooms above it in this list:
//!
//! - [`sys`] makes system calls: ioctls, `mmsg` calls, control messages, namespaces, privileges; and SIMD
//!   sums. The only room with `unsafe`.
//! - [`packet`] works on bytes: views, checksums, splitting and coalescing. No I/O.
//! - `bpf` assembles the programs that choose a socket or a queue for a packet.
//! - [`device`] is a TUN or TAP device; [`udp`] is the datagram path. They use neither each other
//!   nor [`netlink`].
//! - [`netlink`] speaks RTNETLINK over neli, and is the only user of neli.
//! - [`namespace`] identifies network namespaces and moves threads into them.
//! - `interface` configures an interface and rolls its settings back, for [`port`] and [`relay`].
//! - [`persistent`] creates, removes and lists devices that outlive their process. It needs both the
//!   driver and RTNETLINK.
//! - [`port`] is a device for programs: it is configured by one call, read and written in batches.
//! - [`capture`] writes packets of a relay to pcapng files. It does not know the relay.
//! - [`relay`] connects a device with UDP sockets, and configures both.
//!
//! [`error`] is the error type of all rooms, and `advice` has the advice that several rooms add to it. [`errno`] is
//! the table of reactions to failed system calls of the packet path, and [`backoff`] decides when to try again what
//! the kernel refused. `counter` has the counter of one thread that others read.

mod advice;
pub mod backoff;
mod bpf;
pub mod capture;
mod counter;
pub mod device;
pub mod errno;
pub mod error;
mod interface;
pub mod namespace;
pub mod netlink;
pub mod packet;
pub mod persistent;
pub mod port;
pub mod relay;
pub mod sys;
pub mod udp;

pub use error::{Error, ErrorCode, Result};
