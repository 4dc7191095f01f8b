//! JSON, the form in which requests and objects of RTNETLINK pass between JavaScript and Rust.

use crate::error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tun2udp_core::{Error, ErrorCode};

/// Parses a request.
///
/// # Errors
///
/// `ERR_TUN_INVALID_ARGUMENT` with the reason that serde reports.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> napi::Result<T> {
    serde_json::from_str(text).map_err(|cause| {
        let reason = cause.to_string();
        error::to_napi(&Error::new(ErrorCode::InvalidArgument, "read the request", "", reason))
    })
}

/// Serializes objects.
pub(crate) fn to_json(value: &impl Serialize) -> napi::Result<String> {
    serde_json::to_string(value).map_err(|e| napi::Error::from_reason(format!("write JSON: {e}")))
}
