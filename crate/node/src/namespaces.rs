//! Network namespaces: creates, lists and removes named ones, and opens those that sockets and processes are
//! created in.

use crate::background::run_blocking;
use crate::error;
use napi::Env;
use napi::bindgen_prelude::{Function, PromiseRaw, Unknown};
use napi_derive::napi;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use tun2udp_core::namespace::{self, Namespace, SocketKind, SocketOptions};
use tun2udp_core::{Error, ErrorCode};

/// Returns the names of all named namespaces.
#[napi(catch_unwind, ts_return_type = "Promise<Array<string>>")]
pub fn list_namespaces(env: &Env) -> napi::Result<PromiseRaw<'_, Vec<String>>> {
    run_blocking(env, namespace::list)
}

/// Creates a namespace.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn create_namespace(env: &Env, name: String) -> napi::Result<PromiseRaw<'_, ()>> {
    run_blocking(env, move || namespace::create(&name))
}

/// Removes the name of a namespace.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn delete_namespace(env: &Env, name: String) -> napi::Result<PromiseRaw<'_, ()>> {
    run_blocking(env, move || namespace::delete(&name))
}

/// An open namespace.
#[napi]
pub struct NativeNamespace {
    namespace: Mutex<Option<Arc<Namespace>>>,
}

/// A socket that is passed to an object of Node, which owns it after `release()`.
#[napi]
pub struct NativeSocket {
    fd: Option<OwnedFd>,
}

#[napi]
impl NativeSocket {
    /// Returns the descriptor; -1 if it was released or closed.
    #[napi(getter, catch_unwind)]
    pub fn fd(&self) -> i32 {
        self.fd.as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }

    /// Gives up the descriptor: the caller is its new owner.
    #[napi(catch_unwind)]
    pub fn release(&mut self) {
        self.fd.take().map(IntoRawFd::into_raw_fd);
    }

    /// Closes the descriptor.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.fd = None;
    }
}

/// Options of a socket. `lib/namespaces/` has checked them.
#[napi(object, object_to_js = false)]
pub struct NativeSocketOptions {
    /// TCP rather than UDP.
    pub is_stream: bool,
    /// The address to bind; its family is the family of the socket.
    pub address: String,
    /// The port to bind; absent: the socket stays unbound.
    pub port: Option<u16>,
    /// `SO_REUSEADDR`.
    pub reuse_address: bool,
    /// `IPV6_V6ONLY`.
    pub ipv6_only: bool,
}

/// Opens a namespace by its name, a path, or a process id.
#[napi(catch_unwind)]
pub fn open_namespace(name: String) -> napi::Result<NativeNamespace> {
    Namespace::open(&name).map(NativeNamespace::new).map_err(|e| error::to_napi(&e))
}

/// Creates a namespace without a name.
#[napi(catch_unwind, ts_return_type = "Promise<NativeNamespace>")]
pub fn create_unnamed_namespace(env: &Env) -> napi::Result<PromiseRaw<'_, NativeNamespace>> {
    run_blocking(env, || Namespace::unnamed().map(NativeNamespace::new))
}

#[napi]
impl NativeNamespace {
    /// Returns the path that opens this namespace, valid as long as this object is open.
    #[napi(getter, catch_unwind)]
    pub fn path(&self) -> napi::Result<String> {
        Ok(self.get()?.path())
    }

    /// Calls a synchronous function while this thread is in the namespace, and returns its result.
    #[napi(
        catch_unwind,
        ts_args_type = "work: () => T",
        ts_generic_types = "T",
        ts_return_type = "T"
    )]
    pub fn visit<'env>(
        &self,
        work: Function<'env, (), Unknown<'env>>,
    ) -> napi::Result<Unknown<'env>> {
        // The namespace is not borrowed, because the function may close it.
        let namespace = self.get()?;
        namespace.visit(|| work.call(())).map_err(|e| error::to_napi(&e))?
    }

    /// Creates a socket.
    #[napi(catch_unwind)]
    pub fn socket(&self, options: NativeSocketOptions) -> napi::Result<NativeSocket> {
        let options = SocketOptions::try_from(options).map_err(|e| error::to_napi(&e))?;
        let socket = self.get()?.socket(options).map_err(|e| error::to_napi(&e))?;
        Ok(NativeSocket { fd: Some(socket) })
    }

    /// Releases the namespace.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        drop(self.namespace.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl NativeNamespace {
    fn new(namespace: Namespace) -> Self {
        Self { namespace: Mutex::new(Some(Arc::new(namespace))) }
    }

    /// Returns the namespace; an error if it is closed.
    pub(crate) fn get(&self) -> napi::Result<Arc<Namespace>> {
        let namespace = self.namespace.lock().unwrap_or_else(PoisonError::into_inner).clone();
        namespace.ok_or_else(|| {
            let reason = "it is closed";
            error::to_napi(&Error::new(ErrorCode::Closed, "use the network namespace", "", reason))
        })
    }
}

impl TryFrom<NativeSocketOptions> for SocketOptions {
    type Error = Error;

    fn try_from(options: NativeSocketOptions) -> Result<Self, Error> {
        let address: IpAddr = options.address.parse().map_err(|_| {
            let (code, reason) = (ErrorCode::InvalidArgument, "expected an IP address");
            Error::new(code, "open a socket on", &options.address, reason)
        })?;
        let kind = if options.is_stream { SocketKind::Stream } else { SocketKind::Datagram };
        let NativeSocketOptions { port, reuse_address, ipv6_only, .. } = options;
        Ok(Self { kind, address, port, reuse_address, ipv6_only })
    }
}
