//! The encoding of values in attributes.

use crate::netlink::codec::{Message, value, vxlan};
use crate::netlink::names::{MacvlanMode, VlanProtocol};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A value whose encoding in an attribute is `Form`.
pub(super) trait Wire<Form>: Sized {
    /// Reads the value from an attribute's payload.
    fn read(payload: &[u8]) -> Option<Self>;
    /// Appends the value as an attribute.
    fn put(&self, message: &mut Message, attribute: u16);
}

/// An integer in network byte order. Without a form, integers are in the kernel's byte order.
pub(super) struct BigEndian;
/// An address, whose attribute depends on its family.
pub(super) struct Address;

/// Whole milliseconds; the kernel counts in hundredths of a second (`USER_HZ`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Milliseconds(pub u32);

macro_rules! plain {
    ($($number:ty),+) => {
        $(impl Wire<$number> for $number {
            fn read(payload: &[u8]) -> Option<Self> {
                value(payload)
            }
            fn put(&self, message: &mut Message, attribute: u16) {
                message.put(attribute, self);
            }
        }

        impl Wire<$number> for bool {
            fn read(payload: &[u8]) -> Option<Self> {
                value::<$number>(payload).map(|number| number != 0)
            }
            fn put(&self, message: &mut Message, attribute: u16) {
                message.put(attribute, &<$number>::from(*self));
            }
        })+
    };
}
plain!(u8, u16, u32);

impl Wire<u32> for Milliseconds {
    fn read(payload: &[u8]) -> Option<Self> {
        value::<u32>(payload).map(|hundredths| Self(hundredths.saturating_mul(10)))
    }
    fn put(&self, message: &mut Message, attribute: u16) {
        message.put(attribute, &(self.0 / 10));
    }
}

impl Wire<u32> for MacvlanMode {
    fn read(payload: &[u8]) -> Option<Self> {
        value(payload).map(Self)
    }
    fn put(&self, message: &mut Message, attribute: u16) {
        message.put(attribute, &self.0);
    }
}

impl Wire<BigEndian> for u16 {
    fn read(payload: &[u8]) -> Option<Self> {
        value(payload).map(Self::from_be)
    }
    fn put(&self, message: &mut Message, attribute: u16) {
        message.put(attribute, &self.to_be());
    }
}

impl Wire<BigEndian> for VlanProtocol {
    fn read(payload: &[u8]) -> Option<Self> {
        <u16 as Wire<BigEndian>>::read(payload).map(Self)
    }
    fn put(&self, message: &mut Message, attribute: u16) {
        Wire::<BigEndian>::put(&self.0, message, attribute);
    }
}

/// Only vxlan links have addresses.
impl Wire<Address> for IpAddr {
    fn read(payload: &[u8]) -> Option<Self> {
        value(payload)
    }
    fn put(&self, message: &mut Message, attribute: u16) {
        let attribute = match (self, attribute) {
            (Self::V6(_), vxlan::GROUP) => vxlan::GROUP6,
            (Self::V6(_), vxlan::LOCAL) => vxlan::LOCAL6,
            _ => attribute,
        };
        message.put(attribute, self);
    }
}

/// Returns the attribute under which an address of either family is read.
pub(super) fn whatever_family(attribute: u16) -> u16 {
    match attribute {
        vxlan::GROUP6 => vxlan::GROUP,
        vxlan::LOCAL6 => vxlan::LOCAL,
        other => other,
    }
}
