//! Everything native in tun2udp that knows nothing of Node.
//!
//! Rooms, from the bottom up; an arrow never points upwards:
//!
//! - [`sys`] talks to the kernel: ioctls, `mmsg` calls, control messages, namespaces, privileges,
//!   SIMD sums. The only room with `unsafe`.
//! - [`packet`] is pure bytes: views, checksums, splitting and coalescing. No I/O.
//! - `bpf` assembles the programs that choose a socket or a queue for a packet.
//! - [`device`] is a TUN or TAP device; [`udp`] is the datagram path. They do not know of
//!   each other, nor of [`netlink`].
//! - [`netlink`] speaks RTNETLINK over neli, and is the only user of neli.
//! - [`namespace`] tells network namespaces apart and moves threads into them.
//! - `interface` configures an interface and rolls that back, for [`port`] and [`relay`].
//! - [`persistent`] makes, removes and lists devices that outlive their process, which takes both
//!   the driver and RTNETLINK.
//! - [`port`] is a device as a program uses it: configured by one call, read and written in
//!   batches.
//! - [`relay`] joins a device with UDP sockets, and configures both.
//!
//! [`error`] is the one error type of all rooms, [`errno`] the one table of what a failed system call of
//! the packet path means, and [`backoff`] decides when to try again what the kernel refused.

pub mod backoff;
mod bpf;
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
