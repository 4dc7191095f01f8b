//! Netlink messages as bytes: pure functions, no I/O (netlink(7), rtnetlink(7)).
//!
//! Own code rather than neli's, for two reasons: whatever arrives must give an error and never a
//! panic, and neli 0.7.5 subtracts the length of the header from whatever length the message claims;
//! and many requests are to go out by one call, and their replies to be read where they lie.

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

/// The flag of an attribute that holds others: `NLA_F_NESTED`, which strict checking demands.
const NESTED: u16 = 0x8000;

/// What messages and attributes are aligned to: `NLMSG_ALIGNTO`, `NLA_ALIGNTO`.
const ALIGNMENT: usize = 4;

/// A length with the padding behind it; `None` when it is beyond what can be counted.
fn padded(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(ALIGNMENT)
}
