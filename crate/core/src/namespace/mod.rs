//! Network namespaces: entering one, and those that have names.
//!
//! Each thread has its namespace. [`within`] moves a thread of its own, not the calling one;
//! [`enter`] and [`Namespace::visit`] move the calling thread.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub(crate) mod advice;
mod enter;
mod handle;
mod named;
mod socket;

pub use enter::{enter, open, within, within_open};
pub use handle::Namespace;
pub use named::{create, delete, list};
pub use socket::{SocketKind, SocketOptions};

/// Where named namespaces are (ip-netns(8)).
pub(crate) const FOLDER: &str = "/run/netns";
