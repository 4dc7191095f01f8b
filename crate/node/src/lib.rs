//! The N-API bridge: thin, without logic, one file per topic.
//!
//! - `relay` is the native relay as a JavaScript class; `convert` converts its values to plain objects and
//!   back, `peers` its peers, `counters` its counters; `tables` contains the tables that Rust and TypeScript share; `lifetime`
//!   ends relays together with the JavaScript environment that started them;
//! - `capture` is a capture of a relay as a JavaScript class;
//! - `device` is an open TUN or TAP device; `device_packets` moves its packets, `device_options` contains its
//!   options, `device_control` its queries and changes, and `readiness` reports when it can be read or
//!   written; `features` reports the features of the driver; `sys` contains the `unsafe` code for N-API and
//!   libuv;
//! - `lookup` resolves host names with getaddrinfo(3);
//! - `persistent` creates, removes and lists devices that outlive their process;
//! - `tunctl` runs the steps of the program of that name;
//! - `netlink` runs operations on links, addresses and routes, `dump` reads whole tables, and `monitor`
//!   reports changes; all three use `json`; `namespaces` creates and removes named namespaces, and opens
//!   namespaces that sockets and processes are created in;
//! - `handover` passes a running relay on, and `messages` sends its descriptors to another process;
//! - `connection` identifies the process at the other end of a Unix connection;
//! - `notify` sends notifications to the service manager;
//! - `background` runs everything that waits off the event loop: it has the only runtime and the only
//!   promises;
//! - `error` defines the one form in which errors pass to JavaScript; `lib/errors.ts` parses it.
//!
//! Every synchronous export has `catch_unwind`, because a panic that left it would abort the process.

mod background;
pub mod capture;
pub mod connection;
pub mod convert;
pub mod counters;
pub mod device;
pub mod device_control;
pub mod device_options;
pub mod device_packets;
pub mod dump;
mod error;
pub mod features;
pub mod handover;
mod json;
pub mod lifetime;
pub mod lookup;
pub mod messages;
pub mod monitor;
pub mod namespaces;
pub mod netlink;
pub mod notify;
pub mod peers;
pub mod persistent;
pub mod readiness;
pub mod relay;
mod sys;
pub mod tables;
pub mod tunctl;
