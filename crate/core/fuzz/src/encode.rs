//! The encoding of packets as input of a fuzzer.

use tun2udp_core::packet::coalesce::CoalesceOptions;
use tun2udp_core::packet::vnet::VnetHeader;

/// Bytes in front of each message of a batch: its length and its stride, 16 bits each, big-endian.
const MESSAGE_HEADER: usize = 4;

/// One message as `recvmmsg` returns it: a datagram or, according to its stride, a GSO batch of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// All datagrams, one after the other.
    pub bytes: Vec<u8>,
    /// Length of each datagram except the last; 0: it is one datagram.
    pub stride: usize,
}

impl Message {
    /// Returns its datagrams.
    pub fn datagrams(&self) -> Vec<Vec<u8>> {
        if self.stride == 0 || self.bytes.is_empty() {
            return vec![self.bytes.clone()];
        }
        self.bytes.chunks(self.stride).map(<[u8]>::to_vec).collect()
    }
}

/// Reads a vnet header and the packet behind it; `None` if the header is incomplete.
pub fn read_super(data: &[u8]) -> Option<(VnetHeader, &[u8])> {
    let (header, packet) = data.split_first_chunk()?;
    Some((VnetHeader::parse(header), packet))
}

/// The opposite of [`read_super`].
pub fn write_super(vnet: &VnetHeader, packet: &[u8]) -> Vec<u8> {
    [&vnet.bytes(), packet].concat()
}

/// A batch from the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Kinds of packets that may be coalesced.
    pub options: CoalesceOptions,
    /// Checksums are corrected first; otherwise hardly any changed packet would be coalesced.
    pub is_mended: bool,
    /// The messages of `recvmmsg`.
    pub messages: Vec<Message>,
}

/// Bits of the first byte of a batch.
const TCP: u8 = 1;
const UDP: u8 = 2;
const MENDED: u8 = 4;

/// Reads a batch. A message whose length exceeds the data ends with the data.
pub fn read_batch(data: &[u8]) -> Option<Batch> {
    let (&[bits], mut rest) = data.split_first_chunk()?;
    let mut messages = Vec::new();
    while let Some((&[a, b, c, d], body)) = rest.split_first_chunk::<MESSAGE_HEADER>() {
        let len = usize::from(u16::from_be_bytes([a, b])).min(body.len());
        let stride = usize::from(u16::from_be_bytes([c, d]));
        messages.push(Message { bytes: body[..len].to_vec(), stride });
        rest = &body[len..];
    }
    let options = CoalesceOptions { tcp: bits & TCP != 0, udp: bits & UDP != 0 };
    Some(Batch { options, is_mended: bits & MENDED != 0, messages })
}

/// The opposite of [`read_batch`].
pub fn write_batch(batch: &Batch) -> Vec<u8> {
    let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    let Batch { options, is_mended, messages } = batch;
    let mut data = vec![bit(options.tcp, TCP) | bit(options.udp, UDP) | bit(*is_mended, MENDED)];
    for message in messages {
        data.extend((message.bytes.len() as u16).to_be_bytes());
        data.extend((message.stride as u16).to_be_bytes());
        data.extend(&message.bytes);
    }
    data
}
