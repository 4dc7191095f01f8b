//! Errors on their way to JavaScript: one JSON object as the message, which `lib/errors.ts` reads.

use napi::Status;
use serde_json::json;
use tun2udp_core::Error;

/// The N-API error of an error of the core.
pub(crate) fn to_napi(error: &Error) -> napi::Error {
    napi::Error::new(Status::GenericFailure, parts(error).to_string())
}

/// The parts of an error, as that object has them.
pub(crate) fn parts(error: &Error) -> serde_json::Value {
    without_nulls(json!({
        "code": error.code().name(),
        "message": error.to_string(),
        "errno": error.errno(),
        "syscall": error.syscall(),
        "subject": Some(error.subject()).filter(|subject| !subject.is_empty()),
        "kernelMessage": error.kernel_text(),
        "attribute": error.attribute(),
        "advice": error.advice(),
    }))
}

/// That object as text.
pub(crate) fn to_json(error: &Error) -> String {
    parts(error).to_string()
}

/// Absent rather than null, as the TypeScript side has it.
fn without_nulls(mut parts: serde_json::Value) -> serde_json::Value {
    if let Some(parts) = parts.as_object_mut() {
        parts.retain(|_, value| !value.is_null());
    }
    parts
}
