//! The steps of the program `tunctl`, for this program only: names are bytes, and a failure is reported by
//! its step.

use crate::error;
use napi::Either;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use tun2udp_core::device::Mode;
use tun2udp_core::device::tunctl::{self, Action, Outcome, Request, Stage};
use tun2udp_core::error::strerror;
use tun2udp_core::namespace;
use tun2udp_core::sys::process;

/// The core's `Request`, and the namespace to run it in.
#[napi(object, object_to_js = false)]
pub struct NativeTunctlRequest {
    /// Ethernet frames rather than IP packets.
    pub is_tap: bool,
    /// The device may have several queues.
    pub is_multi_queue: bool,
    /// Bytes of the name or template.
    pub name: Buffer,
    /// Bytes of the path of the clone device.
    pub clone_device: Buffer,
    /// Removes the device rather than creating it.
    pub is_delete: bool,
    /// Number of the user, for creation.
    pub owner: Option<u32>,
    /// Number of the group, for creation.
    pub group: Option<u32>,
    /// Name, path or process id of a network namespace.
    pub netns: Option<String>,
}

/// The core's `Outcome`.
#[napi(object, object_from_js = false)]
pub struct NativeTunctlOutcome {
    /// Bytes of the name that the kernel reports.
    pub name: Buffer,
    /// Number of the user that was set.
    pub owner: Option<u32>,
    /// Number of the group that was set.
    pub group: Option<u32>,
}

/// The step that failed.
#[napi(object, object_from_js = false)]
pub struct NativeTunctlFailure {
    /// The core's `Stage`.
    #[napi(ts_type = "'open' | 'attach' | 'persist'")]
    pub step: String,
    /// The system's text for its errno.
    pub reason: String,
}

/// Runs the steps. They are a few ioctls, so they run on the calling thread.
///
/// Throws only if the namespace cannot be entered.
#[napi(catch_unwind)]
pub fn run_tunctl(
    request: NativeTunctlRequest,
) -> napi::Result<Either<NativeTunctlOutcome, NativeTunctlFailure>> {
    let netns = request.netns.clone();
    let request = Request::from(request);
    let done = match netns {
        Some(name) => namespace::within(&name, || Ok(tunctl::run(&request))),
        None => Ok(tunctl::run(&request)),
    };
    Ok(match done.map_err(|e| error::to_napi(&e))? {
        Ok(outcome) => Either::A(outcome.into()),
        Err(failure) => Either::B(failure.into()),
    })
}

/// Returns the number of the user called `name`.
#[napi(catch_unwind)]
pub fn find_user(name: Buffer) -> Option<u32> {
    tunctl::find_user(&name)
}

/// Returns the number of the group called `name`.
#[napi(catch_unwind)]
pub fn find_group(name: Buffer) -> Option<u32> {
    tunctl::find_group(&name)
}

/// Ends the process with `SIGPIPE`, which Node ignores.
#[napi(catch_unwind)]
pub fn end_by_broken_pipe() {
    process::end_by_broken_pipe();
}

impl From<NativeTunctlRequest> for Request {
    fn from(request: NativeTunctlRequest) -> Self {
        let NativeTunctlRequest { owner, group, .. } = request;
        Self {
            mode: if request.is_tap { Mode::Tap } else { Mode::Tun },
            is_multi_queue: request.is_multi_queue,
            name: request.name.to_vec(),
            clone_device: OsStr::from_bytes(&request.clone_device).into(),
            action: if request.is_delete {
                Action::Delete
            } else {
                Action::Create { owner, group }
            },
        }
    }
}

impl From<Outcome> for NativeTunctlOutcome {
    fn from(Outcome { name, owner, group }: Outcome) -> Self {
        Self { name: name.into(), owner, group }
    }
}

impl From<(Stage, io::Error)> for NativeTunctlFailure {
    fn from((step, error): (Stage, io::Error)) -> Self {
        let step = match step {
            Stage::Open => "open",
            Stage::Attach => "attach",
            Stage::Persist => "persist",
        };
        let reason = error.raw_os_error().map_or_else(|| error.to_string(), strerror);
        Self { step: step.to_owned(), reason }
    }
}
