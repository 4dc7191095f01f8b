//! What a request is about, and the errors that it comes back with.

use super::codec::{self, Refusal};
use crate::error::{Error, ErrorCode};
use crate::sys::privileges;
use std::io;

/// What a request is about, for its errors.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// `set the MTU of`
    pub(super) operation: &'static str,
    /// The interface, address or route.
    pub(super) subject: String,
    /// `RTM_NEWLINK`
    pub(super) request: &'static str,
}

impl Context {
    /// Of one object.
    pub(super) fn new(
        operation: &'static str,
        subject: impl Into<String>,
        request: &'static str,
    ) -> Self {
        Self { operation, subject: subject.into(), request }
    }

    /// Whether the request only reads.
    pub(super) fn is_look_up(&self) -> bool {
        self.request.starts_with("RTM_GET")
    }

    /// The kernel refused `message`, a whole request.
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
        self.advised(error)
    }

    /// What to do about a refusal, where that can be said for all requests of its kind.
    fn advised(&self, error: Error) -> Error {
        match (error.code(), self.request) {
            (_, "RTM_GETROUTE") if is_forbidding_route(&error) => error
                .with_code(ErrorCode::Unreachable)
                .with_advice("a route of type blackhole, prohibit or unreachable forbids it"),
            (ErrorCode::Permission, _) if privileges::has_net_admin() => error,
            (ErrorCode::Permission, _) => error.with_advice(
                "it needs CAP_NET_ADMIN over the interface's network namespace: run it as root",
            ),
            (ErrorCode::Exists, "RTM_NEWLINK" | "RTM_NEWLINKPROP") => {
                error.with_advice("an interface has that name already: choose another")
            }
            (ErrorCode::Exists, "RTM_NEWRULE") => error.with_advice("it is there already"),
            (ErrorCode::Exists, _) => {
                error.with_advice("it is there already: replace it, or delete it first")
            }
            (ErrorCode::Unreachable, "RTM_NEWROUTE") => error.with_advice(
                "the gateway must be on a network of an interface that is up, or else say on-link",
            ),
            (ErrorCode::NotFound, "RTM_DELROUTE") => {
                error.with_advice("no route has all of these properties: list the routes")
            }
            (ErrorCode::NotFound, "RTM_DELRULE") => {
                error.with_advice("no rule has all of these properties: list the rules")
            }
            (ErrorCode::AddressNotAvailable, "RTM_DELADDR") => {
                error.with_advice("the interface has no such address with that prefix length")
            }
            _ => error,
        }
    }

    /// The socket failed.
    pub(super) fn system(&self, error: &io::Error) -> Error {
        Error::os(self.operation, self.subject.as_str(), self.request, error)
    }

    /// A message could not be made or read.
    pub(super) fn malformed(&self, what: &str) -> Error {
        Error::new(ErrorCode::System, self.operation, self.subject.as_str(), what)
    }

    /// Answers were lost, so that nobody knows what became of the request.
    pub(super) fn overrun(&self) -> Error {
        self.system(&io::Error::from_raw_os_error(libc::ENOBUFS))
            .with_advice("the kernel's answer was lost: look whether it was done")
    }
}

/// Returns whether a look-up failed because of the type of the route that it found (`fib_props` of
/// net/ipv4/fib_semantics.c). A request that is malformed gets a text or an attribute too.
fn is_forbidding_route(error: &Error) -> bool {
    let is_of_type =
        matches!(error.errno(), Some(libc::EINVAL | libc::EACCES | libc::EHOSTUNREACH));
    is_of_type && error.kernel_text().is_none() && error.attribute().is_none()
}
