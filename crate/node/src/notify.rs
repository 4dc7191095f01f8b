//! Notifications to the service manager: `sd_notify(3)`.

use crate::background;
use crate::error;
use crate::sys::list::List;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use tokio::io::Interest;
use tun2udp_core::sys::{descriptor, rights};
use tun2udp_core::{Error, ErrorCode};

/// How long a notification waits for room in the queue of the service manager.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends `state` to the service manager, with duplicates of `descriptors`. Returns whether there is one.
#[napi(catch_unwind, ts_return_type = "Promise<boolean>")]
pub fn sd_notify(
    env: &Env,
    state: String,
    #[napi(ts_arg_type = "Array<number> | undefined | null")] descriptors: Option<List<i32, 253>>,
) -> napi::Result<PromiseRaw<'_, bool>> {
    let copies = descriptors.as_deref().unwrap_or_default().iter();
    let copies = copies.map(|number| descriptor::duplicate(*number));
    let copies = copies.collect::<io::Result<Vec<OwnedFd>>>().map_err(|e| {
        error::to_napi(&Error::os("pass on descriptors to", "the service manager", "fcntl", &e))
    })?;
    let socket = std::env::var_os("NOTIFY_SOCKET");
    background::run(env, async move {
        let Some(socket) = socket else { return Ok(false) };
        let refuse =
            |error: Error| error::to_napi(&error.with_advice("check NOTIFY_SOCKET, or unset it"));
        let operation = "notify the service manager at";
        let sending = send(&socket, format!("{state}\n"), copies);
        match tokio::time::timeout(PATIENCE, sending).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(cause)) => {
                Err(refuse(Error::os(operation, socket.to_string_lossy(), "sendto", &cause)))
            }
            Err(_) => {
                let reason = format!("its queue was full for {} seconds", PATIENCE.as_secs());
                let subject = socket.to_string_lossy();
                Err(refuse(Error::new(ErrorCode::System, operation, subject, reason)))
            }
        }
    })
}

/// Sends a datagram to a path, or to an abstract name if it begins with `@` (unix(7)). Waits for room in the queue.
async fn send(socket: &OsStr, state: String, descriptors: Vec<OwnedFd>) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    datagram.set_nonblocking(true)?;
    datagram.connect_addr(&address)?;
    let datagram = tokio::net::UnixDatagram::from_std(datagram)?;
    let with: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    let send = || rights::send(datagram.as_fd(), state.as_bytes(), &with);
    datagram.async_io(Interest::WRITABLE, send).await?;
    Ok(())
}
