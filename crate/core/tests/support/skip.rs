//! Skipped tests.
#![allow(clippy::print_stdout, reason = "--show-output shows it")]

use std::fmt::Display;
use std::panic::Location;

/// Returns whether there is a `reason` to skip the calling test, and prints it with the test's name.
/// The name is that of the thread, which libtest names after the test; on the main thread, the place
/// of the call is printed instead.
#[track_caller]
pub(crate) fn because(reason: Option<impl Display>) -> bool {
    if let Some(reason) = &reason {
        println!("SKIP {}: {reason}", test_name());
    }
    reason.is_some()
}

#[track_caller]
fn test_name() -> String {
    match std::thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => Location::caller().to_string(),
    }
}
