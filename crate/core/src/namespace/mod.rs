//! Network namespaces: entering a namespace, and named namespaces.
//!
//! Each thread is in one namespace. [`within`] moves a new thread, not the calling one; [`enter`] and
//! [`Namespace::visit`] move the calling thread.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod enter;
mod handle;
mod named;
mod socket;

pub use enter::{enter, open, within, within_open};
pub use handle::Namespace;
pub use named::{create, delete, list};
pub use socket::{SocketKind, SocketOptions};

/// The folder of the named namespaces (ip-netns(8)).
pub(crate) const FOLDER: &str = "/run/netns";
