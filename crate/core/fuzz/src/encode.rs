//! How the bytes that a fuzzer makes up are read, and how known packets are written so.

use std::ops::Range;
use tun2udp_core::packet::coalesce::CoalesceOptions;
use tun2udp_core::packet::vnet::VnetHeader;

/// Bytes before each message of a batch: its length and its stride, 16 bits each, big-endian.
const MESSAGE_HEADER: usize = 4;

/// One message as `recvmmsg` gives it: a datagram, or by its stride a train of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// All datagrams, end to end.
    pub bytes: Vec<u8>,
    /// Length of each datagram but the last; 0: it is one datagram.
    pub stride: usize,
}

impl Message {
    /// Its datagrams.
    pub fn datagrams(&self) -> Vec<Vec<u8>> {
        if self.stride == 0 || self.bytes.is_empty() {
            return vec![self.bytes.clone()];
        }
        self.bytes.chunks(self.stride).map(<[u8]>::to_vec).collect()
    }
}

/// A header, if all of it is there, and the packet behind it.
pub fn read_super(data: &[u8]) -> Option<(VnetHeader, &[u8])> {
    let (header, packet) = data.split_first_chunk()?;
    Some((VnetHeader::parse(header), packet))
}

/// The opposite of [`read_super`].
pub fn write_super(vnet: &VnetHeader, packet: &[u8]) -> Vec<u8> {
    [&vnet.bytes(), packet].concat()
}

/// What may be joined, and a batch of messages; one that says to be longer than the data ends there.
pub fn read_batch(data: &[u8]) -> Option<(CoalesceOptions, Vec<Message>)> {
    let (&[options], mut rest) = data.split_first_chunk()?;
    let mut messages = Vec::new();
    while let Some((header, body)) = rest.split_at_checked(MESSAGE_HEADER) {
        let field = |range: Range<usize>| {
            u16::from_be_bytes([header[range.start], header[range.start + 1]])
        };
        let len = usize::from(field(0..2)).min(body.len());
        messages.push(Message { bytes: body[..len].to_vec(), stride: usize::from(field(2..4)) });
        rest = &body[len..];
    }
    let options = CoalesceOptions { tcp: options & 1 != 0, udp: options & 2 != 0 };
    Some((options, messages))
}

/// The opposite of [`read_batch`].
pub fn write_batch(options: CoalesceOptions, messages: &[Message]) -> Vec<u8> {
    let mut data = vec![u8::from(options.tcp) | u8::from(options.udp) << 1];
    for message in messages {
        data.extend((message.bytes.len() as u16).to_be_bytes());
        data.extend((message.stride as u16).to_be_bytes());
        data.extend(&message.bytes);
    }
    data
}
