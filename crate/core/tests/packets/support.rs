//! What this test takes from `tests/support`.

#[path = "../support/golden.rs"]
pub(crate) mod golden;
