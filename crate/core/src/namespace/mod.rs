//! Network namespaces: entering one, and those that have names.
//!
//! A namespace is that of a thread. The thread that moves is never the caller's unless the caller
//! says so: [`within`] takes one of its own.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod enter;
mod named;

pub use enter::{enter, open, within, within_open};
pub use named::{create, delete, list};

/// Where named namespaces are (ip-netns(8)).
pub(crate) const FOLDER: &str = "/run/netns";
