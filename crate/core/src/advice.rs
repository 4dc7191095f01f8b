//! Advice for refusals and limits that do not depend on the request.

use crate::sys::capability::{self, Capability};
use crate::sys::interface::{DuplicateDetection, duplicate_detection};
use std::borrow::Cow;
use std::net::IpAddr;

/// A limit on open files was reached (`EMFILE`, `ENFILE`).
pub(crate) const DESCRIPTORS: &str =
    "raise the limit on open files (ulimit -n, sysctl fs.file-max), or close some";

/// A limit on threads was reached (`EAGAIN` of clone(2)).
pub(crate) const THREADS: &str =
    "raise the limit on threads (ulimit -u, pids.max of the control group)";

/// Returns the advice for `EPERM` or `EACCES`. Only a thread without the capability is advised to run as
/// root. For a thread with it, the user namespace that owns `object` or a sandbox is the cause.
pub(crate) fn permission(capability: Capability, object: &str) -> Cow<'static, str> {
    let missing = || format!("it needs {} over {object}: run it as root", capability.name());
    capability::refused_though_present(capability, object).unwrap_or_else(missing).into()
}

/// Returns the advice for a port that may not be bound (`EACCES` of bind(2)).
pub(crate) fn low_port() -> Cow<'static, str> {
    const MISSING: &str = "ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE: run it as \
                           root, or choose another port";
    capability::refused_though_present(Capability::NetBindService, "the network namespace")
        .map_or(Cow::Borrowed(MISSING), Cow::Owned)
}

/// Returns the advice for an address that cannot be bound in the calling thread's network namespace
/// (`EADDRNOTAVAIL` of bind(2)). `not_local` is the advice if no interface has the address.
pub(crate) fn unavailable(address: IpAddr, not_local: &'static str) -> &'static str {
    let IpAddr::V6(v6) = address else { return not_local };
    match duplicate_detection(v6) {
        Some(DuplicateDetection::Running) => {
            "duplicate address detection is running: start again in a few seconds, or add the \
             address with \"nodad\" of ip-address(8)"
        }
        Some(DuplicateDetection::Failed) => {
            "another host on the link has this address (dadfailed): use another one"
        }
        None => not_local,
    }
}
