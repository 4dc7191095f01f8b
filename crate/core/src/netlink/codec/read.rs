//! Reads messages and attributes in place.

use super::{ATTRIBUTE_HEADER_BYTES, HEADER_BYTES, NESTED, padded};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The bits of an attribute's type without its flags: `NLA_TYPE_MASK` (linux/netlink.h).
const TYPE_MASK: u16 = 0x3fff;

/// The error in bytes that should be netlink messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A message, or the rest of it, is shorter than its header.
    Short,
    /// The length of a message is longer than its buffer, or shorter than its own header.
    MessageLength,
    /// The length of an attribute is longer than its message, or shorter than its header.
    AttributeLength,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the reply breaks off within a header",
            Self::MessageLength => "a message of the reply has a wrong length",
            Self::AttributeLength => "an attribute of the reply has a wrong length",
        })
    }
}

impl std::error::Error for Malformed {}

/// One message: the fields of `struct nlmsghdr`, and the payload that follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageView<'a> {
    /// `nlmsg_type`
    pub kind: u16,
    /// `nlmsg_flags`
    pub flags: u16,
    /// `nlmsg_seq`: the sequence number of the request.
    pub sequence: u32,
    /// The payload without padding.
    pub payload: &'a [u8],
}

/// Returns the consecutive messages in `bytes`. The iteration ends after the first malformed one.
pub fn messages(bytes: &[u8]) -> impl Iterator<Item = Result<MessageView<'_>, Malformed>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = first_message(rest);
        rest = message.map_or(&[], |(_, rest)| rest);
        Some(message.map(|(message, _)| message))
    })
}

fn first_message(bytes: &[u8]) -> Result<(MessageView<'_>, &[u8]), Malformed> {
    let length = head::<u32>(bytes, 0).ok_or(Malformed::Short)?;
    let length = usize::try_from(length).map_err(|_| Malformed::MessageLength)?;
    if bytes.len() < HEADER_BYTES {
        return Err(Malformed::Short);
    }
    let payload = bytes.get(HEADER_BYTES..length).ok_or(Malformed::MessageLength)?;
    let message = MessageView {
        kind: head(bytes, 4).ok_or(Malformed::Short)?,
        flags: head(bytes, 6).ok_or(Malformed::Short)?,
        sequence: head(bytes, 8).ok_or(Malformed::Short)?,
        payload,
    };
    Ok((message, after(bytes, length)))
}

/// Returns the bytes that follow `length` bytes and their padding; the last padding may be missing.
fn after(bytes: &[u8], length: usize) -> &[u8] {
    padded(length).and_then(|end| bytes.get(end..)).unwrap_or_default()
}

/// The attributes of a message, or those inside another attribute, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Returns the attributes that follow a header of `head_bytes`.
    pub fn behind(payload: &'a [u8], head_bytes: usize) -> Result<Self, Malformed> {
        let end = padded(head_bytes).ok_or(Malformed::Short)?;
        payload.get(end..).map(Self).ok_or(Malformed::Short)
    }

    /// Returns the attributes inside an attribute.
    #[must_use]
    pub fn within(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// Returns the first attribute of that type, if one precedes the first malformed attribute.
    #[must_use]
    pub fn find(self, kind: u16) -> Option<&'a [u8]> {
        self.map_while(Result::ok).find_map(|(found, payload)| (found == kind).then_some(payload))
    }
}

/// An attribute with the nested flag of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netlink) struct Flagged<'a> {
    /// Type, without its flags.
    pub(in crate::netlink) kind: u16,
    /// `NLA_F_NESTED`
    pub(in crate::netlink) is_nested: bool,
    /// Payload, without its padding.
    pub(in crate::netlink) payload: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Returns the same attributes with the flags of their types.
    pub(in crate::netlink) fn flagged(
        mut self,
    ) -> impl Iterator<Item = Result<Flagged<'a>, Malformed>> {
        std::iter::from_fn(move || self.next_flagged())
    }

    fn next_flagged(&mut self) -> Option<Result<Flagged<'a>, Malformed>> {
        if self.0.is_empty() {
            return None;
        }
        let attribute = first_attribute(self.0);
        self.0 = attribute.map_or(&[], |(_, rest)| rest);
        Some(attribute.map(|(attribute, _)| attribute))
    }
}

impl<'a> Iterator for Attributes<'a> {
    /// Type, without its flags, and payload, without its padding.
    type Item = Result<(u16, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let attribute = self.next_flagged()?;
        Some(attribute.map(|Flagged { kind, payload, .. }| (kind, payload)))
    }
}

/// Splits `bytes` into the first attribute and the remaining bytes.
fn first_attribute(bytes: &[u8]) -> Result<(Flagged<'_>, &[u8]), Malformed> {
    let length = usize::from(head::<u16>(bytes, 0).ok_or(Malformed::AttributeLength)?);
    let kind = head::<u16>(bytes, 2).ok_or(Malformed::AttributeLength)?;
    let payload = bytes.get(ATTRIBUTE_HEADER_BYTES..length).ok_or(Malformed::AttributeLength)?;
    let is_nested = kind & NESTED != 0;
    Ok((Flagged { kind: kind & TYPE_MASK, is_nested, payload }, after(bytes, length)))
}

/// A value in the kernel's byte order; addresses are in network byte order.
pub(in crate::netlink) trait Value: Sized {
    /// Reads the value from exactly its own bytes.
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Value for $number {
            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_ne_bytes)
            }
        })+
    };
}
numbers!(u8, u16, u32, u64, i32);

impl Value for IpAddr {
    fn read(bytes: &[u8]) -> Option<Self> {
        if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
            return Some(Self::V4(Ipv4Addr::from(octets)));
        }
        <[u8; 16]>::try_from(bytes).ok().map(|octets| Self::V6(Ipv6Addr::from(octets)))
    }
}

/// Returns the value of an attribute, `None` if the payload does not have the value's length.
pub(in crate::netlink) fn value<T: Value>(payload: &[u8]) -> Option<T> {
    T::read(payload)
}

/// Returns a field of a message's header.
pub(in crate::netlink) fn head<T: Value>(bytes: &[u8], offset: usize) -> Option<T> {
    let end = offset.checked_add(size_of::<T>())?;
    T::read(bytes.get(offset..end)?)
}

/// Returns a string without the NUL at its end.
pub(in crate::netlink) fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a message: `nlmsg_len`, type 16, no flags, sequence 7, port 0, and a payload.
    fn message(length: u32, payload: &[u8]) -> Vec<u8> {
        let head = [length, 16, 7, 0];
        head.iter().flat_map(|word| word.to_ne_bytes()).chain(payload.iter().copied()).collect()
    }

    fn all(bytes: &[u8]) -> Vec<Result<&[u8], Malformed>> {
        messages(bytes).map(|message| message.map(|message| message.payload)).collect()
    }

    #[test]
    fn messages_lie_end_to_end_and_the_last_padding_may_be_missing() {
        let mut bytes = message(17, b"a\0\0\0");
        bytes.extend(message(18, b"bc"));
        assert_eq!(all(&bytes), [Ok(&b"a"[..]), Ok(&b"bc"[..])]);
        assert_eq!(all(&[]), []);
        let view = messages(&bytes).next().unwrap().unwrap();
        assert_eq!((view.kind, view.flags, view.sequence), (16, 0, 7));
    }

    #[test]
    fn wrong_lengths_end_the_messages_with_an_error() {
        for length in [0, 1, 15, 21, 4096, u32::MAX] {
            let mut bytes = message(length, b"abcd");
            bytes.extend(message(16, b""));
            let bytes = if length > 20 { &bytes[..20] } else { &bytes[..] };
            assert_eq!(all(bytes), [Err(Malformed::MessageLength)], "{length}");
        }
        let whole = message(16, b"");
        for end in 1..16 {
            assert_eq!(all(&whole[..end]), [Err(Malformed::Short)], "{end}");
        }
    }

    #[test]
    fn attributes_with_wrong_lengths_end_with_an_error() {
        let read = |bytes: &'static [u8]| Attributes::within(bytes).collect::<Vec<_>>();
        // The lengths are those of a little-endian machine; on a big-endian one they are wrong in another
        // way.
        if cfg!(target_endian = "little") {
            assert_eq!(
                read(b"\x05\0\x01\x80x\0\0\0\x04\0\x02\0"),
                [Ok((1, &b"x"[..])), Ok((2, &b""[..]))]
            );
        }
        for bytes in
            [&b"\0\0\x01\0"[..], b"\x03\0\x01\0", b"\xff\xff\x01\0", b"\x04", b"\x04\0\x01"]
        {
            assert_eq!(read(bytes), [Err(Malformed::AttributeLength)], "{bytes:?}");
        }
    }

    #[test]
    fn values_take_exactly_their_bytes() {
        assert_eq!(value::<u32>(&[0; 3]), None);
        assert_eq!(value::<u32>(&[0; 5]), None);
        assert_eq!(value::<IpAddr>(&[10, 0, 0, 1]), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(value::<IpAddr>(&[0; 15]), None);
        assert_eq!(head::<u16>(&[1, 2, 3], usize::MAX), None);
        assert_eq!(text(b"tun0\0"), "tun0");
    }
}
