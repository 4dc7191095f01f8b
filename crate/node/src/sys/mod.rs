//! The `unsafe` code for N-API and libuv. This is the only module of the bridge where `unsafe` is allowed.
#![allow(unsafe_code)]

pub(crate) mod list;
pub(crate) mod uv;
pub(crate) mod view;
