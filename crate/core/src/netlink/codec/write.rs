//! Writes requests, each into one buffer.

use super::{ATTRIBUTE_HEADER_BYTES, HEADER_BYTES, NESTED};
use std::net::IpAddr;

/// A payload that an attribute can hold.
pub(in crate::netlink) trait Payload {
    /// Appends the payload's bytes.
    fn append(&self, bytes: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Payload for $number {
            fn append(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_ne_bytes());
            }
        })+
    };
}
numbers!(u8, u16, u32, u64, i32);

impl Payload for bool {
    fn append(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }
}

/// Bytes, written unchanged.
impl Payload for [u8] {
    fn append(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }
}

/// A string, written with the trailing NUL that the kernel expects.
impl Payload for str {
    fn append(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
        bytes.push(0);
    }
}

impl Payload for IpAddr {
    fn append(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::V4(address) => bytes.extend_from_slice(&address.octets()),
            Self::V6(address) => bytes.extend_from_slice(&address.octets()),
        }
    }
}

/// A request, from its header to its last attribute.
#[derive(Clone, Debug)]
pub(in crate::netlink) struct Message {
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Message {
    /// Creates a message of the type `kind` with `NLM_F_REQUEST`, `flags` and the fixed part `head`.
    pub(in crate::netlink) fn new(kind: u16, flags: i32, head: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&kind.to_ne_bytes());
        let flags = (flags | libc::NLM_F_REQUEST) as u16;
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(head);
        let mut message = Self { bytes, is_too_long: false };
        message.pad();
        message
    }

    /// Appends an attribute.
    pub(in crate::netlink) fn put(&mut self, kind: u16, payload: &(impl Payload + ?Sized)) {
        self.attribute(kind, |message| payload.append(&mut message.bytes));
    }

    /// Appends an attribute if there is a payload.
    pub(in crate::netlink) fn put_some(&mut self, kind: u16, payload: Option<impl Payload>) {
        if let Some(payload) = payload {
            self.put(kind, &payload);
        }
    }

    /// Appends an attribute that contains the attributes that `fill` appends.
    pub(in crate::netlink) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        self.attribute(kind | NESTED, fill);
    }

    /// Appends bytes outside of any attribute, padded: the headers inside some attributes.
    pub(in crate::netlink) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.pad();
    }

    /// Appends the bytes that `fill` writes, after a length of 16 bits that includes itself. Attributes
    /// and `struct rtnexthop` have this form.
    pub(in crate::netlink) fn counted(&mut self, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        fill(self);
        let length = self.bytes.len() - start;
        match (u16::try_from(length), self.bytes.get_mut(start..start + 2)) {
            (Ok(length), Some(place)) => place.copy_from_slice(&length.to_ne_bytes()),
            _ => self.is_too_long = true,
        }
        self.pad();
    }

    /// Returns the whole message with its sequence number, `None` if a part is too long for netlink's
    /// length fields.
    pub(in crate::netlink) fn finish(mut self, sequence: u32) -> Option<Vec<u8>> {
        let length = u32::try_from(self.bytes.len()).ok()?;
        self.bytes.get_mut(..4)?.copy_from_slice(&length.to_ne_bytes());
        self.bytes.get_mut(8..12)?.copy_from_slice(&sequence.to_ne_bytes());
        (!self.is_too_long).then_some(self.bytes)
    }

    fn attribute(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        self.counted(|message| {
            let header = [[0; 2], kind.to_ne_bytes()].concat();
            message.bytes.extend_from_slice(&header);
            fill(message);
        });
    }

    fn pad(&mut self) {
        while !self.bytes.len().is_multiple_of(super::ALIGNMENT) {
            self.bytes.push(0);
        }
    }
}

const _: () = assert!(HEADER_BYTES == size_of::<libc::nlmsghdr>());
const _: () = assert!(ATTRIBUTE_HEADER_BYTES == size_of::<libc::nlattr>());

#[cfg(test)]
mod tests {
    use super::super::{Attributes, head, messages, value};
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut message = Message::new(20, libc::NLM_F_ACK, &[1, 2, 3, 4, 5]);
        message.put(1, "tun0");
        message.put_some(2, None::<u32>);
        message.nest(3, |inner| inner.put(4, &7_u32));
        let bytes = message.finish(9).unwrap();
        let view = messages(&bytes).next().unwrap().unwrap();
        assert_eq!((view.kind, view.flags, view.sequence), (20, 5, 9));
        assert_eq!(head::<u8>(view.payload, 4), Some(5));
        let attributes = Attributes::behind(view.payload, 5).unwrap();
        assert_eq!(attributes.count(), 2);
        assert_eq!(attributes.find(1), Some(&b"tun0\0"[..]));
        let inner = Attributes::within(attributes.find(3).unwrap());
        assert_eq!(inner.find(4).and_then(value::<u32>), Some(7));
    }

    #[test]
    fn an_attribute_longer_than_its_length_can_tell_is_refused() {
        let mut message = Message::new(20, 0, &[]);
        message.put(1, &vec![0; 65_531][..]);
        assert!(message.clone().finish(1).is_some());
        message.put(1, &vec![0; 65_532][..]);
        assert!(message.finish(1).is_none());
    }
}
