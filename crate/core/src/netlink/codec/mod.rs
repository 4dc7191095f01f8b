//! Netlink messages as bytes: pure functions, no I/O (netlink(7), rtnetlink(7)).
//!
//! This is not neli's code, for two reasons:
//!
//! - Malformed input must return an error and never panic. neli 0.7.5 subtracts the length of the header
//!   from the length in the message without a check.
//! - Many requests are sent by one call, and their replies are read in place.

mod attribute;
mod read;
mod reply;
mod write;

pub(super) use attribute::*;
pub use read::{Attributes, Malformed, MessageView, messages};
pub(super) use read::{Flagged, head, text, value};
pub use reply::{Refusal, Reply, reply};
pub(super) use write::Message;

/// Bytes of `struct nlmsghdr` (linux/netlink.h).
pub(super) const HEADER_BYTES: usize = 16;

/// Bytes of `struct nlattr` (linux/netlink.h).
const ATTRIBUTE_HEADER_BYTES: usize = 4;

/// The flag of an attribute that contains attributes: `NLA_F_NESTED`, which strict checking requires.
const NESTED: u16 = 0x8000;

/// The alignment of messages and attributes, bytes: `NLMSG_ALIGNTO`, `NLA_ALIGNTO`.
const ALIGNMENT: usize = 4;

/// Returns a length including the padding after it, `None` if it overflows.
fn padded(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(ALIGNMENT)
}
