//! The kernel's own interface, and the only room of the core where `unsafe` is allowed.
#![allow(unsafe_code)]
