//! The N-API bridge: thin, no logic, one file a topic.
//!
//! - `relay` is the native relay as a JavaScript class; `convert` turns its values into plain objects and
//!   back, `counters` its counters; `tables` is what Rust and TypeScript both know; `lifetime` ends relays
//!   together with the JavaScript environment that started them;
//! - `device` is an open TUN or TAP device, `device_packets` moves its packets, `device_options` is what it
//!   is opened with, `device_control` what is asked of it and changed on it, `readiness` when it can be
//!   read; `features` is what the driver can do; `sys` is what N-API and libuv need of `unsafe`;
//! - `persistent` makes, removes and lists devices that outlive their process;
//! - `tunctl` runs the steps of the program of that name;
//! - `netlink` runs operations on links, addresses and routes, and `dump` reads whole tables; `monitor` tells
//!   of changes, all three over `json`; `namespaces` creates and removes named ones, and opens
//!   those that sockets and processes are created in;
//! - `notify` speaks to the service manager;
//! - `background` runs what waits off the event loop: the only runtime and the only promises;
//! - `error` is the one form in which errors cross over; `lib/errors.ts` reads it.
//!
//! Every synchronous export carries `catch_unwind`: a panic that left it would abort the process.

mod background;
pub mod convert;
pub mod counters;
pub mod device;
pub mod device_control;
pub mod device_options;
pub mod device_packets;
pub mod dump;
mod error;
pub mod features;
mod json;
pub mod lifetime;
pub mod monitor;
pub mod namespaces;
pub mod netlink;
pub mod notify;
pub mod persistent;
pub mod readiness;
pub mod relay;
mod sys;
pub mod tables;
pub mod tunctl;
