//! Batches of datagrams: `recvmmsg(2)`, `sendmmsg(2)`, with UDP_GRO and UDP_SEGMENT (udp(7)).

mod receive;
mod send;

pub use receive::{MAX_DATAGRAM, ReceiveBatch, Received};
pub use send::{MessageShape, SendBatch};
