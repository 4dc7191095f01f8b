//! The datagram path: one UDP socket, sending in trains (UDP_SEGMENT) and receiving in batches.
//!
//! This room knows nothing of TUN devices. What a datagram carries is not looked at.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod endpoint;
mod news;
mod receiver;
mod sender;
mod train;

pub use endpoint::{UdpEndpoint, UdpOptions};
pub use news::NewsCount;
pub use receiver::UdpReceiver;
pub use sender::{Downgrade, Progress, SendDrop, SendReport, UdpSender};
pub use train::{MAX_SEGMENTS, TrainQueue};

/// The largest payload of a UDP datagram over IPv4: 65,535 less 20 and 8 bytes of headers.
pub const MAX_PAYLOAD_V4: usize = 65_507;
/// The largest payload of a UDP datagram over IPv6: the payload length field less 8 bytes.
pub const MAX_PAYLOAD_V6: usize = 65_527;
