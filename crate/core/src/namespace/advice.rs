//! Advice for refusals and limits that do not depend on the request.

use crate::sys::capability::{self, Capability};
use std::borrow::Cow;

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
