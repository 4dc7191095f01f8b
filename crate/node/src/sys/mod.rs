//! What N-API and libuv need of `unsafe`, and the only room of the bridge where it is allowed.
#![allow(unsafe_code)]

pub(crate) mod list;
pub(crate) mod uv;
pub(crate) mod view;
