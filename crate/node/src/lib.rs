//! The N-API bridge: thin, no logic, one file a topic.
//!
//! - `relay` is the native relay as a JavaScript class; `convert` turns its values into plain objects and
//!   back; `lifetime` ends relays together with the JavaScript environment that started them;
//! - `device` is an open TUN or TAP device, `device_options` what it is opened with, `readiness` when
//!   it can be read; `sys` is what N-API and libuv need of `unsafe`;
//! - `notify` speaks to the service manager;
//! - `error` is the one form in which errors cross over; `lib/errors.ts` reads it.
//!
//! Every synchronous export carries `catch_unwind`: a panic that left it would abort the process.

pub mod convert;
pub mod device;
pub mod device_options;
mod error;
pub mod lifetime;
pub mod notify;
pub mod readiness;
pub mod relay;
mod sys;
