//! The datagram path: opens UDP sockets, sends GSO batches (UDP_SEGMENT), and receives datagrams in batches.
//!
//! A GSO batch is a run of datagrams of equal length, of one flow and to one destination, that one message
//! carries to or from the kernel. A socket is not tied to a peer: each message names its destination.
//!
//! This module does not use TUN devices, and does not examine the contents of a datagram.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod address;
mod adopt;
mod endpoint;
mod error_report;
mod receiver;
mod second_try;
mod segmentation;
mod send_queue;
mod sender;
mod socket_options;

pub use address::{canonical, is_local, is_loopback};
pub use adopt::local_address;
pub use endpoint::{PathMtuDiscovery, UdpEndpoint, UdpOptions};
pub use error_report::ErrorKind;
pub use receiver::UdpReceiver;
pub use segmentation::SegmentationChange;
pub use send_queue::{Envelope, MAX_SEGMENTS, SendQueue};
pub use sender::{SendDrop, SendProgress, SendReport, Sent, UdpSender};

/// The largest payload of a UDP datagram over IPv4: 65,535 less 20 and 8 bytes of headers.
pub const MAX_PAYLOAD_V4: usize = 65_507;
/// The largest payload of a UDP datagram over IPv6: the payload length field less 8 bytes.
pub const MAX_PAYLOAD_V6: usize = 65_527;
