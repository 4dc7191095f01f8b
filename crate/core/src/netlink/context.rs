//! The context of a request, and its errors.

use super::codec::{self, HEADER_BYTES, Refusal};
use crate::advice;
use crate::error::{Error, ErrorCode};
use crate::sys::capability::Capability;
use std::io;

/// The operation and object of a request, for its errors.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// The operation: `set the MTU of`
    pub(super) operation: &'static str,
    /// The interface, address or route.
    pub(super) subject: String,
    /// The message type: `RTM_NEWLINK`
    pub(super) request: &'static str,
}

impl Context {
    /// Creates the context of a request on one object.
    pub(super) fn new(
        operation: &'static str,
        subject: impl Into<String>,
        request: &'static str,
    ) -> Self {
        Self { operation, subject: subject.into(), request }
    }

    /// Returns whether the request only reads.
    pub(super) fn is_look_up(&self) -> bool {
        self.request.starts_with("RTM_GET")
    }

    /// Returns the error for the kernel's refusal of `message`, a whole request.
    pub(super) fn refused(&self, refusal: Refusal, message: &[u8]) -> Error {
        let mut error = self.system(&io::Error::from_raw_os_error(refusal.errno));
        if let Some(text) = refusal.text {
            error = error.with_kernel_text(text);
        }
        if let Some(name) = refusal.offset.and_then(|offset| codec::name_at(message, offset)) {
            error = error.with_attribute(name);
        }
        let kind = codec::head::<u16>(message, 4).unwrap_or_default();
        if let Some(name) = refusal.missing.and_then(|missing| codec::name_of(kind, missing)) {
            error = error.with_attribute(format!("missing {name}"));
        }
        self.advised(error, codec::head::<u8>(message, HEADER_BYTES) == Some(libc::AF_INET6 as u8))
    }

    /// Adds advice to a refusal, if the advice is the same for all requests of its kind.
    fn advised(&self, error: Error, is_ipv6: bool) -> Error {
        const OBJECT: &str = "the interface's network namespace";
        match (error.code(), self.request) {
            // A missing privilege is EPERM. The kernel returns EACCES if IPv6 is disabled
            // (`inet6_addr_add`, net/ipv6/addrconf.c; `fib6_nh_init`, net/ipv6/route.c).
            (ErrorCode::Permission, "RTM_NEWADDR" | "RTM_NEWROUTE")
                if is_ipv6 && error.errno() == Some(libc::EACCES) =>
            {
                error.with_code(ErrorCode::Unsupported).with_advice(
                    "IPv6 is disabled on the interface: sysctl net.ipv6.conf.INTERFACE.disable_ipv6=0",
                )
            }
            (ErrorCode::Permission, _) if error.errno() == Some(libc::EPERM) => {
                error.with_advice(advice::permission(Capability::NetAdmin, OBJECT))
            }
            // There is no handler for the family, or none for the request (`rtnetlink_rcv_msg`,
            // net/core/rtnetlink.c).
            (ErrorCode::Unsupported, request)
                if is_ipv6
                    && error.kernel_text().is_none()
                    && (request == "RTM_NEWADDR" || error.errno() == Some(libc::EAFNOSUPPORT)) =>
            {
                error.with_advice("this kernel has no IPv6, or was started with ipv6.disable=1")
            }
            (ErrorCode::Exists, "RTM_NEWLINK" | "RTM_NEWLINKPROP") => {
                error.with_advice("an interface has that name already: choose another")
            }
            (ErrorCode::Exists, "RTM_NEWRULE") => {
                error.with_advice("it already exists: delete it first")
            }
            (ErrorCode::Exists, _) => {
                error.with_advice("it already exists: replace it, or delete it first")
            }
            (ErrorCode::Unreachable, "RTM_NEWROUTE") => error.with_advice(
                "the gateway must be on a network of an interface that is up; otherwise set onLink",
            ),
            (ErrorCode::NotFound, "RTM_DELROUTE") => {
                error.with_advice("no route has all of these properties: list the routes")
            }
            (ErrorCode::NotFound, "RTM_DELRULE") => {
                error.with_advice("no rule has all of these properties: list the rules")
            }
            (ErrorCode::AddressNotAvailable, "RTM_DELADDR") => {
                error.with_advice(
                    "the interface has no such address with that prefix length: list the addresses",
                )
            }
            _ => error,
        }
    }

    /// Returns the error for a failure of the socket.
    pub(super) fn system(&self, error: &io::Error) -> Error {
        Error::os(self.operation, self.subject.as_str(), self.request, error)
    }

    /// Returns the error for a message that cannot be built or read.
    pub(super) fn malformed(&self, what: &str) -> Error {
        Error::new(ErrorCode::System, self.operation, self.subject.as_str(), what)
    }

    /// Returns the error for lost replies: the result of the request is unknown.
    pub(super) fn overrun(&self) -> Error {
        self.system(&io::Error::from_raw_os_error(libc::ENOBUFS))
            .with_advice("the kernel's answer was lost: look whether it was done")
    }
}
