//! Notifications to the service manager: `sd_notify(3)`.

use crate::error;
use napi_derive::napi;
use sd_notify::NotifyState;
use tun2udp_core::Error;

/// Sends `state` to the service manager. Returns whether there is one.
#[napi(catch_unwind)]
pub fn sd_notify(state: String) -> napi::Result<bool> {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return Ok(false);
    };
    sd_notify::notify(&[NotifyState::Custom(&state)]).map_err(|cause| {
        let error =
            Error::os("notify the service manager at", socket.to_string_lossy(), "sendto", &cause)
                .with_advice("check NOTIFY_SOCKET, or unset it");
        error::to_napi(&error)
    })?;
    Ok(true)
}
