//! Passes errors to JavaScript: the message is one JSON object, which `lib/errors.ts` parses.

use napi::Status;
use serde_json::json;
use tun2udp_core::Error;

/// Converts an error of the core to an N-API error.
pub(crate) fn to_napi(error: &Error) -> napi::Error {
    napi::Error::new(Status::GenericFailure, parts(error).to_string())
}

/// The parts of an error, with the names that this object has.
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

/// Serializes that object.
pub(crate) fn to_json(error: &Error) -> String {
    parts(error).to_string()
}

/// Absent rather than null, as in TypeScript.
fn without_nulls(mut parts: serde_json::Value) -> serde_json::Value {
    if let Some(parts) = parts.as_object_mut() {
        parts.retain(|_, value| !value.is_null());
    }
    parts
}
