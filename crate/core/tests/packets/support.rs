//! Modules of `tests/support` that this test uses.

#[path = "../support/golden.rs"]
pub(crate) mod golden;
